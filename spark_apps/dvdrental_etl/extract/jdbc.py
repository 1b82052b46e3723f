"""JDBC extract: a source table as a frame, whole in even parts or by keys, at the one moment that all readers share."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from dvdrental_etl.config import Database
from dvdrental_etl.engine import session
from dvdrental_etl.extract.changes import RANGE_BITS, Ranges, row_count
from dvdrental_etl.extract.source import TYPES, Source, Table, quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameReader, SparkSession

ROWS_PER_PARTITION = 500_000
KEYS_PER_PARTITION = 50_000
MOST_CONNECTIONS = 8
#: Rows of a joined table are sent to all executors whole, as long as they take no more memory there.
MOST_BROADCAST = 160 * 1024 * 1024


def frames(
    source: Source,
    spark: "SparkSession",
    tables: Sequence[Table],
    ranges: Mapping[str, Ranges],
    keys: Mapping[str, Sequence[int]] | None = None,
) -> "dict[str, DataFrame]":
    """The tables by name, that of the grain first: whole, or the rows with these keys. ranges: as for frame()."""
    from pyspark.sql import functions as F

    found = {
        table.name: frame(source, spark, table, ranges[table.name], keys[table.name] if keys else None)
        for table in tables
    }
    grain, *others = tables
    if keys is not None:
        return found
    session.expect(spark, max(map(row_count, ranges.values())))
    if row_count(ranges[grain.name]) > ROWS_PER_PARTITION:
        for table in others:
            if row_count(ranges[table.name]) * 8 * (1 + len(table.types)) <= MOST_BROADCAST:
                found[table.name] = F.broadcast(found[table.name])
    return found


def frame(
    source: Source, spark: "SparkSession", table: Table, ranges: Ranges, keys: Sequence[int] | None = None
) -> "DataFrame":
    """The table as the source's moment has it, each column cast by the source to its declared type.

    ranges: the rows of the table by ranges of its key, for even parts.
    keys: only the rows whose key is among them; None: all rows.
    """
    count = min(MOST_CONNECTIONS, 1 + row_count(ranges) // ROWS_PER_PARTITION)
    parts = _parts(ranges, count, "stored_key") if keys is None else _among("stored_key", keys)
    # Chosen by the key as it is stored: a cast one would not find its index.
    query = f"({_select(source, table, f', {quoted(table.key)} AS stored_key')}) AS {quoted(table.name)}"
    reader = _reader(spark, source.database).option("sessionInitStatement", _join_snapshot(source))
    found = reader.jdbc(_binary(source.database.url), query, predicates=parts).drop("stored_key")
    # Spark cannot know that one read is one partition. Told so, it joins small tables in one task, without
    # a shuffle: most of a small load's work.
    return found if len(parts) > 1 else found.coalesce(1)


def _reader(spark: "SparkSession", database: Database) -> "DataFrameReader":
    """A JDBC reader that streams rows, in binary. The password is an option of the read, never of Spark."""
    return (
        spark.read.format("jdbc")
        .option("url", _binary(database.url))
        .option("driver", "org.postgresql.Driver")
        .option("user", database.user)
        .option("password", database.password)
        .option("fetchsize", "10000")
        .option("preferTimestampNTZ", "true")
    )


def _select(source: Source, table: Table, more: str = "") -> str:
    casts = (
        f"CAST({quoted(name)} AS {TYPES[declared][0]}{precision}) AS {quoted(name)}"
        for name, (declared, precision) in table.types.items()
    )
    return f"SELECT {', '.join(casts)}{more} FROM {source.name(table.name)}"


def _join_snapshot(source: Source) -> str:
    zone = source.snapshot.time_zone.replace("'", "''")
    return (
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
        f"SET TRANSACTION SNAPSHOT '{source.snapshot.exported_id}'; SET LOCAL TIME ZONE '{zone}'"
    )


def _parts(ranges: Ranges, count: int, column: str) -> list[str]:
    """Predicates, one a partition, of about equally many rows each; together they choose every row, NULL keys too."""
    total, seen = row_count(ranges), 0
    cuts: list[int] = []
    for number in sorted(ranges):
        if len(cuts) < count - 1 and seen >= total * (len(cuts) + 1) / count:
            cuts.append(number << RANGE_BITS)
        seen += ranges[number].rows
    if not cuts:
        return ["TRUE"]
    middle = [f"{column} >= {low} AND {column} < {high}" for low, high in pairwise(cuts)]
    return [f"{column} < {cuts[0]} OR {column} IS NULL", *middle, f"{column} >= {cuts[-1]}"]


def _binary(url: str) -> str:
    """The URL with binary transfer from the first row on; pgjdbc's default fetches five batches as text first."""
    return url + ("&" if "?" in url else "?") + "prepareThreshold=-1"


def _among(column: str, keys: Sequence[int]) -> list[str]:
    """Predicates, one a partition, that together choose the rows whose column is among the keys."""
    length = max(KEYS_PER_PARTITION, -(-len(keys) // MOST_CONNECTIONS))
    chunks = [keys[at : at + length] for at in range(0, len(keys), length)] or [()]
    return [f"{column} = ANY('{{{','.join(map(str, chunk))}}}'::bigint[])" for chunk in chunks]
