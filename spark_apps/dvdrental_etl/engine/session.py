"""The Spark session of a job: what every job needs, whoever started the JVM."""

import atexit
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dvdrental_etl.config import ROOT
from dvdrental_etl.engine import package_zip
from dvdrental_etl.errors import ConfigError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DRIVER_JAR = ROOT / "jars" / "postgresql.jar"
#: Rows are shuffled into so many partitions, or more where these would be larger than memory wants them.
SHARES, ROWS_PER_SHARE = 64, 100_000


def start(name: str) -> "SparkSession":
    """Start Spark, or join the JVM that spark-submit started.

    Secrets never become configuration: plain python would hand that to the JVM as arguments.
    """
    if not DRIVER_JAR.is_file():
        raise ConfigError(f"there is no JDBC driver at {DRIVER_JAR}", "fetch it with `make driver`")
    # Executors' Python must be this one: another has neither pyarrow nor psycopg2.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if "PYSPARK_GATEWAY_PORT" not in os.environ:  # plain python, so Spark is about to run here only
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(name)
    for key, value in _configuration().items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    _add_driver(spark)
    if not spark.conf.get("spark.submit.pyFiles", ""):  # else the package came along by --py-files
        spark.sparkContext.addPyFile(_package_zip())
    _live_in_utc(spark)
    return spark


def expect(spark: "SparkSession", rows: int) -> None:
    """Make room for a table of so many rows: partitions that can be hashed in memory, however many it takes."""
    if (shares := rows // ROWS_PER_SHARE) > SHARES:
        spark.conf.set("spark.sql.shuffle.partitions", str(shares))


def _configuration() -> dict[str, str]:
    return {
        "spark.sql.session.timeZone": "UTC",
        "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
        # A small load has them merged as soon as their sizes are seen.
        "spark.sql.shuffle.partitions": str(SHARES),
        # Merged up to this size, however idle a core is: many small tasks would write many small files for Redshift.
        # It is compressed: in memory, and hashed, a partition takes ten times as much, for each core.
        "spark.sql.adaptive.advisoryPartitionSizeInBytes": "8m",
        "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
        # Sides of a join that come in small partitions are hashed, not sorted.
        "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": "8m",
        # Spark takes a JDBC table for endless, and would shuffle even what source.py reads as one partition. It is
        # told to believe the partitions; what is broadcast, it decides later by sizes that it has seen.
        "spark.sql.defaultSizeInBytes": "1024",
        "spark.sql.maxSinglePartitionBytes": f"{2**63 - 1}b",
        "spark.sql.autoBroadcastJoinThreshold": "-1",
        "spark.sql.adaptive.autoBroadcastJoinThreshold": "32m",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "20000",
        # With any other limit Spark measures the batch again for each row: a fifth of the time of a large load.
        "spark.sql.execution.arrow.maxBytesPerBatch": str(2**31 - 1),
        # A small table that is broadcast is read beside large ones, not after them, and put together meanwhile.
        "spark.scheduler.mode": "FAIR",
        "spark.scheduler.allocation.file": _pools(),
        "spark.log.level": "OFF",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower(),
    }


def _add_driver(spark: "SparkSession") -> None:
    """Give the JVM the JDBC driver. Under spark-submit it is already up, so its class path is past mending.

    ADD JAR serves the session and the executors. The thread that takes failed tasks' results sees only the loader
    above the session's, and could not say what went wrong in the source without the driver's exception class.
    """
    spark.sql(f"ADD JAR '{DRIVER_JAR}'")
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    above = jvm.java.lang.Thread.currentThread().getContextClassLoader().getParent()
    above.addURL(jvm.java.io.File(str(DRIVER_JAR)).toURI().toURL())


@cache
def _folder() -> Path:
    """A folder of this process."""
    folder = Path(tempfile.mkdtemp(prefix="dvdrental-etl-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _pools() -> str:
    """Spark's pools, as it wants to have them: a file. Jobs in the one that there is take turns."""
    pools = _folder() / "pools.xml"
    pools.write_text(
        '<allocations><pool name="default"><schedulingMode>FAIR</schedulingMode></pool></allocations>'
    )
    return pools.as_uri()


@cache
def _package_zip() -> str:
    """This package as executors import it, so that a laptop and a cluster run the same code in the same way."""
    archive = _folder() / "dvdrental_etl.zip"
    package_zip.build(archive)
    return str(archive)


def _live_in_utc(spark: "SparkSession") -> None:
    """Make the driver's JVM read timestamps without zone as they stand.

    pgjdbc passes them through java.sql.Timestamp in the JVM's zone, where the hour that daylight saving skips does
    not exist and would be read an hour late.
    """
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    jvm.java.util.TimeZone.setDefault(jvm.java.util.TimeZone.getTimeZone("UTC"))
