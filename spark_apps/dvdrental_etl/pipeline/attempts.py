"""etl_load and etl_reject: one row per attempt at a table, what it did, and who may publish."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import fields

from dvdrental_etl.db.cursor import Cursor, only_value
from dvdrental_etl.errors import Fenced
from dvdrental_etl.model.run_record import Attempt, Batch, Counts, LoadStatus
from dvdrental_etl.pipeline.batch import now
from dvdrental_etl.pipeline.code_version import code_version
from dvdrental_etl.pipeline.context import SourceState
from dvdrental_etl.staging.results import Reject
from dvdrental_etl.warehouse.base import Warehouse

#: Bytes of etl_load's and etl_reject's text columns.
SHORT_TEXT, REASON, ROW = 1000, 4000, 65535


def start(warehouse: Warehouse, batch: Batch, table: str, code_digest: str) -> Attempt:
    """Announce an attempt. It supersedes every earlier one of this table that is still running, or was killed.

    It reads the source only after that: an attempt announced earlier saw an older snapshot, and may no longer publish.
    The number is given in a transaction of its own, which waits for no publish and so keeps no other table waiting.
    """
    token = secrets.token_hex(4)
    with warehouse.writing() as cursor:
        warehouse.name_session(cursor, token)
        warehouse.lock_record(cursor)
        cursor.execute("SELECT COALESCE(MAX(load_id), 0) + 1 FROM etl_load")
        attempt = Attempt(only_value(cursor), table, token)
        cursor.execute(
            f"""
            INSERT INTO etl_load (load_id, batch_id, table_name, attempt, status, as_of, code_version, code_digest,
                started_at)
            VALUES (%s, %s, %s, %s, '{LoadStatus.RUNNING}', %s, %s, %s, %s)
            """,
            (
                *(attempt.load_id, batch.batch_id, table, token, batch.as_of),
                *(code_version(), code_digest, now()),
            ),
        )
    with warehouse.writing() as cursor:  # waits for an earlier attempt that is being published
        cursor.execute(
            f"UPDATE etl_load SET status = '{LoadStatus.SUPERSEDED}', reason = %s"
            f" WHERE table_name = %s AND status = '{LoadStatus.RUNNING}' AND load_id < %s",
            (f"load {attempt.load_id} began", table, attempt.load_id),
        )
        warehouse.drop_idle_staging(cursor, table)
    return attempt


def record_extent(cursor: Cursor, attempt: Attempt, state: SourceState) -> None:
    """Write which snapshot of which source the attempt sees, and what it reads of it."""
    cursor.execute(
        """
        UPDATE etl_load SET source_snapshot = %s, source_lsn = %s, source_identity = %s, is_full = %s, extent = %s
        WHERE load_id = %s
        """,
        (
            *(_cut(state.snapshot, SHORT_TEXT), state.lsn, _cut(state.identity, SHORT_TEXT)),
            *(state.extent.is_full, _cut(state.extent.reason, SHORT_TEXT), attempt.load_id),
        ),
    )


def require_newest(cursor: Cursor, attempt: Attempt) -> None:
    """Raise Fenced when a later attempt has superseded this one. Locks the record until the transaction ends."""
    cursor.execute(
        f"UPDATE etl_load SET status = status WHERE load_id = %s AND status = '{LoadStatus.RUNNING}'",
        (attempt.load_id,),
    )
    cursor.execute("SELECT status, reason FROM etl_load WHERE load_id = %s", (attempt.load_id,))
    ((status, reason),) = cursor.fetchall()
    if status == LoadStatus.SUPERSEDED:
        raise Fenced(
            f"fenced: {attempt.table}: this attempt is superseded ({reason}), so it may not publish",
            "the newer attempt's result is valid; nothing to do",
        )


def record_published(
    cursor: Cursor, attempt: Attempt, counts: Counts, *, seconds: float, warnings: Sequence[str]
) -> None:
    """Write what the load did, and its warnings, in the transaction that publishes it."""
    names = [field.name for field in fields(Counts)]
    assigned = ", ".join(f"{_column(name)} = %s" for name in names)
    cursor.execute(
        f"UPDATE etl_load SET status = '{LoadStatus.PUBLISHED}', {assigned}, seconds = %s, reason = %s"
        " WHERE load_id = %s",
        (
            *(getattr(counts, name) for name in names),
            *(round(seconds, 3), _cut("; ".join(warnings), REASON) or None, attempt.load_id),
        ),
    )


def published_counts(warehouse: Warehouse, attempt: Attempt) -> Counts | None:
    """What a load did, from its record; None if it is not published. For a COMMIT without an answer."""
    names = [field.name for field in fields(Counts)]
    with warehouse.transaction(keep=False) as cursor:
        cursor.execute(
            f"SELECT {', '.join(map(_column, names))} FROM etl_load"
            f" WHERE load_id = %s AND status = '{LoadStatus.PUBLISHED}'",
            (attempt.load_id,),
        )
        row = cursor.fetchone()
    return None if row is None else Counts(**dict(zip(names, row, strict=True)))


def _column(count: str) -> str:
    """The column of etl_load that holds a field of Counts."""
    return count if "_" in count else f"rows_{count}"


def record_rejects(
    warehouse: Warehouse, cursor: Cursor, attempt: Attempt, batch: Batch, rejects: Sequence[Reject]
) -> None:
    """Quarantine: one row of etl_reject per rejected row."""
    rows = [
        (
            *(attempt.load_id, batch.batch_id, attempt.table, reject.natural_key, reject.rule, reject.column),
            *(_cut(reject.value, SHORT_TEXT), _cut(_json(reject.row), ROW)),
        )
        for reject in rejects
    ]
    columns = "load_id", "batch_id", "table_name", "natural_key", "rule", "column_name", "value", "row_json"
    warehouse.insert(cursor, "etl_reject", columns, rows)


def record_failure(warehouse: Warehouse, attempt: Attempt, reason: str, seconds: float) -> None:
    """End an attempt that did not publish, and remove its staging table."""
    with warehouse.writing() as cursor:
        warehouse.drop_staging(cursor, attempt.staging)
        cursor.execute(
            f"""
            UPDATE etl_load SET status = '{LoadStatus.FAILED}', reason = %s, seconds = %s
            WHERE load_id = %s AND status = '{LoadStatus.RUNNING}'
            """,
            (_cut(reason, REASON), round(seconds, 3), attempt.load_id),
        )


def withdraw(warehouse: Warehouse, attempt: Attempt) -> None:
    """Remove an attempt that has read and written nothing. Raises Fenced when a later one has superseded it."""
    with warehouse.writing() as cursor:
        warehouse.drop_staging(cursor, attempt.staging)
        require_newest(cursor, attempt)
        cursor.execute("DELETE FROM etl_load WHERE load_id = %s", (attempt.load_id,))


def _json(row: Mapping[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)


def _cut(text: str | None, most_bytes: int) -> str | None:
    """Text that fits a column counted in bytes."""
    return text if text is None else text.encode()[:most_bytes].decode(errors="ignore")
