"""A load: find what to read, stage it, hold it against the gate, publish in one transaction; or plan, rolled back."""

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from dvdrental_etl.errors import Conflict, EtlError, Fenced, NotReconciled, WarehouseError
from dvdrental_etl.extract import changes
from dvdrental_etl.extract.changes import Extent, Ranges
from dvdrental_etl.extract.source import Source, Table, Totals
from dvdrental_etl.model import contract
from dvdrental_etl.model.targets import Fact, Scd2Dimension, Target
from dvdrental_etl.pipeline import audit, gate, watermark
from dvdrental_etl.pipeline.audit import Batch, Counts, Load
from dvdrental_etl.publish import steps as sql
from dvdrental_etl.publish.statements import quarantined_of
from dvdrental_etl.staging.send import Staged
from dvdrental_etl.warehouse import postgres_partition
from dvdrental_etl.warehouse.postgres import Warehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: So often a publish is tried that the warehouse breaks off in favour of another transaction.
CONFLICTS = 5
#: A load that changed a smaller part of its table leaves the planner's statistics as they are, as Redshift would.
MUCH = 0.1


@dataclass(frozen=True)
class Work:
    """What is loaded from where to where.

    frame makes what transform() gives of an extent of the source; warm_up begins to start what it takes for that.
    """

    source: Source
    warehouse: Warehouse
    target: Target
    tables: Sequence[Table]
    frame: Callable[[Extent, Mapping[str, Ranges]], "DataFrame"]
    warm_up: Callable[[], None]
    full_refresh: bool
    allow_mass_delete: bool
    say: Callable[[str], None]

    def stage(self, seen: "Seen", send: Callable[["DataFrame"], Staged]) -> Staged:
        """Hand the frame of an extent to `send`. Without anything to read, Spark is not even started.

        Raises ContractError unless the frame is what its table takes.
        """
        if seen.extent.is_empty:
            return Staged()
        frame = self.frame(seen.extent, seen.ranges)
        fields = [(field.name, field.dataType.simpleString()) for field in frame.schema.fields]
        contract.check_frame(fields, self.target.frame, self.target.table)
        return send(frame)


@dataclass(frozen=True)
class Seen:
    """What a load knows of the source at its moment: what to read, the key ranges, and what must come out."""

    grain: str
    extent: Extent
    ranges: Mapping[str, Ranges]
    totals: Totals

    @property
    def rows(self) -> int:
        """How many rows of the grain are read."""
        keys = self.extent.keys
        return gate.whole(self.totals)[0] if keys is None else len(keys[self.grain])


def publish(work: Work, run: Batch, began: float) -> Counts:
    """Load as part of a batch. Raises EtlError, and then the published table is as it was.

    began: time.monotonic() of the run's begin, for its seconds in the record.
    """
    load = audit.start_load(work.warehouse, run, work.target.table)
    try:
        work.source.begin()
        work.source.check(work.tables)
        with work.warehouse.transaction() as cursor:
            mark = watermark.read(cursor, work.target.table)
        seen = _look(work, mark, run.as_of)
        try:
            counts = _stage_and_publish(work, run, load, seen, began)
        except NotReconciled as difference:
            if seen.extent.is_full:
                raise
            work.say(f"{difference.message}; so everything is compared")
            again = replace(seen, extent=changes.everything("the changes alone did not reconcile"))
            counts = _stage_and_publish(work, run, load, again, began)
    except BaseException as error:
        _record_failure(work, load, error, time.monotonic() - began)
        raise
    _settle(work, counts)
    return counts


