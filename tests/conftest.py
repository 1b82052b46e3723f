"""A small Spark session, and frames written as rows: a valid base row, and what a test changes in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.engines import IS_SAIL, SETTINGS
from tests.support.paths import SPARK_APPS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dvdrental_etl.model.source_tables import SourceTable

pytest_plugins = ["tests.support.servers"]

Row = Mapping[str, Any]


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """A developer may have a warehouse of their own in the environment: no test reads it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(("DVDRENTAL_", "PG"))]:
            if name not in ("DVDRENTAL_DUMP", "DVDRENTAL_ALL"):
                patch.delenv(name)
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Two threads, one partition after each shuffle, and no compiling: frames of a few rows need no more."""
    from pyspark.sql import SparkSession

    if IS_SAIL:
        from dvdrental_etl.config import EngineChoice
        from dvdrental_etl.engine.sail import Sail

        yield Sail(EngineChoice("sail", "allow")).start("tests")
        return
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    running = (
        SparkSession.builder.master("local[2]")
        .appName("tests")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
        .config("spark.default.parallelism", "1")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.autoBroadcastJoinThreshold", "-1")
        .config("spark.sql.maxSinglePartitionBytes", f"{2**63 - 1}b")
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        .config("spark.executorEnv.PYTHONPATH", str(SPARK_APPS))
        .getOrCreate()
    )
    yield running
    running.stop()


@pytest.fixture(scope="session")
def framed(spark: SparkSession) -> Callable[[str, Sequence[Row]], DataFrame]:
    """A frame of rows. Each row must name each column, no more and no less."""

    def make(schema: str, rows: Sequence[Row]) -> DataFrame:
        import pyarrow as pa
        from pyspark.sql.pandas.types import to_arrow_schema
        from pyspark.sql.types import StructType

        typed = StructType.fromDDL(schema)
        assert isinstance(typed, StructType)
        for row in rows:
            assert set(row) == set(typed.names), f"a row has {sorted(row)}, the frame {sorted(typed.names)}"
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=to_arrow_schema(typed))
        return spark.createDataFrame(table, typed).coalesce(1)  # as a small source table is read

    return make


@pytest.fixture(scope="session")
def extracted(framed: Callable[..., DataFrame]) -> Callable[..., dict[str, DataFrame]]:
    """The frames that a script's extract gives: the columns that its SOURCES list, and no others."""

    def make(sources: Sequence[SourceTable], rows: Mapping[str, Sequence[Row]]) -> dict[str, DataFrame]:
        assert set(rows) == {table.name for table in sources}
        return {
            # JDBC reads a timestamp without zone as what it is.
            table.name: framed(table.columns.replace(" timestamp", " timestamp_ntz"), rows[table.name])
            for table in sources
        }

    return make


@pytest.fixture(scope="session")
def same_rows(framed: Callable[..., DataFrame]) -> Callable[[DataFrame, str, Sequence[Row]], None]:
    """Assert that a frame has these columns and rows, in any order."""

    def check(actual: DataFrame, schema: str, rows: Sequence[Row]) -> None:
        from chispa import assert_df_equality

        assert_df_equality(
            actual,
            framed(schema, rows),
            ignore_nullable=True,
            ignore_column_order=True,
            ignore_row_order=len(rows) > 1,  # sorting costs as much as the rest
        )

    return check
