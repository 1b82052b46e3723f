"""The Spark session of a job: the same settings, whether spark-submit or plain Python started the JVM."""

import atexit
import importlib.util
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dvdrental_etl.config import ROOT
from dvdrental_etl.engine import package_zip
from dvdrental_etl.errors import ConfigError, first_line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DRIVER_JAR = ROOT / "jars" / "postgresql.jar"
#: Where Spark 4.3 logs the properties of a JDBC connection, password included, at level DEBUG.
CONNECTIONS_LOG = "org.apache.spark.sql.execution.datasources.jdbc.connection"
#: Partitions of a shuffle; more where each would get more rows than fit well into memory.
SHUFFLE_PARTITIONS, ROWS_PER_SHUFFLE_PARTITION = 64, 100_000


def start(name: str) -> "SparkSession":
    """Start Spark, or join the JVM that spark-submit started.

    Secrets are never part of the configuration: plain python passes it to the JVM as arguments.
    """
    if importlib.util.find_spec("py4j") is None:  # pyspark-client has none
        raise ConfigError(
            f"PySpark, or all but its client, is not installed in this Python, {sys.executable}",
            "make env, and run the script by .venv/bin/python; or let Sail run it: ENGINE=sail",
        )
    if not DRIVER_JAR.is_file():
        raise ConfigError(f"there is no JDBC driver at {DRIVER_JAR}", "fetch it with `make driver`")
    # Executors must run this Python: another one may have neither pyarrow nor psycopg2.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if "PYSPARK_GATEWAY_PORT" not in os.environ:  # plain python, so Spark runs on this machine only
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    from pyspark.sql import SparkSession

    _pass_no_numpy()
    builder = SparkSession.builder.appName(name)
    for key, value in _configuration().items():
        builder = builder.config(key, value)
    spark = _created(builder)
    add_jdbc_driver(spark)
    if not spark.conf.get("spark.submit.pyFiles", ""):  # else the package came along by --py-files
        spark.sparkContext.addPyFile(_package_zip())
    _use_utc(spark)
    _keep_passwords_out_of_the_log(spark)
    return spark


def _created(builder: "SparkSession.Builder") -> "SparkSession":
    """The session. Raises ConfigError where there is no Java, or not the one that Spark needs."""
    from pyspark.errors import PySparkRuntimeError

    try:
        return builder.getOrCreate()
    except FileNotFoundError as error:
        why = str(error)
    except PySparkRuntimeError as error:
        if error.getCondition() != "JAVA_GATEWAY_EXITED":
            raise
        why = first_line(error)
    raise ConfigError(
        f"Spark cannot start Java: {why}",
        "set JAVA_HOME to a Java of version 17 or newer, leave SPARK_HOME out, or do without Java: ENGINE=sail",
    )


def expect_rows(spark: "SparkSession", rows: int, *, few: bool) -> None:
    """Plan for a table of that many rows: shuffle partitions that can be hashed in memory.

    Few rows are interpreted: to generate code and to compile it takes longer than they do.
    """
    spark.conf.set("spark.sql.codegen.wholeStage", str(not few).lower())
    spark.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN" if few else "FALLBACK")
    if (partitions := rows // ROWS_PER_SHUFFLE_PARTITION) > SHUFFLE_PARTITIONS:
        spark.conf.set("spark.sql.shuffle.partitions", str(partitions))


def heap_bytes(spark: "SparkSession") -> int:
    """What the driver's Java may use, in bytes."""
    jvm = spark.sparkContext._jvm
    return int(jvm.java.lang.Runtime.getRuntime().maxMemory())  # type: ignore[union-attr]


def _pass_no_numpy() -> None:
    """Remove what converts numpy's values for calls of the JVM: it imports pyspark.testing, and with it pandas.

    So the driver can pass no such value to Spark's functions; it has none.
    """
    from py4j import protocol

    protocol.INPUT_CONVERTER[:] = [
        each for each in protocol.INPUT_CONVERTER if "Numpy" not in type(each).__name__
    ]


def _configuration() -> dict[str, str]:
    return {
        "spark.sql.session.timeZone": "UTC",
        "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
        # Adaptive execution merges those of a small load.
        "spark.sql.shuffle.partitions": str(SHUFFLE_PARTITIONS),
        # Merge up to this size even where cores are idle: many small tasks would write many small files for Redshift.
        # The size is that of compressed data: in memory, and hashed, a partition takes ten times as much on each core.
        "spark.sql.adaptive.advisoryPartitionSizeInBytes": "8m",
        "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
        # Sides of a join in small partitions are hashed, not sorted.
        "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": "8m",
        # Spark assumes that a JDBC table is endless, and would shuffle even what is read as one partition. With these
        # two it trusts the partitions; adaptive execution decides on broadcasts by sizes that it has measured.
        "spark.sql.defaultSizeInBytes": "1024",
        "spark.sql.maxSinglePartitionBytes": f"{2**63 - 1}b",
        "spark.sql.autoBroadcastJoinThreshold": "-1",
        "spark.sql.adaptive.autoBroadcastJoinThreshold": "32m",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "20000",
        # With any other limit Spark measures the batch again for each row: a fifth of the time of a large load.
        "spark.sql.execution.arrow.maxBytesPerBatch": str(2**31 - 1),
        # A small table that is broadcast is read while large ones are read, not after them.
        "spark.scheduler.mode": "FAIR",
        "spark.scheduler.allocation.file": _pools(),
        "spark.log.level": "OFF",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower(),
    }


def add_jdbc_driver(spark: "SparkSession") -> None:
    """Give the JVM the JDBC driver. Under spark-submit the JVM already runs, so its class path cannot be changed.

    ADD JAR serves the session and the executors. The thread that receives the results of failed tasks uses the parent
    of the session's class loader, and needs the driver's exception classes to report an error of the source.
    """
    spark.sql(f"ADD JAR '{DRIVER_JAR}'")
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    above = jvm.java.lang.Thread.currentThread().getContextClassLoader().getParent()
    above.addURL(jvm.java.io.File(str(DRIVER_JAR)).toURI().toURL())


@cache
def _folder() -> Path:
    """A temporary folder of this process."""
    folder = Path(tempfile.mkdtemp(prefix="dvdrental-etl-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _pools() -> str:
    """The URI of the file that defines Spark's scheduler pools: one, in which jobs take turns."""
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


def _use_utc(spark: "SparkSession") -> None:
    """Make the driver's JVM read timestamps without zone unchanged.

    pgjdbc passes them through java.sql.Timestamp in the JVM's zone. In a zone with daylight saving, the hour that is
    skipped does not exist and would be read as the next one.
    """
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    jvm.java.util.TimeZone.setDefault(jvm.java.util.TimeZone.getTimeZone("UTC"))


def _keep_passwords_out_of_the_log(spark: "SparkSession") -> None:
    """Whatever log4j's configuration says for this driver. An executor has its own: see docs/operations.md."""
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    log4j = jvm.org.apache.logging.log4j
    log4j.core.config.Configurator.setLevel(CONNECTIONS_LOG, log4j.Level.INFO)
