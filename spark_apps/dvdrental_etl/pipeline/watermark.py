"""What a published load remembers of the source it saw, for the next one: etl_load's columns, and etl_range."""

from collections.abc import Mapping
from typing import Any

from dvdrental_etl.extract.changes import Range, Ranges, Watermark
from dvdrental_etl.warehouse.postgres import Warehouse

COLUMNS = "table_name", "source_name", "range_no", "source_rows", "key_sum", "load_id"
MOST_LISTED = 1_000  # numbers in one statement


def read(cursor: Any, table: str) -> Watermark | None:
    """The mark of the table's last published load; None before the first one."""
    cursor.execute(
        """
        SELECT load_id, source_snapshot, source_identity, code_digest,
            (SELECT MAX(as_of) FROM etl_load WHERE table_name = %s AND status = 'published' AND is_full)
        FROM etl_load WHERE table_name = %s AND status = 'published' ORDER BY load_id DESC LIMIT 1
        """,
        (table, table),
    )
    last = cursor.fetchone()
    if last is None or None in last:
        return None
    load_id, snapshot, identity, code_digest, full_as_of = last
    cursor.execute(
        "SELECT natural_key FROM etl_reject WHERE load_id = %s AND natural_key IS NOT NULL", (load_id,)
    )
    quarantined = [int(key) for (key,) in cursor.fetchall()]
    horizon = int(snapshot.split(":")[0])
    return Watermark(horizon, identity, code_digest, full_as_of, _ranges(cursor, table), quarantined)


def _ranges(cursor: Any, table: str) -> dict[str, Ranges]:
    cursor.execute(
        "SELECT source_name, range_no, source_rows, key_sum FROM etl_range WHERE table_name = %s", (table,)
    )
    found: dict[str, dict[int, Range]] = {}
    for source_name, number, rows, key_sum in cursor.fetchall():
        found.setdefault(source_name, {})[number] = Range(rows, int(key_sum))
    return dict(found)


def write(warehouse: Warehouse, cursor: Any, table: str, load_id: int, now: Mapping[str, Ranges]) -> None:
    """Make etl_range say what this load saw, in the transaction that publishes it; unchanged ranges stay."""
    then = _ranges(cursor, table)
    for source_name in {*then, *now}:
        old, new = then.get(source_name, {}), now.get(source_name, {})
        stale = [number for number in old if new.get(number) != old[number]]
        for at in range(0, len(stale), MOST_LISTED):
            listed = stale[at : at + MOST_LISTED]
            cursor.execute(
                "DELETE FROM etl_range WHERE table_name = %s AND source_name = %s"
                f" AND range_no IN ({', '.join(['%s'] * len(listed))})",
                (table, source_name, *listed),
            )
        fresh = [
            (table, source_name, number, one.rows, one.key_sum, load_id)
            for number, one in new.items()
            if old.get(number) != one
        ]
        warehouse.insert(cursor, "etl_range", COLUMNS, fresh)
