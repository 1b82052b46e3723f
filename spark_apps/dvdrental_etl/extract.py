"""JDBC extract: a source table as a frame, whole in parts or by keys, at the one moment that all readers share."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dvdrental_etl.source import TYPES, Source, Table, quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BYTES_PER_PARTITION = 32 * 1024 * 1024
KEYS_PER_PARTITION = 50_000
MOST_CONNECTIONS = 8


def frame(
    source: Source, spark: "SparkSession", table: Table, keys: Sequence[int] | None = None
) -> "DataFrame":
    """The table as the source's moment has it, each column cast by the source to its declared type.

    keys: only the rows whose key is among them; None: all rows.
    """
    reader = (
        spark.read.format("jdbc")
        .option("url", _binary(source.database.url))
        .option("driver", "org.postgresql.Driver")
        .option("user", source.database.user)
        .option("password", source.database.password)
        .option("dbtable", f"({_select(source, table)}) AS {quoted(table.name)}")
        .option("fetchsize", "10000")
        .option("preferTimestampNTZ", "true")
        .option("sessionInitStatement", _join_snapshot(source))
    )
    if keys is not None:
        # Chosen by the key as it is stored: a cast one would not find its index.
        query = f"({_select(source, table, f', {quoted(table.key)} AS stored_key')}) AS {quoted(table.name)}"
        predicates = _among("stored_key", keys)
        chosen = reader.jdbc(_binary(source.database.url), query, predicates=predicates).drop("stored_key")
        return chosen if len(predicates) > 1 else chosen.coalesce(1)
    partitions = _partitions(source, table)
    if not partitions:
        # Spark cannot know that one read is one partition. Told so, it joins small tables in one task, without
        # a shuffle: most of a small load's work.
        return reader.load().coalesce(1)
    return reader.options(**partitions).load()


def _select(source: Source, table: Table, more: str = "") -> str:
    casts = (
        f"CAST({quoted(name)} AS {TYPES[declared][0]}{precision}) AS {quoted(name)}"
        for name, (declared, precision) in table.types.items()
    )
    return f"SELECT {', '.join(casts)}{more} FROM {source.name(table.name)}"  # noqa: S608 - names are quoted


def _join_snapshot(source: Source) -> str:
    zone = source.snapshot.time_zone.replace("'", "''")
    return (
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
        f"SET TRANSACTION SNAPSHOT '{source.snapshot.exported_id}'; SET LOCAL TIME ZONE '{zone}'"
    )


def _partitions(source: Source, table: Table) -> Mapping[str, str]:
    """Spark's options for a parallel read; none for a table that one connection reads as fast."""
    size = source.rows(
        """
        WITH RECURSIVE tree AS (
            SELECT CAST(%s AS regclass) AS oid
            UNION ALL
            SELECT CAST(i.inhrelid AS regclass) FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid
        )
        SELECT COALESCE(SUM(pg_relation_size(oid)), 0) FROM tree
        """,
        (source.name(table.name),),
    )[0][0]
    count = min(MOST_CONNECTIONS, 1 + int(size) // BYTES_PER_PARTITION)
    if count == 1:
        return {}
    key = quoted(table.key)
    lowest, highest = source.rows(f"SELECT MIN({key}), MAX({key}) FROM {source.name(table.name)}")[0]  # noqa: S608
    if lowest is None:
        return {}
    return {
        "partitionColumn": table.key,
        "lowerBound": str(lowest),
        "upperBound": str(highest + 1),
        "numPartitions": str(count),
    }


def _binary(url: str) -> str:
    """The URL with binary transfer from the first row on; pgjdbc's default fetches five batches as text first."""
    return url + ("&" if "?" in url else "?") + "prepareThreshold=-1"


def _among(column: str, keys: Sequence[int]) -> list[str]:
    """Predicates, one a partition, that together choose the rows whose column is among the keys."""
    chunks = [keys[at : at + KEYS_PER_PARTITION] for at in range(0, len(keys), KEYS_PER_PARTITION)] or [()]
    return [f"{column} = ANY('{{{','.join(map(str, chunk))}}}'::bigint[])" for chunk in chunks]
