"""The run record: etl_batch, etl_load and etl_reject, and who may publish."""

import datetime as dt
import getpass
import hashlib
import json
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cache
from typing import Any

from dvdrental_etl.config import ROOT, Settings
from dvdrental_etl.errors import Fenced, UsageError
from dvdrental_etl.extract.changes import Extent
from dvdrental_etl.extract.source import Snapshot, Source
from dvdrental_etl.pipeline.gate import Reject
from dvdrental_etl.warehouse.postgres import Warehouse, open_warehouse

VERSION = "0.1.0"


@dataclass(frozen=True)
class Batch:
    """One run: its number in the warehouse, the caller's name for it, and the moment that it stands for."""

    batch_id: int
    run_id: str
    as_of: dt.datetime
    opened_here: bool


@dataclass(frozen=True)
class Load:
    """One attempt of one table within a batch."""

    load_id: int
    table: str
    attempt: str

    @property
    def staging(self) -> str:
        """A staging table of its own, so that two attempts never mix rows."""
        return f"stg_{self.table}_{self.attempt}"


@dataclass(frozen=True)
class Counts:
    """What a load did, in rows; amounts in currency units, None for dimensions."""

    read: int = 0
    new: int = 0
    changed: int = 0
    expired: int = 0
    deleted: int = 0
    quarantined: int = 0
    warned: int = 0
    source_rows: int = 0
    source_amount: Decimal | None = None
    warehouse_rows: int = 0
    warehouse_amount: Decimal | None = None
    quarantined_amount: Decimal | None = None