def _look(work: Work, mark: changes.Watermark | None, as_of: dt.datetime) -> Seen:
    source, tables = work.source, work.tables
    reason = (
        "it was asked for"
        if work.full_refresh
        else changes.reason_for_all(source, tables, mark, as_of, audit.code_digest())
    )
    mark = None if reason else mark
    then = mark.ranges if mark else {}
    expected = {table.name: changes.grown(source, table, then.get(table.name, {})) for table in tables}
    has_grown = any(changes.row_count(expected[name]) > changes.row_count(then[name]) for name in then)
    if reason or has_grown:
        work.warm_up()  # there will be something to read, whatever the looks find
    quick = [partial(changes.written_since, table=t, horizon=mark.horizon) for t in tables] if mark else []
    slow = (partial(changes.ranges, table=table, expected=expected[table.name]) for table in tables)
    answers = source.together(*quick, lambda s: s.totals(work.target.counted), *slow)
    written = [next(answers) for _ in quick]
    if any(written):
        work.warm_up()
    totals, *found = answers
    names = [table.name for table in tables]
    ranges = dict(zip(names, found, strict=True))
    if mark:
        extent = changes.since(source, tables, mark, dict(zip(names, written, strict=True)), ranges)
    else:
        assert reason
        extent = changes.everything(reason)
    work.say(f"reads {extent.why}")
    return Seen(tables[0].name, extent, ranges, totals)


def _stage_and_publish(work: Work, run: Batch, load: Load, seen: Seen, began: float) -> Counts:
    warehouse, target = work.warehouse, work.target
    with warehouse.writing() as cursor:
        audit.record_extent(
            cursor, load, work.source.snapshot, work.source.identity(work.tables), seen.extent
        )
        warehouse.drop_staging(cursor, load.staging)
        warehouse.create_staging(cursor, load.staging, target.staging)
        to_come = (
            isinstance(target, Fact) and seen.extent.is_full and postgres_partition.has_room(cursor, target)
        )
        if to_come:
            postgres_partition.index_later_batches(cursor, target.table, run.batch_id)
            postgres_partition.create(cursor, target.table, load.staging, run.batch_id)
    if to_come:
        staged = work.stage(seen, partial(_stage_keyed, work, load, run, seen.rows))
    else:
        staged = work.stage(seen, lambda frame: warehouse.stage(frame, target, load.staging, seen.rows))
    work.say(f"staged {staged.rows} rows, {staged.rejected} quarantined")
    tries = 1
    while True:
        try:
            return _publish(work, run, load, seen, staged, began)
        except Conflict as conflict:
            if tries == CONFLICTS:
                raise
            work.say(f"{conflict.message}; again")
            tries += 1
        except WarehouseError as error:
            if not warehouse.is_cut_off:
                raise
            warehouse.connect()
            counts = audit.published_counts(warehouse, load)
            if counts is None:
                raise
            work.say(f"{error.message}; but it was committed")
            return counts


def _stage_keyed(work: Work, load: Load, run: Batch, rows: int, frame: "DataFrame") -> Staged:
    """Stage the first load of a fact: its rows are where they stay, and get their keys and indexes there."""
    warehouse, target = work.warehouse, work.target
    assert isinstance(target, Fact)
    staged = warehouse.stage_keyed(frame, target, load.staging, run.batch_id, rows)
    work.say(f"wrote {staged.keyed} rows")
    with warehouse.transaction() as cursor:
        is_unique = postgres_partition.index(cursor, target, load.staging)
        table = load.staging + postgres_partition.SUFFIX
        if not is_unique:  # before the source is blamed
            _require_all_landed(target, postgres_partition.rows(cursor, load.staging), staged.keyed)
        doubled = [] if is_unique else warehouse.doubled(cursor, target.key, table)
    gate.require_unique(target.table, target.key, doubled)
    return staged


def _publish(work: Work, run: Batch, load: Load, seen: Seen, staged: Staged, began: float) -> Counts:
    warehouse, target = work.warehouse, work.target
    with warehouse.writing() as cursor:
        warehouse.end_forgotten_sessions(cursor, target.table, load.attempt)
        warehouse.lock(cursor, target)
        audit.require_newest(cursor, load)
        counts, warnings = _make_live(cursor, work, load, staged, seen, run)
        audit.record_rejects(warehouse, cursor, load, run, staged.rejects)
        audit.record_published(cursor, load, counts, time.monotonic() - began, warnings)
        watermark.write(warehouse, cursor, target.table, load.load_id, seen.ranges)
        warehouse.drop_staging(cursor, load.staging)
    for warning in warnings:
        work.say(f"warning: {warning}")
    work.say("committed")
    return counts


