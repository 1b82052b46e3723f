"""What the source did since the last published load of a table: such differences are not the warehouse's fault.

A row that the source inserted or updated since is told by the transaction that wrote it (xmin), which is not older
than the load's snapshot. A row that it deleted since is told by etl_range: the load saw exactly the keys that the
warehouse has. Everything else that differs is a finding.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from psycopg2 import sql

from dvdrental_etl.verify.compare import RANGE_BITS, Difference, Row, differences
from dvdrental_etl.verify.reader import Moment


@dataclass(frozen=True)
class Mark:
    """The last published load of a table.

    grain: the source table of which each row is a row of the table. horizon: the oldest transaction that its snapshot
    may not show, on the 32-bit circle; None where the source is not the one that was loaded. quarantined: by range.
    """

    table: str
    grain: str
    load_id: int
    horizon: str | None
    quarantined: Mapping[int, Set[int]]


@dataclass(frozen=True)
class Judged:
    """What differs in a range: findings, and keys at which the source has changed since the load."""

    found: Sequence[Difference] = ()
    waiting: Set[Any] = field(default_factory=set)


def mark_of(source: Moment, warehouse: Moment, table: str, grain: str) -> Mark | None:
    """The last published load of a table; None before the first one."""
    loads = warehouse.rows(
        """
        SELECT load_id, source_snapshot, source_identity FROM etl_load
        WHERE table_name = %(table)s AND status = 'published' ORDER BY load_id DESC LIMIT 1
        """,
        {"table": table},
    )
    if not loads:
        return None
    load_id, snapshot, identity = loads[0]
    quarantined: dict[int, set[int]] = {}
    for (key,) in warehouse.rows(
        "SELECT natural_key FROM etl_reject WHERE load_id = %(load)s AND natural_key IS NOT NULL",
        {"load": load_id},
    ):
        quarantined.setdefault(int(key) >> RANGE_BITS, set()).add(int(key))
    horizon = None
    if snapshot and identity and set(identity.split(", ")) <= identities(source):
        horizon = str(max(int(snapshot.split(":")[0]) % 2**32, 3))  # ids 0 to 2 are no transactions
    return Mark(table, grain, load_id, horizon, quarantined)


def identities(source: Moment) -> set[str]:
    """What names this source, in the words of etl_load.source_identity: server, history, database, each table.

    Views and foreign tables are not among them: their rows do not tell who wrote them.
    """
    names = {"system unknown"}
    allowed = source.rows("""
        SELECT has_function_privilege('pg_control_system()', 'EXECUTE')
            AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE')
    """)
    if allowed[0][0]:
        system, timeline = source.rows(
            "SELECT s.system_identifier, c.timeline_id FROM pg_control_system() s CROSS JOIN pg_control_checkpoint() c"
        )[0]
        names = {f"system {system}", f"timeline {timeline}"}
    rows = source.rows("""
        SELECT 'database ' || oid FROM pg_database WHERE datname = current_database()
        UNION ALL
        SELECT c.relname || ' ' || c.oid
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
    """)
    return names | {name for (name,) in rows}


class Since:
    """Tells what the source changed since a load from what the warehouse has wrong."""

    def __init__(self, source: Moment, warehouse: Moment, mark: Mark) -> None:
        self._source, self._warehouse, self._mark = source, warehouse, mark
        self._changed: dict[str, bool] = {}

    def judge(self, number: int, source: Sequence[Row], warehouse: Sequence[Row]) -> Judged:
        """Sort the differences within one range of keys."""
        quarantined = self._mark.quarantined.get(number, frozenset())
        signs = {row.key: row.signs for row in source}
        found, waiting = [], set()
        were_there: bool | None = None
        for difference in differences(source, warehouse):
            key = difference.key
            if key in quarantined or (difference.is_absent and difference.warehouse.signs.get("is_early")):
                continue
            if difference.is_absent and were_there is None:
                were_there = self._knew(number, _keys_then(source, warehouse) | quarantined)
            if were_there if difference.is_absent else self._explains(difference, signs[key]):
                waiting.add(key)
            else:
                found.append(difference)
        if self._mark.horizon is not None:
            waiting |= {key for key in quarantined if signs.get(key, {"is_young": True})["is_young"]}
        return Judged(found, waiting)

    def _explains(self, difference: Difference, signs: Mapping[str, Any]) -> bool:
        """Whether the source wrote, or lost, a part of its row since the load."""
        if self._mark.horizon is None or difference.is_doubled:
            return False
        return bool(signs["is_young"]) or (signs["gone"] is not None and self._has_changed(signs["gone"]))

    def _knew(self, number: int, keys: Iterable[int]) -> bool:
        """Whether the load saw exactly these keys in a range. The source hashes them as it did then."""
        if self._mark.horizon is None:
            return False
        now = self._source.rows(
            "SELECT COUNT(*), SUM(hashint8extended(k, 0)) FROM UNNEST(CAST(%(keys)s AS bigint[])) AS k",
            {"keys": sorted(keys)},
        )
        return self._counted_then(self._mark.grain, number) == now

    def _has_changed(self, gone: str) -> bool:
        """Whether the rows around "table.column key" are not those of the load."""
        if gone not in self._changed:
            place, key = gone.split(" ")
            table, column = place.split(".")
            number = int(key) >> RANGE_BITS
            query = sql.SQL(
                "SELECT COUNT(*), SUM(hashint8extended({column}, 0)) FROM {table}"
                " WHERE {column} BETWEEN %(low)s AND %(high)s"
            ).format(column=sql.Identifier(column), table=sql.Identifier(table))
            low = number << RANGE_BITS
            now = self._source.rows(query, {"low": low, "high": low + (1 << RANGE_BITS) - 1})
            self._changed[gone] = (self._counted_then(table, number) or [(0, None)]) != now
        return self._changed[gone]

    def _counted_then(self, source_name: str, number: int) -> list[tuple[Any, ...]]:
        """(rows, key_sum) of a range as the load counted it; nothing if it had no rows."""
        return self._warehouse.rows(
            """
            SELECT source_rows, key_sum FROM etl_range
            WHERE table_name = %(table)s AND source_name = %(source)s AND range_no = %(number)s
            """,
            {"table": self._mark.table, "source": source_name, "number": number},
        )


def _keys_then(source: Sequence[Row], warehouse: Sequence[Row]) -> set[int]:
    """The keys of a range that were there at the load: the warehouse's, and the source's that are older."""
    return {row.key for row in warehouse if not row.signs.get("is_early")} | {
        row.key for row in source if not row.signs["is_young"]
    }