def now() -> dt.datetime:
    """The wall clock, UTC, for bookkeeping only: no business value depends on it."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def code_version() -> str:
    """Version and, in a checkout, commit of this suite."""
    head = ROOT / ".git" / "HEAD"
    try:
        reference = head.read_text().strip()
        if reference.startswith("ref: "):
            reference = (ROOT / ".git" / reference[5:]).read_text().strip()
        return f"{VERSION}+{reference[:12]}"
    except OSError:
        return VERSION


@cache
def code_digest() -> str:
    """md5 of what decides how rows come out: jobs and DDL. Other code may see other things in the same source."""
    files = sorted([*(ROOT / "spark_apps").rglob("*.py"), *(ROOT / "sql_scripts").glob("create_*.sql")])
    return hashlib.md5(b"".join(path.read_bytes() for path in files), usedforsecurity=False).hexdigest()


def prepare(settings: Settings, run_id: str, as_of: dt.datetime | None = None) -> Batch:
    """Check both ends, create what is missing in the warehouse, and open the batch that a DAG run's tasks join.

    An as_of with a zone, as a form's date picker gives it, is put on the source's clock.
    """
    with Source(settings.source) as source, open_warehouse(settings) as warehouse:
        now = source.clock()
        if as_of and as_of.tzinfo:
            as_of = source.on_its_clock(as_of)
        with warehouse.transaction() as cursor:
            warehouse.ensure_tables(cursor)
        return join(warehouse, run_id, as_of, now)


def join(warehouse: Warehouse, run_id: str, as_of: dt.datetime | None, clock: dt.datetime) -> Batch:
    """The batch of that name, opened if it is new. A batch has one as_of: the one given first, else the clock.

    Raises UsageError when as_of contradicts the batch.
    """
    with warehouse.writing() as cursor:
        warehouse.lock_record(cursor, "etl_batch")
        cursor.execute("SELECT batch_id, as_of FROM etl_batch WHERE run_id = %s", (run_id,))
        found = cursor.fetchone()
        if found:
            if as_of and as_of != found[1]:
                raise UsageError(
                    f"batch '{run_id}' has as_of {found[1]}, not {as_of}",
                    "leave --as-of out, or name a new batch",
                )
            # A failed run that somebody takes up again is running; how it ends, its last task says.
            cursor.execute(
                "UPDATE etl_batch SET status = 'running', finished_at = NULL WHERE run_id = %s AND status = 'failed'",
                (run_id,),
            )
            return Batch(found[0], run_id, found[1], opened_here=False)
        moment = as_of or clock
        cursor.execute(
            """
            INSERT INTO etl_batch (batch_id, run_id, as_of, status, started_by, code_version, started_at)
            SELECT COALESCE(MAX(batch_id), 0) + 1, %s, %s, 'running', %s, %s, %s FROM etl_batch
            """,
            (run_id, moment, f"{_user()}@{socket.gethostname()}"[:250], code_version(), now()),
        )
        cursor.execute("SELECT batch_id FROM etl_batch WHERE run_id = %s", (run_id,))
        return Batch(cursor.fetchone()[0], run_id, moment, opened_here=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have a number only
        return "unknown"


def close(settings: Settings, run_id: str, status: str) -> None:
    """End a batch as 'done' or 'failed'."""
    with open_warehouse(settings) as warehouse:
        end(warehouse, run_id, status)


def end(warehouse: Warehouse, run_id: str, status: str) -> None:
    """End a batch on a connection that is open."""
    with warehouse.writing() as cursor:
        cursor.execute(
            "UPDATE etl_batch SET status = %s, finished_at = %s WHERE run_id = %s", (status, now(), run_id)
        )


def start_load(warehouse: Warehouse, batch: Batch, table: str) -> Load:
    """Announce an attempt. It supersedes every earlier one of this table that is still running, or was killed.

    Only then may it look at the source: whoever announced earlier saw an older moment, and may not publish any more.
    """
    attempt = secrets.token_hex(4)
    with warehouse.writing() as cursor:
        warehouse.call_session(cursor, attempt)
        warehouse.end_forgotten_sessions(cursor, table, attempt)
        warehouse.lock_record(cursor, "etl_load")
        warehouse.drop_idle_staging(cursor, table)
        cursor.execute("SELECT COALESCE(MAX(load_id), 0) + 1 FROM etl_load")
        load = Load(cursor.fetchone()[0], table, attempt)
        cursor.execute(
            "UPDATE etl_load SET status = 'superseded', reason = %s WHERE table_name = %s AND status = 'running'",
            (f"load {load.load_id} began", table),
        )
        cursor.execute(
            """
            INSERT INTO etl_load (load_id, batch_id, table_name, attempt, status, as_of, code_version, code_digest,
                started_at)
            VALUES (%s, %s, %s, %s, 'running', %s, %s, %s, %s)
            """,
            (
                *(load.load_id, batch.batch_id, table, attempt, batch.as_of),
                *(code_version(), code_digest(), now()),
            ),
        )
    return load


def record_extent(cursor: Any, load: Load, snapshot: Snapshot, identity: str, extent: Extent) -> None:
    """Write which moment of which source the attempt sees, and what it reads of it."""
    cursor.execute(
        """
        UPDATE etl_load SET source_snapshot = %s, source_lsn = %s, source_identity = %s, is_full = %s, extent = %s
        WHERE load_id = %s
        """,
        (
            *(snapshot.visible[:1000], snapshot.lsn, _cut(identity, 1000), extent.is_full),
            *(_cut(extent.why, 1000), load.load_id),
        ),
    )


def require_newest(cursor: Any, load: Load) -> None:
    """Raise Fenced when a later attempt has superseded this one. Holds the record until the transaction ends."""
    cursor.execute(
        "UPDATE etl_load SET status = status WHERE load_id = %s AND status = 'running'", (load.load_id,)
    )
    cursor.execute("SELECT status, reason FROM etl_load WHERE load_id = %s", (load.load_id,))
    ((status, reason),) = cursor.fetchall()
    if status == "superseded":
        raise Fenced(
            f"fenced: {load.table}: this attempt is superseded ({reason}), so it may not publish",
            "the newer attempt's result stands; nothing to do",
        )


def record_published(
    cursor: Any, load: Load, counts: Counts, seconds: float, warnings: Sequence[str]
) -> None:
    """Write what the load did, and what it warns of, in the transaction that publishes it."""
    cursor.execute(
        """
        UPDATE etl_load SET status = 'published', rows_read = %s, rows_new = %s, rows_changed = %s,
            rows_expired = %s, rows_deleted = %s, rows_quarantined = %s, rows_warned = %s, source_rows = %s,
            source_amount = %s, warehouse_rows = %s, warehouse_amount = %s, quarantined_amount = %s, seconds = %s,
            reason = %s
        WHERE load_id = %s
        """,
        (
            *(counts.read, counts.new, counts.changed, counts.expired, counts.deleted, counts.quarantined),
            *(counts.warned, counts.source_rows, counts.source_amount, counts.warehouse_rows),
            *(counts.warehouse_amount, counts.quarantined_amount, round(seconds, 3)),
            *(_cut("; ".join(warnings), 4000) or None, load.load_id),
        ),
    )


def published_counts(warehouse: Warehouse, load: Load) -> Counts | None:
    """What a load did, as its record says; None if it is not published. For when a COMMIT went without an answer."""
    names = [field.name for field in fields(Counts)]
    columns = [f"rows_{name}" if "_" not in name else name for name in names]
    with warehouse.transaction(keep=False) as cursor:
        cursor.execute(
            f"SELECT {', '.join(columns)} FROM etl_load WHERE load_id = %s AND status = 'published'",
            (load.load_id,),
        )
        row = cursor.fetchone()
    return None if row is None else Counts(**dict(zip(names, row, strict=True)))


def record_rejects(
    warehouse: Warehouse, cursor: Any, load: Load, batch: Batch, rejects: Sequence[Reject]
) -> None:
    """Quarantine: one row of etl_reject per broken row."""
    rows = [
        (
            *(load.load_id, batch.batch_id, load.table, reject.natural_key, reject.rule, reject.column),
            *(_cut(reject.value, 1000), _cut(_json(reject.row), 65535)),
        )
        for reject in rejects
    ]
    columns = "load_id", "batch_id", "table_name", "natural_key", "rule", "column_name", "value", "row_json"
    warehouse.insert(cursor, "etl_reject", columns, rows)


def record_failure(warehouse: Warehouse, load: Load, reason: str, seconds: float) -> None:
    """End an attempt that did not publish, and clear its staging away."""
    with warehouse.writing() as cursor:
        warehouse.drop_staging(cursor, load.staging)
        cursor.execute(
            """
            UPDATE etl_load SET status = 'failed', reason = %s, seconds = %s
            WHERE load_id = %s AND status = 'running'
            """,
            (_cut(reason, 4000), round(seconds, 3), load.load_id),
        )


def _json(row: Mapping[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)


def _cut(text: str | None, most_bytes: int) -> str | None:
    """Text that fits a column counted in bytes."""
    return text if text is None else text.encode()[:most_bytes].decode(errors="ignore")