def _settle(work: Work, counts: Counts) -> None:
    """Bring the planner's statistics up to date where much changed. The load is done: no error of this undoes it."""
    warehouse, changed = work.warehouse, counts.new + counts.changed + counts.deleted
    if not changed or changed < MUCH * counts.warehouse_rows:
        return
    try:
        with warehouse.transaction() as cursor:
            warehouse.settle(cursor, work.target)
        work.say("statistics are up to date")
    except EtlError as error:
        work.say(f"warning: statistics: {error.message}")
        if warehouse.is_cut_off:  # the end of the batch is still to be recorded
            warehouse.connect()


def plan(work: Work, as_of: dt.datetime | None) -> Counts:
    """What publish() would do, found by doing it in a transaction that is rolled back.

    as_of: None for the source's clock.
    """
    warehouse, target = work.warehouse, work.target
    load = Load(0, target.table, "plan")
    run = Batch(0, "plan", as_of or work.source.clock(), opened_here=False)
    work.source.begin()
    work.source.check(work.tables)
    with warehouse.transaction(keep=False) as cursor:
        warehouse.ensure_tables(cursor)
        seen = _look(work, watermark.read(cursor, target.table), run.as_of)
        warehouse.create_staging(cursor, load.staging, target.staging)
        staged = work.stage(
            seen, lambda frame: warehouse.stage_within(cursor, frame, target, load.staging, seen.rows)
        )
        warehouse.lock(cursor, target)
        return _make_live(cursor, work, load, staged, seen, run)[0]


def _make_live(
    cursor: Any, work: Work, load: Load, staged: Staged, seen: Seen, run: Batch
) -> tuple[Counts, list[str]]:
    """Gate, then the target's publish steps, then the gate again on what they made. Gives warnings as well."""
    warehouse, target = work.warehouse, work.target
    in_staging = warehouse.totals(cursor, target, load.staging)
    landed, _ = gate.whole(in_staging)
    if staged.keyed:
        landed += postgres_partition.rows(cursor, load.staging)
    _require_all_landed(target, landed, staged.rows)
    source_rows, _ = gate.whole(seen.totals)
    gate.require_none_that_stops(target.table, staged.rejects)
    gate.require_few_rejects(target.table, source_rows, staged.rejected, staged.rejects)
    rejected = gate.reject_totals(target, staged.rejects)
    if seen.extent.is_full and not staged.keyed:
        gate.require_reconciled(target.table, seen.totals, gate.summed(in_staging, rejected))
    key = target.grain_key
    gate.require_unique(target.table, key, warehouse.doubled(cursor, key, load.staging))
    quarantined = [int(reject.natural_key) for reject in staged.rejects if reject.natural_key is not None]
    # Where all facts are new, none can be gone.
    spans = () if staged.keyed else seen.extent.spans
    warehouse.create_bounds(cursor, target.table, spans, quarantined)
    before = 0 if isinstance(target, Fact) else published_rows(cursor, target)
    if isinstance(target, Fact) and staged.keyed:
        postgres_partition.take_over(cursor, target, load.staging)
    counted = run_steps(cursor, target, load, run)
    counted["new"] += staged.keyed
    published = _published(cursor, work)
    if isinstance(target, Fact):  # to count them all once is enough
        before = gate.whole(published)[0] - counted["new"] + counted["deleted"] + counted["withdrawn"]
    gate.require_few_deletions(
        target.table, before, counted["deleted"], source_rows, allowed=work.allow_mass_delete
    )
    warehouse.drop_bounds(cursor, target.table)
    gate.require_reconciled(target.table, seen.totals, gate.summed(published, rejected))
    counts = _counts(counted, staged, seen.totals, published, rejected)
    return counts, [*map(str, staged.warnings), *_early(target, counted)]


