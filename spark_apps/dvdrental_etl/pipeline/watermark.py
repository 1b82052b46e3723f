"""What a published load remembers of the source, for the next one: columns of etl_load, and etl_range."""

from collections.abc import Mapping

from dvdrental_etl.db.cursor import Cursor
from dvdrental_etl.extract.changes import Watermark
from dvdrental_etl.model.key_ranges import RangeCount, RangeCounts
from dvdrental_etl.model.run_record import Attempt, LoadStatus
from dvdrental_etl.warehouse.base import Warehouse

COLUMNS = "table_name", "source_name", "range_no", "source_rows", "key_sum", "load_id"
LISTED_NUMBERS = 1_000  # in one statement


def read(cursor: Cursor, table: str) -> Watermark | None:
    """The watermark of the table's last published load; None before the first one."""
    cursor.execute(
        f"""
        SELECT load_id, source_snapshot, source_identity, code_digest,
            (SELECT as_of FROM etl_load WHERE load_id = (
                SELECT MAX(load_id) FROM etl_load
                WHERE table_name = %s AND status = '{LoadStatus.PUBLISHED}' AND is_full))
        FROM etl_load WHERE table_name = %s AND status = '{LoadStatus.PUBLISHED}' ORDER BY load_id DESC LIMIT 1
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
    return Watermark(horizon, identity, code_digest, full_as_of, _counts(cursor, table), quarantined)


def _counts(cursor: Cursor, table: str) -> dict[str, RangeCounts]:
    cursor.execute(
        "SELECT source_name, range_no, source_rows, key_sum FROM etl_range WHERE table_name = %s", (table,)
    )
    found: dict[str, dict[int, RangeCount]] = {}
    for source_name, number, rows, key_sum in cursor.fetchall():
        found.setdefault(source_name, {})[number] = RangeCount(rows, int(key_sum))
    return dict(found)


def write(warehouse: Warehouse, cursor: Cursor, attempt: Attempt, now: Mapping[str, RangeCounts]) -> None:
    """Bring etl_range up to date, in the transaction that publishes. Unchanged ranges stay."""
    table, before = attempt.table, _counts(cursor, attempt.table)
    for source_name in {*before, *now}:
        old, new = before.get(source_name, {}), now.get(source_name, {})
        outdated = [number for number in old if new.get(number) != old[number]]
        for at in range(0, len(outdated), LISTED_NUMBERS):
            listed = outdated[at : at + LISTED_NUMBERS]
            cursor.execute(
                "DELETE FROM etl_range WHERE table_name = %s AND source_name = %s"
                f" AND range_no IN ({', '.join(['%s'] * len(listed))})",
                (table, source_name, *listed),
            )
        changed = [
            (table, source_name, number, one.rows, one.key_sum, attempt.load_id)
            for number, one in new.items()
            if old.get(number) != one
        ]
        warehouse.insert(cursor, "etl_range", COLUMNS, changed)
