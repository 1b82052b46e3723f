"""Reads of a job: source tables as frames, whole in even partitions or by keys, on the job's one snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from dvdrental_etl.engine.base import Engine, SharedSnapshot, TableRead
from dvdrental_etl.extract.source import Source
from dvdrental_etl.limits import Limits
from dvdrental_etl.model.contract import KEY_RANGE_BITS
from dvdrental_etl.model.key_ranges import RangeCounts, row_count
from dvdrental_etl.model.source_tables import SourceTable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Reader:
    """Reads tables of the source into a session of an engine. limits: rows, keys and connections of a read."""

    source: Source
    engine: Engine
    session: "SparkSession"
    limits: Limits

    def frames(
        self,
        tables: Sequence[SourceTable],
        counts: Mapping[str, RangeCounts],
        keys: Mapping[str, Sequence[int]] | None = None,
    ) -> "dict[str, DataFrame]":
        """The tables by name, that of the grain first: whole, or the rows with these keys.

        counts: the rows of each table by key range, for even partitions.
        """
        reads = [
            TableRead(table, self.source.name(table.name), self._by_keys(keys[table.name]), 0)
            if keys is not None
            else self._whole(table, counts[table.name])
            for table in tables
        ]
        snapshot = SharedSnapshot(self.source.database, _import_snapshot(self.source, self.limits))
        frames = self.engine.read(self.session, snapshot, reads, self.limits)
        return dict(zip((table.name for table in tables), frames, strict=True))

    # Rows are chosen by the key as it is stored: a cast one would not use its index.

    def _whole(self, table: SourceTable, counts: RangeCounts) -> TableRead:
        rows = row_count(counts)
        count = min(self.limits.connections, 1 + rows // self.limits.rows_per_partition)
        parts = _even_parts(counts, count, "stored_key")
        return TableRead(table, self.source.name(table.name), parts, rows)

    def _by_keys(self, keys: Sequence[int]) -> list[str]:
        length = max(self.limits.keys_per_partition, -(-len(keys) // self.limits.connections))
        return _chunks("stored_key", keys, length)


def _import_snapshot(source: Source, limits: Limits) -> list[str]:
    # Before the socket's error, which says less.
    lock_seconds = min(limits.lock_seconds, limits.read_seconds // 2)
    settings = source.settings(
        TimeZone=source.snapshot.time_zone,
        lock_timeout=f"{lock_seconds}s",
        statement_timeout=f"{limits.statement_seconds}s",
    )
    return [
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        f"SET TRANSACTION SNAPSHOT '{source.snapshot.exported_id}'",
        *settings,
    ]


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