def _require_all_landed(target: Target, landed: int, sent: int) -> None:
    """Raise WarehouseError unless each row that was sent is there once."""
    if landed != sent:
        raise WarehouseError(
            f"warehouse: {target.table}: {landed} rows are in staging, {sent} were sent",
            "a task was retried after its rows had landed; run again",
        )


def run_steps(cursor: Any, target: Target, load: Load, run: Batch) -> dict[str, int]:
    """Run the publish, and give what its steps count."""
    bound = {"as_of": run.as_of, "batch_id": run.batch_id, "load_id": load.load_id}
    counted: dict[str, int] = {}
    for step in sql.steps(target, load.staging):
        cursor.execute(step.sql, bound)
        if step.counts:
            returned = cursor.description and cursor.fetchone()
            counted |= dict(zip(step.counts, returned or (cursor.rowcount,), strict=True))
    return counted


def _counts(
    counted: Mapping[str, int], staged: Staged, source: Totals, published: Totals, rejected: Totals
) -> Counts:
    source_rows, source_amount = gate.whole(source)
    warehouse_rows, warehouse_amount = gate.whole(gate.summed(published, rejected))
    return Counts(
        read=staged.rows + staged.rejected,
        new=counted["new"],
        changed=counted["changed"],
        expired=counted.get("expired", 0),
        deleted=counted["deleted"],
        quarantined=staged.rejected,
        warned=sum(warning.rows for warning in staged.warnings),
        source_rows=source_rows,
        source_amount=source_amount,
        warehouse_rows=warehouse_rows,
        warehouse_amount=warehouse_amount,
        quarantined_amount=gate.whole(rejected)[1],
    )


def _early(target: Target, counted: Mapping[str, int]) -> list[str]:
    """A warning for each dimension that did not have the members that facts refer to."""
    lookups = target.lookups if isinstance(target, Fact) else ()
    found = ((lookup, counted[f"inferred {lookup.dimension}"]) for lookup in lookups)
    return [
        f"{lookup.natural_key} 'refers to a member': {members} early members of {lookup.dimension}"
        for lookup, members in found
        if members
    ]


def _published(cursor: Any, work: Work) -> Totals:
    """What of the source is live: facts per day, or members."""
    if isinstance(work.target, Fact):
        return work.warehouse.totals(cursor, work.target, work.target.table)
    return {None: (published_rows(cursor, work.target), None)}


def published_rows(cursor: Any, target: Target) -> int:
    """Members that the source has, as far as the warehouse knows, but for those in quarantine; or facts."""
    where = ""
    if isinstance(target, Scd2Dimension):
        out = f"SELECT grain_key FROM {quarantined_of(target.table)}"
        where = f" WHERE is_current AND NOT is_deleted AND NOT is_inferred AND {target.key} > 0"
        where += f" AND {target.natural_key} NOT IN ({out})"
    cursor.execute(f"SELECT COUNT(*) FROM {target.table}{where}")
    return int(cursor.fetchone()[0])


def _record_failure(work: Work, load: Load, error: BaseException, seconds: float) -> None:
    """Best effort: what went wrong must not be hidden by failing to write it down.

    Raises Fenced if a newer attempt began meanwhile: it may have taken the staging table away, and then that, and
    not what came of it, is what went wrong.
    """
    try:
        if work.warehouse.is_cut_off:
            work.warehouse.connect()
        audit.record_failure(work.warehouse, load, str(error) or type(error).__name__, seconds)
        with work.warehouse.writing() as cursor:
            audit.require_newest(cursor, load)
    except Fenced:
        raise
    except EtlError as also:
        work.say(f"the failure could not be recorded: {also}")
