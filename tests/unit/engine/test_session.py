"""The settings of a session for the tables that follow."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from dvdrental_etl.engine import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHARES = "spark.sql.shuffle.partitions"


@pytest.fixture
def begun(spark: "SparkSession") -> "Iterator[SparkSession]":
    """As a job begins it, with 64 partitions."""
    before = spark.conf.get(SHARES)
    spark.conf.set(SHARES, "64")
    yield spark
    assert before
    spark.conf.set(SHARES, before)


@pytest.mark.parametrize(("rows", "shares"), [(0, "64"), (4_813_200, "64"), (16_044_000, "160")])
def test_partitions_stay_small_enough_for_parallel_hashing(begun, rows, shares):
    """A partition of 100,000 rows takes some 20 MB in memory: eight at once fit into the fact's 1.5 GB."""
    session.expect_rows(begun, rows)
    assert begun.conf.get(SHARES) == shares
