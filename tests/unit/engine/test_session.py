"""The settings of a session for the tables that follow."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from dvdrental_etl.engine import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHARES = "spark.sql.shuffle.partitions"
COMPILED = ("spark.sql.codegen.wholeStage", "spark.sql.codegen.factoryMode")


@pytest.fixture
def begun(spark: "SparkSession") -> "Iterator[SparkSession]":
    """As a job begins it, with 64 partitions."""
    before = {name: str(spark.conf.get(name)) for name in (SHARES, *COMPILED)}
    spark.conf.set(SHARES, "64")
    yield spark
    for name, value in before.items():
        spark.conf.set(name, value)


@pytest.mark.parametrize(("rows", "shares"), [(0, "64"), (4_813_200, "64"), (16_044_000, "160")])
def test_partitions_stay_small_enough_for_parallel_hashing(begun, rows, shares):
    """A partition of 100,000 rows takes some 20 MB in memory: eight at once fit into the fact's 1.5 GB."""
    session.expect_rows(begun, rows, few=False)
    assert begun.conf.get(SHARES) == shares


def test_no_code_is_compiled_for_few_rows_and_the_result_is_the_same(begun):
    """More than a tenth of a dimension's time, on two cores, went into generating and compiling code for few rows."""
    # A constant that no other test has, or the code could be there already.
    query = "SELECT sha2(concat_ws('|', id, id % 7 + 8150731), 256) AS hash FROM range(50)"
    compiled, found = [], []
    for few in (True, False):
        session.expect_rows(begun, 1_000, few=few)
        before = _compilations(begun)
        found.append(begun.sql(query).collect())
        compiled.append(_compilations(begun) - before)
    assert compiled[0] == 0
    assert compiled[1] > 0
    assert found[0] == found[1]


def _compilations(spark: "SparkSession") -> int:
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    return int(jvm.org.apache.spark.metrics.source.CodegenMetrics.METRIC_COMPILATION_TIME().getCount())
