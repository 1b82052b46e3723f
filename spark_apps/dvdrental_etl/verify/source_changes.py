"""Distinguishes changes of the source since the last published load of a table from errors of the warehouse.

A row that the source inserted or updated since the load was written by a transaction (xmin) that the snapshot of the
load did not show. A row that the source deleted since the load is recognized by etl_range: the load counted exactly the
keys that the warehouse has. Every other difference is a finding.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from dvdrental_etl.db.names import quoted
from dvdrental_etl.model.contract import KEY_RANGE_BITS, KEY_RANGE_SIZE
from dvdrental_etl.verify.compare import Difference, Row, differences
from dvdrental_etl.verify.reader import SnapshotReader
from dvdrental_etl.verify.tables import Table

FIRST_TRANSACTION = 3  # PostgreSQL reserves the ids 0 to 2


@dataclass(frozen=True)
class LastLoad:
    """The last published load of a table.

    horizon: the oldest transaction id that its snapshot may not show, modulo 2^32; None if the source is not the
    database that was loaded.
    quarantined: the keys in quarantine, by the number of their range in etl_range.
    """

    table: str
    source_table: str
    load_id: int
    horizon: str | None
    quarantined: Mapping[int, Set[int]]


@dataclass(frozen=True)
class Classification:
    """The differences in a range: findings, and the keys of the rows that the next load will bring."""

    findings: Sequence[Difference] = ()
    waiting: Set[Any] = field(default_factory=set)


def last_load(source: SnapshotReader, warehouse: SnapshotReader, table: Table) -> LastLoad | None:
    """The last published load of a table; None before the first one."""
    loads = warehouse.rows(
        """
        SELECT load_id, source_snapshot, source_identity FROM etl_load
        WHERE table_name = %(table)s AND status = 'published' ORDER BY load_id DESC LIMIT 1
        """,
        {"table": table.name},
    )
    if not loads:
        return None
    load_id, snapshot, identity = loads[0]
    quarantined: dict[int, set[int]] = {}
    for (key,) in warehouse.rows(
        "SELECT natural_key FROM etl_reject WHERE load_id = %(load)s AND natural_key IS NOT NULL",
        {"load": load_id},
    ):
        quarantined.setdefault(int(key) >> KEY_RANGE_BITS, set()).add(int(key))
    horizon = None
    parts = {part for part in (identity or "").split(", ") if " columns " not in part}
    if snapshot and identity and parts <= source_identity(source):
        horizon = str(max(int(snapshot.split(":")[0]) % 2**32, FIRST_TRANSACTION))
    return LastLoad(table.name, table.source_table, load_id, horizon, quarantined)


def source_identity(source: SnapshotReader) -> set[str]:
    """The parts of etl_load.source_identity that describe this source: server, timeline, database, each table.

    Views and foreign tables, also as a partition, have no part: their rows do not have the transaction that wrote them.
    Nor has a table whose xmin this role may not read.
    """
    parts = {"system unknown"}
    allowed = source.rows("""
        SELECT has_function_privilege('pg_control_system()', 'EXECUTE')
            AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE')
    """)
    if allowed[0][0]:
        system, timeline = source.rows(
            "SELECT s.system_identifier, c.timeline_id FROM pg_control_system() s CROSS JOIN pg_control_checkpoint() c"
        )[0]
        parts = {f"system {system}", f"timeline {timeline}"}
    rows = source.rows("""
        SELECT 'database ' || oid FROM pg_database WHERE datname = current_database()
        UNION ALL
        SELECT c.relname || ' ' || c.oid
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'xmin'
        WHERE n.nspname = current_schema() AND has_column_privilege(c.oid, a.attnum, 'SELECT') AND NOT EXISTS (
            WITH RECURSIVE part AS (
                SELECT c.oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN part ON part.oid = i.inhparent
            )
            SELECT 1 FROM pg_class k JOIN part ON part.oid = k.oid WHERE k.relkind NOT IN ('r', 'p')
        )
    """)
    return parts | {part for (part,) in rows}


class SourceChanges:
    """What the source changed since a load."""

    def __init__(self, source: SnapshotReader, warehouse: SnapshotReader, load: LastLoad) -> None:
        self._source, self._warehouse, self._load = source, warehouse, load
        self._changed: dict[str, bool] = {}

    def classify(self, number: int, source: Sequence[Row], warehouse: Sequence[Row]) -> Classification:
        """Classify the differences within one range of keys."""
        quarantined = self._load.quarantined.get(number, frozenset())
        signs = {row.key: row.signs for row in source}
        findings, waiting = [], set()
        keys_are_those_of_load: bool | None = None
        for difference in differences(source, warehouse):
            key, is_extra = difference.key, difference.is_only_in_warehouse
            if key in quarantined or (is_extra and difference.warehouse.signs.get("is_inferred_member")):
                continue
            if is_extra and keys_are_those_of_load is None:
                keys_are_those_of_load = self._counted(number, _keys_at_load(source, warehouse) | quarantined)
            if keys_are_those_of_load if is_extra else self._explains(difference, signs[key]):
                waiting.add(key)
            else:
                findings.append(difference)
        if self._load.horizon is not None:
            deleted = {"written_since_load": True}
            waiting |= {key for key in quarantined if signs.get(key, deleted)["written_since_load"]}
        return Classification(findings, waiting)

    def _explains(self, difference: Difference, signs: Mapping[str, Any]) -> bool:
        """Whether the source wrote or deleted a part of its row since the load."""
        if self._load.horizon is None or difference.is_duplicate:
            return False
        missing = signs["missing_reference"]
        return bool(signs["written_since_load"]) or (missing is not None and self._has_changed(missing))

    def _counted(self, number: int, keys: Iterable[int]) -> bool:
        """Whether the load counted exactly these keys in a range. The source hashes them now as it did then."""
        if self._load.horizon is None:
            return False
        now = self._source.rows(
            "SELECT COUNT(*), SUM(hashint8extended(k, 0)) FROM UNNEST(CAST(%(keys)s AS bigint[])) AS k",
            {"keys": sorted(keys)},
        )
        return self._counts_at_load(self._load.source_table, number) == now

    def _has_changed(self, reference: str) -> bool:
        """Whether the range around a missing "table.column key" has other keys than at the load."""
        if reference not in self._changed:
            place, key = reference.split(" ")
            table, column = place.split(".")
            number = int(key) >> KEY_RANGE_BITS
            query = (
                f"SELECT COUNT(*), SUM(hashint8extended({quoted(column)}, 0)) FROM {quoted(table)}"
                f" WHERE {quoted(column)} BETWEEN %(low)s AND %(high)s"
            )
            low = number << KEY_RANGE_BITS
            now = self._source.rows(query, {"low": low, "high": low + KEY_RANGE_SIZE - 1})
            self._changed[reference] = (self._counts_at_load(table, number) or [(0, None)]) != now
        return self._changed[reference]

    def _counts_at_load(self, source_table: str, number: int) -> list[tuple[Any, ...]]:
        """(rows, key_sum) of a range as the load counted it; nothing if the range was empty."""
        return self._warehouse.rows(
            """
            SELECT source_rows, key_sum FROM etl_range
            WHERE table_name = %(table)s AND source_name = %(source)s AND range_no = %(number)s
            """,
            {"table": self._load.table, "source": source_table, "number": number},
        )


def _keys_at_load(source: Sequence[Row], warehouse: Sequence[Row]) -> set[int]:
    """The keys of a range at the time of the load: the warehouse's, and the source's that were not written since."""
    return {row.key for row in warehouse if not row.signs.get("is_inferred_member")} | {
        row.key for row in source if not row.signs["written_since_load"]
    }
