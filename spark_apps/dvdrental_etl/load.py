"""A frame becomes live: stage, gate, publish in one transaction; or the same, rolled back, as a plan."""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dvdrental_etl import batch, contract, quality, staging
from dvdrental_etl import publish as sql
from dvdrental_etl.batch import Batch, Counts, Load
from dvdrental_etl.errors import EtlError, Fenced, WarehouseError
from dvdrental_etl.source import Source, Totals
from dvdrental_etl.targets import Scd2Dimension, Target
from dvdrental_etl.warehouse import Warehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Work:
    """A frame and where it goes."""

    source: Source
    warehouse: Warehouse
    target: Target
    frame: "DataFrame"
    allow_mass_delete: bool
    say: Callable[[str], None]

    def check(self) -> None:
        """Raise ContractError unless the frame is what its table takes."""
        fields = [(field.name, field.dataType.simpleString()) for field in self.frame.schema.fields]
        contract.check_frame(fields, self.target.frame, self.target.table)


def publish(work: Work, run: Batch, began: float) -> Counts:
    """Load the frame as part of a batch. Raises EtlError, and then the published table is as it was.

    began: time.monotonic() of the run's begin, for its seconds in the record.
    """
    work.check()
    warehouse = work.warehouse
    load = batch.start_load(warehouse, run, work.target.table, work.source.snapshot)
    try:
        with warehouse.transaction() as cursor:
            warehouse.create_staging(cursor, load.staging, work.target.staging)
        counts = _stage_and_publish(work, run, load, began)
    except BaseException as error:
        _record_failure(work, load, error, time.monotonic() - began)
        raise
    return counts


def _stage_and_publish(work: Work, run: Batch, load: Load, began: float) -> Counts:
    warehouse, target = work.warehouse, work.target
    statement = warehouse.copy_statement(load.staging, target.staging)
    staged = staging.stage(work.frame, target, staging.CopyTarget(warehouse.address.libpq(), statement))
    work.say(f"staged {staged.rows} rows, {staged.rejected} quarantined")
    source_totals = work.source.totals(target.counted)
    with warehouse.transaction() as cursor:
        warehouse.lock(cursor, target)
        batch.require_newest(cursor, load)
        counts = _make_live(cursor, work, load.staging, staged, source_totals, run)
        batch.record_rejects(cursor, load, run, staged.rejects)
        batch.record_published(cursor, load, counts, time.monotonic() - began)
        warehouse.drop_staging(cursor, load.staging)
    work.say("committed")
    return counts


def plan(work: Work, as_of: dt.datetime) -> Counts:
    """What publish() would do, found by doing it in a transaction that is rolled back."""
    work.check()
    warehouse, target = work.warehouse, work.target
    load = Load(0, target.table, "plan")
    with warehouse.transaction(keep=False) as cursor:
        warehouse.ensure_tables(cursor)
        warehouse.create_staging(cursor, load.staging, target.staging)
        statement = warehouse.copy_statement(load.staging, target.staging)
        staged = staging.stream(
            work.frame, target, lambda file: cursor.copy_expert(statement, file, size=1 << 20)
        )
        warehouse.lock(cursor, target)
        run = Batch(0, "plan", as_of, opened_here=False)
        return _make_live(cursor, work, load.staging, staged, work.source.totals(target.counted), run)


def _make_live(
    cursor: Any, work: Work, table: str, staged: staging.Staged, source_totals: Totals, run: Batch
) -> Counts:
    """Gate, then the target's publish steps, then the gate again on what they made."""
    warehouse, target = work.warehouse, work.target
    read = staged.rows + staged.rejected
    in_staging = warehouse.totals(cursor, target, table)
    landed, _ = quality.whole(in_staging)
    if landed != staged.rows:
        raise WarehouseError(
            f"warehouse: {target.table}: {landed} rows are in staging, {staged.rows} were sent",
            "a task was retried after its rows had landed; run again",
        )
    quality.require_few_rejects(target.table, read, staged.rejected, staged.rejects)
    rejected = quality.reject_totals(target, staged.rejects)
    quality.require_reconciled(target.table, source_totals, quality.summed(in_staging, rejected))
    key = target.natural_key if isinstance(target, Scd2Dimension) else target.key
    quality.require_unique(target.table, key, warehouse.doubled(cursor, key, table))
    before = _published_rows(cursor, target)
    counted: dict[str, Any] = {}
    for step in sql.steps(target, table):
        cursor.execute(step.sql, {"as_of": run.as_of, "batch_id": run.batch_id})
        if step.counts:
            values = cursor.fetchone() if cursor.description else (cursor.rowcount,)
            counted |= dict(zip(step.counts, values, strict=True))
    quality.require_few_deletions(
        target.table, before, counted["deleted"], staged.rows, allowed=work.allow_mass_delete
    )
    counts = replace(Counts(read=read, quarantined=staged.rejected), **counted)
    return _totalled(cursor, work, counts, in_staging, rejected, source_totals)


def _totalled(
    cursor: Any, work: Work, counts: Counts, in_staging: Totals, rejected: Totals, source_totals: Totals
) -> Counts:
    """The counts with both sides' totals; refuses a published table that does not hold what staging held."""
    target = work.target
    if isinstance(target, Scd2Dimension):
        published: Totals = {None: (_published_rows(cursor, target), None)}
    else:
        published = work.warehouse.totals(cursor, target, target.table)
    quality.require_reconciled(target.table, in_staging, published)
    source_rows, source_amount = quality.whole(source_totals)
    warehouse_rows, warehouse_amount = quality.whole(quality.summed(published, rejected))
    return replace(
        counts,
        source_rows=source_rows,
        source_amount=source_amount,
        warehouse_rows=warehouse_rows,
        warehouse_amount=warehouse_amount,
        quarantined_amount=quality.whole(rejected)[1],
    )


def _published_rows(cursor: Any, target: Target) -> int:
    """Members that the source has, as far as the warehouse knows; or facts."""
    members = " WHERE is_current AND NOT is_deleted AND NOT is_inferred AND {0} > 0"
    where = members.format(target.key) if isinstance(target, Scd2Dimension) else ""
    cursor.execute(f"SELECT COUNT(*) FROM {target.table}{where}")  # noqa: S608 - our own names
    return int(cursor.fetchone()[0])


def _record_failure(work: Work, load: Load, error: BaseException, seconds: float) -> None:
    """Best effort: what went wrong must not be hidden by failing to write it down.

    Raises Fenced if a newer attempt began meanwhile: it may have taken the staging table away, and then that, and
    not what came of it, is what went wrong.
    """
    try:
        batch.record_failure(work.warehouse, load, str(error) or type(error).__name__, seconds)
        with work.warehouse.transaction() as cursor:
            batch.require_newest(cursor, load)
    except Fenced:
        raise
    except EtlError as also:
        work.say(f"the failure could not be recorded: {also}")
