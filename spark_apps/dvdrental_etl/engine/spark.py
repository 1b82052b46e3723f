"""Apache Spark as an engine: reads by JDBC, values by broadcast variables."""

import importlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from dvdrental_etl.config import Database
from dvdrental_etl.db.names import quoted
from dvdrental_etl.engine import session as spark_session
from dvdrental_etl.engine.base import Engine, SharedSnapshot, T, TableRead
from dvdrental_etl.limits import Limits

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameReader, SparkSession

#: A day crosses JDBC as the number of days since 1970: as a day, it would be another one before 1582.
SINCE_EPOCH = " - DATE '1970-01-01'"
#: Bytes of a value in a broadcast table, about: every column is a fixed 8 bytes there, and so is the row's header.
BROADCAST_VALUE_BYTES = 8
#: The driver's heap in sizes of its largest broadcast table, which takes three of them while it is built.
HEAP_IN_BROADCASTS = 9


class Spark(Engine):
    """Spark, in a JVM that ends with this process."""

    name = "Spark"

    def start(self, job: str) -> "SparkSession":
        """Start Spark, or join the JVM that spark-submit started."""
        return spark_session.start(job)

    def read(
        self, session: "SparkSession", snapshot: SharedSnapshot, tables: Sequence[TableRead], limits: Limits
    ) -> "list[DataFrame]":
        """By JDBC. Small tables are broadcast to a large one."""
        from pyspark.sql import functions as F

        most = max(table.rows for table in tables)
        few = most <= limits.rows_sent_by_driver
        if not few:
            # What sends rows from executors imports it: here meanwhile, while Java asks for the tables' columns.
            threading.Thread(target=importlib.import_module, args=("pandas",)).start()
        frames = [_frame(session, snapshot, table, limits) for table in tables]
        spark_session.expect_rows(session, most, few=few)
        if tables[0].rows > limits.rows_per_partition:
            allowed = broadcast_bytes(limits, spark_session.heap_bytes(session))
            for number, read in enumerate(tables[1:], 1):
                row_bytes = BROADCAST_VALUE_BYTES * (1 + len(read.table.types))
                if read.rows * row_bytes <= allowed:
                    frames[number] = F.broadcast(frames[number])
        return frames

    def share(self, session: "SparkSession", value: T) -> Callable[[], T]:
        """By a broadcast variable."""
        broadcast = session.sparkContext.broadcast(value)
        return lambda: broadcast.value

    def quiet(self, session: "SparkSession", *, debug: bool) -> None:
        """Spark logs each failure several times, with stack traces, which would hide the one line for people."""
        session.sparkContext.setLogLevel("WARN" if debug else "OFF")


def broadcast_bytes(limits: Limits, heap_bytes: int) -> int:
    """The size, in bytes, up to which a table is broadcast by a driver with this heap."""
    return min(limits.broadcast_bytes, heap_bytes // HEAP_IN_BROADCASTS)


def _frame(session: "SparkSession", snapshot: SharedSnapshot, read: TableRead, limits: Limits) -> "DataFrame":
    from pyspark.sql import functions as F

    url = _with_options(snapshot.database.jdbc, limits)
    reader = _jdbc(session, snapshot.database, url).option("sessionInitStatement", "; ".join(snapshot.join))
    query = f"({_select(read)}) AS {quoted(read.table.name)}"
    days = [name for name, (declared, _) in read.table.types.items() if declared == "date"]
    found = reader.jdbc(url, query, predicates=list(read.predicates)).drop("stored_key")
    found = found.withColumns({name: F.date_from_unix_date(name) for name in days})
    # Spark cannot know that one read is one partition. When it does, it joins small tables in one task, without a
    # shuffle: most of a small load's work.
    return found if len(read.predicates) > 1 else found.coalesce(1)


def _select(read: TableRead) -> str:
    columns = (
        f"{read.table.expression(name)}{SINCE_EPOCH if declared == 'date' else ''} AS {quoted(name)}"
        for name, (declared, _) in read.table.types.items()
    )
    return f"SELECT {', '.join(columns)}, {quoted(read.table.key)} AS stored_key FROM {read.name}"


def _jdbc(spark: "SparkSession", database: Database, url: str) -> "DataFrameReader":
    """A JDBC reader that streams rows, in binary. The password is an option of the read, never of Spark."""
    return (
        spark.read.format("jdbc")
        .option("url", url)
        .option("driver", "org.postgresql.Driver")
        .option("user", database.user)
        .option("password", database.password)
        .option("fetchsize", "10000")
        .option("preferTimestampNTZ", "true")
    )


def _with_options(url: str, limits: Limits) -> str:
    """The URL with binary transfer from the first row on (pgjdbc's default fetches five batches as text first), and
    limits for its waits. Options that the URL has are kept.
    """
    options = {
        "prepareThreshold": -1,
        "connectTimeout": limits.connect_seconds,
        "loginTimeout": 2 * limits.connect_seconds,
        "socketTimeout": limits.read_seconds,
        "tcpKeepAlive": "true",
    }
    given = dict(parse_qsl(urlsplit(url.removeprefix("jdbc:")).query))
    added = "&".join(f"{name}={value}" for name, value in options.items() if name not in given)
    return url + ("&" if "?" in url else "?") + added
