"""etl_batch: a run is opened, joined by its loads, and ended."""

import datetime as dt
import getpass
import socket
from collections.abc import Sequence

from dvdrental_etl.config import Settings
from dvdrental_etl.db.cursor import Cursor, only_value
from dvdrental_etl.errors import UsageError
from dvdrental_etl.extract.source import Source
from dvdrental_etl.model.run_record import Batch, BatchStatus, LoadStatus
from dvdrental_etl.pipeline.code_version import code_version
from dvdrental_etl.pipeline.command_line import END_OF_AS_OF, FIRST_AS_OF
from dvdrental_etl.warehouse import reporting
from dvdrental_etl.warehouse.base import Warehouse
from dvdrental_etl.warehouse.factory import open_warehouse


def now() -> dt.datetime:
    """The wall clock in UTC, for the run record only: no business value depends on it."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def prepare(
    settings: Settings,
    run_id: str,
    as_of: dt.datetime | None = None,
    tables: Sequence[str] = (),
    *,
    dry_run: bool = False,
) -> Batch:
    """Connect to both sides, create what is missing in the warehouse, and open the batch that a DAG run's tasks join.

    An as_of with a zone, as a form's date picker gives it, is converted to the source's time zone. tables: what the run
    will load. A dry run checks the same and writes nothing: its batch has no number.
    """
    _require_possible(as_of)
    with Source(settings.source, settings.limits) as source, open_warehouse(settings) as warehouse:
        clock = source.clock()
        if as_of and as_of.tzinfo:
            as_of = source.in_its_time_zone(as_of)
            _require_possible(as_of)
        with warehouse.transaction(keep=not dry_run) as cursor:
            warehouse.ensure_tables(cursor)
            if as_of and dry_run:
                require_not_before(cursor, as_of, tables)
        if dry_run:
            return Batch(0, run_id, as_of or clock, opened_here=False)
        reporting.keep_current(warehouse)
        return join(warehouse, run_id, as_of, clock, tables=tables)


def _require_possible(as_of: dt.datetime | None) -> None:
    """Raise UsageError for a timestamp that no version of a member can begin at."""
    if as_of and not FIRST_AS_OF <= as_of.replace(tzinfo=None) < END_OF_AS_OF:
        raise UsageError(
            f"as_of is {as_of}", f"it lies from {FIRST_AS_OF:%Y-%m-%d} to before {END_OF_AS_OF:%Y-%m-%d}"
        )


def require_not_before(
    cursor: Cursor, as_of: dt.datetime, tables: Sequence[str], *, later_than: int = 0
) -> None:
    """Raise UsageError when one of the tables was published for a later time: history is not written backwards.

    later_than: a batch_id; only loads of later batches count.
    """
    cursor.execute(
        f"SELECT table_name, MAX(as_of) FROM etl_load WHERE status = '{LoadStatus.PUBLISHED}' AND batch_id > %s"
        " GROUP BY table_name",
        (later_than,),
    )
    later = {table: last for table, last in cursor.fetchall() if table in tables and last > as_of}
    if later:
        table = max(later, key=lambda name: later[name])
        raise UsageError(
            f"as_of {as_of} lies before {later[table]}, for which {table} is loaded: a load reads the source as it is"
            " now, and would backdate today's changes",
            "start a new run, without as_of or with a later one",
        )


def join(
    warehouse: Warehouse,
    run_id: str,
    as_of: dt.datetime | None,
    clock: dt.datetime,
    *,
    tables: Sequence[str] = (),
    must_exist: bool = False,
) -> Batch:
    """The batch of that name, opened if it is new. A batch has one as_of: the first one given, else the clock.

    Raises UsageError when as_of contradicts the batch, when there is no batch that must exist, or when the as_of given
    for a new one lies before what one of the tables is loaded for. (The clock may: it was ahead, and is right again.)
    """
    with warehouse.writing() as cursor:
        warehouse.lock_record(cursor)
        cursor.execute("SELECT batch_id, as_of FROM etl_batch WHERE run_id = %s", (run_id,))
        found = cursor.fetchone()
        if found:
            if as_of and as_of != found[1]:
                raise UsageError(
                    f"batch '{run_id}' has as_of {found[1]}, not {as_of}",
                    "leave --as-of out, or name a new batch",
                )
            # A failed run that is started again is running; its last task records how it ends.
            cursor.execute(
                f"UPDATE etl_batch SET status = '{BatchStatus.RUNNING}', finished_at = NULL"
                f" WHERE run_id = %s AND status = '{BatchStatus.FAILED}'",
                (run_id,),
            )
            return Batch(found[0], run_id, found[1], opened_here=False)
        if must_exist:
            raise UsageError(
                f"run '{run_id}' has no batch in etl_batch: its task prepare has not run",
                "clear prepare, with the tasks after it; one that is marked as success by hand opens no batch",
            )
        if as_of:
            require_not_before(cursor, as_of, tables)
        chosen = as_of or clock
        cursor.execute("SELECT COALESCE(MAX(batch_id), 0) + 1 FROM etl_batch")
        batch_id = only_value(cursor)
        # VALUES, not SELECT: Redshift gives text that is bound in a select list no type, and stops.
        cursor.execute(
            f"""
            INSERT INTO etl_batch (batch_id, run_id, as_of, status, started_by, code_version, started_at)
            VALUES (%s, %s, %s, '{BatchStatus.RUNNING}', %s, %s, %s)
            """,
            (batch_id, run_id, chosen, f"{_user()}@{socket.gethostname()}"[:250], code_version(), now()),
        )
        return Batch(batch_id, run_id, chosen, opened_here=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have a number only
        return "unknown"


def close(settings: Settings, run_id: str, status: BatchStatus) -> None:
    """End a batch, on a connection of its own."""
    with open_warehouse(settings) as warehouse:
        end(warehouse, run_id, status)


def record_dry_run(settings: Settings, run_id: str, as_of: dt.datetime) -> None:
    """Leave one row in etl_batch that says that a dry run took place; nothing in a warehouse without tables."""
    with open_warehouse(settings) as warehouse:
        with warehouse.transaction(keep=False) as cursor:
            if not warehouse.has_tables(cursor):
                return
        join(warehouse, run_id, as_of, as_of)
        end(warehouse, run_id, BatchStatus.DRY_RUN)


def end(warehouse: Warehouse, run_id: str, status: BatchStatus) -> None:
    """End a batch."""
    with warehouse.writing() as cursor:
        cursor.execute(
            "UPDATE etl_batch SET status = %s, finished_at = %s WHERE run_id = %s",
            (str(status), now(), run_id),
        )
