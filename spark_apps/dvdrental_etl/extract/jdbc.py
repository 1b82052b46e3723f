"""JDBC reads: a source table as a frame, whole in even partitions or by keys, on the job's one snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from dvdrental_etl.config import Database
from dvdrental_etl.db.names import quoted
from dvdrental_etl.engine import session
from dvdrental_etl.extract.source import Source
from dvdrental_etl.limits import Limits
from dvdrental_etl.model.contract import KEY_RANGE_BITS
from dvdrental_etl.model.key_ranges import RangeCounts, row_count
from dvdrental_etl.model.source_tables import SourceTable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameReader, SparkSession

#: A day crosses JDBC as the number of days since 1970: as a day, it would be another one before 1582.
SINCE_EPOCH = " - DATE '1970-01-01'"
#: Bytes of a value in a broadcast table, about: every column is a fixed 8 bytes there, and so is the row's header.
BROADCAST_VALUE_BYTES = 8


@dataclass(frozen=True)
class Reader:
    """Reads tables of the source into Spark. limits: rows, keys and connections of a read."""

    source: Source
    spark: "SparkSession"
    limits: Limits

    def frames(
        self,
        tables: Sequence[SourceTable],
        counts: Mapping[str, RangeCounts],
        keys: Mapping[str, Sequence[int]] | None = None,
    ) -> "dict[str, DataFrame]":
        """The tables by name, that of the grain first: whole, or the rows with these keys."""
        from pyspark.sql import functions as F

        found = {
            table.name: self.frame(table, counts[table.name], keys[table.name] if keys else None)
            for table in tables
        }
        grain, *others = tables
        if keys is not None:
            return found
        session.expect_rows(self.spark, max(map(row_count, counts.values())))
        if row_count(counts[grain.name]) > self.limits.rows_per_partition:
            for table in others:
                row_bytes = BROADCAST_VALUE_BYTES * (1 + len(table.types))
                if row_count(counts[table.name]) * row_bytes <= self.limits.broadcast_bytes:
                    found[table.name] = F.broadcast(found[table.name])
        return found

    def frame(
        self, table: SourceTable, counts: RangeCounts, keys: Sequence[int] | None = None
    ) -> "DataFrame":
        """The table as the snapshot has it, each column cast by the source to its declared type.

        counts: the rows of the table by key range, for even partitions. keys: only the rows with these keys; None for
        all rows.
        """
        from pyspark.sql import functions as F

        limits = self.limits
        count = min(limits.connections, 1 + row_count(counts) // limits.rows_per_partition)
        # Rows are chosen by the key as it is stored: a cast one would not use its index.
        predicates = (
            _even_parts(counts, count, "stored_key")
            if keys is None
            else _chunks(
                "stored_key", keys, max(limits.keys_per_partition, -(-len(keys) // limits.connections))
            )
        )
        query = f"({self._select(table, f', {quoted(table.key)} AS stored_key')}) AS {quoted(table.name)}"
        url = _with_options(self.source.database.jdbc, limits)
        reader = _jdbc(self.spark, self.source.database, url).option(
            "sessionInitStatement", _import_snapshot(self.source, limits)
        )
        found = reader.jdbc(url, query, predicates=predicates)
        found = found.drop("stored_key").withColumns(
            {
                name: F.date_from_unix_date(name)
                for name, (declared, _) in table.types.items()
                if declared == "date"
            }
        )
        # Spark cannot know that one read is one partition. When it does, it joins small tables in one task, without a
        # shuffle: most of a small load's work.
        return found if len(predicates) > 1 else found.coalesce(1)

    def _select(self, table: SourceTable, more: str) -> str:
        columns = (
            f"{table.expression(name)}{SINCE_EPOCH if declared == 'date' else ''} AS {quoted(name)}"
            for name, (declared, _) in table.types.items()
        )
        return f"SELECT {', '.join(columns)}{more} FROM {self.source.name(table.name)}"


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


def _import_snapshot(source: Source, limits: Limits) -> str:
    # Before the socket's error, which says less.
    lock_seconds = min(limits.lock_seconds, limits.read_seconds // 2)
    settings = source.settings(
        TimeZone=source.snapshot.time_zone,
        lock_timeout=f"{lock_seconds}s",
        statement_timeout=f"{limits.statement_seconds}s",
    )
    return (
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
        f"SET TRANSACTION SNAPSHOT '{source.snapshot.exported_id}'; {settings}"
    )


def _even_parts(counts: RangeCounts, parts: int, column: str) -> list[str]:
    """Predicates, one a partition, of about equally many rows; together they choose every row, NULL keys too."""
    total, before = row_count(counts), 0
    cuts: list[int] = []
    for number in sorted(counts):
        if len(cuts) < parts - 1 and before >= total * (len(cuts) + 1) / parts:
            cuts.append(number << KEY_RANGE_BITS)
        before += counts[number].rows
    if not cuts:
        return ["TRUE"]
    middle = [f"{column} >= {low} AND {column} < {high}" for low, high in pairwise(cuts)]
    return [f"{column} < {cuts[0]} OR {column} IS NULL", *middle, f"{column} >= {cuts[-1]}"]


def _chunks(column: str, keys: Sequence[int], length: int) -> list[str]:
    """Predicates, one a partition, that together choose the rows whose column is among the keys."""
    chunks = [keys[at : at + length] for at in range(0, len(keys), length)] or [()]
    return [f"{column} = ANY('{{{','.join(map(str, chunk))}}}'::bigint[])" for chunk in chunks]


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
