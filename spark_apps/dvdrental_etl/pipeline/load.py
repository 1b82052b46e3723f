"""The order of a load: announce the attempt, read the source's state, stage, publish in one transaction, analyze."""

import time
from functools import partial

from dvdrental_etl.errors import Conflict, EtlError, Fenced, NotReconciled, WarehouseError
from dvdrental_etl.model import contract
from dvdrental_etl.model.run_record import Attempt, Counts
from dvdrental_etl.pipeline import attempts, batch, gate, source_state, transaction, watermark
from dvdrental_etl.pipeline.context import Candidate, Extraction, LoadContext, SourceState, SparkNeeded, Stage
from dvdrental_etl.staging.results import Staged
from dvdrental_etl.staging.send import Outgoing
from dvdrental_etl.warehouse.base import DirectLoad


def publish(context: LoadContext, extraction: Extraction) -> Counts:
    """Load as part of a batch. Raises EtlError, or SparkNeeded, and then the published table is unchanged."""
    table = context.target.table
    attempt = attempts.start(context.warehouse, context.batch, table, extraction.code_digest)
    try:
        extraction.source.begin()
        with context.warehouse.transaction() as cursor:
            last = watermark.read(cursor, table)
        state = source_state.read(context, extraction, last)
        _require_not_overtaken(context, state)
        stage = partial(_stage_frame, context, extraction)
        try:
            counts = stage_and_publish(context, attempt, state, stage)
        except NotReconciled as difference:
            everything = everything_instead(context, state, difference)
            counts = stage_and_publish(context, attempt, everything, stage)
    except SparkNeeded:
        attempts.withdraw(context.warehouse, attempt)
        raise
    except BaseException as error:
        _record_failure(context, attempt, error)
        raise
    return counts


def _require_not_overtaken(context: LoadContext, state: SourceState) -> None:
    """Raise UsageError if there are changes, and a later run loaded the table: they would be dated before it.

    Such is a run that failed, and whose task is cleared after the next night.
    """
    joined, tables = context.batch, [context.target.table]
    if not state.extent.is_empty or state.extent.spans:
        with context.warehouse.transaction() as cursor:
            batch.require_not_before(cursor, joined.as_of, tables, later_than=joined.batch_id)


def everything_instead(context: LoadContext, state: SourceState, difference: NotReconciled) -> SourceState:
    """The state to try after changes that did not reconcile. Raises the difference again if everything was read."""
    if state.extent.is_full:
        raise difference
    context.report(f"{difference.message}; everything is compared now")
    return source_state.with_everything(state, "the changes alone did not reconcile")


def stage_and_publish(context: LoadContext, attempt: Attempt, state: SourceState, stage: Stage) -> Counts:
    """Bring the rows of a state into staging, and publish them. The same order for a script and for tryout."""
    warehouse, target = context.warehouse, context.target
    with warehouse.writing() as cursor:
        attempts.record_extent(cursor, attempt, state)
        warehouse.drop_staging(cursor, attempt.staging)
        warehouse.create_staging(cursor, attempt.staging, target.staging)
        direct = (
            warehouse.direct_load(cursor, target, attempt.staging, context.batch.batch_id)
            if state.extent.is_full
            else None
        )
    staged = stage(state, attempt.staging, direct)
    context.report(f"staged {staged.rows} rows, {staged.rejected} quarantined")
    counts = _publish_with_retries(context, Candidate(attempt, state, staged, direct))
    _analyze(context, counts)
    return counts


def checked_frame(context: LoadContext, extraction: Extraction, state: SourceState) -> Outgoing:
    """The frame of a state, ready to be sent. Raises ContractError unless it has the columns of its table."""
    frame = extraction.build_frame(state)
    columns = [(field.name, field.dataType.simpleString()) for field in frame.schema.fields]
    contract.check_frame(columns, context.target.frame, context.target.table)
    return Outgoing(frame, context.target, state.rows, context.limits, extraction.engine)


def _stage_frame(
    context: LoadContext,
    extraction: Extraction,
    state: SourceState,
    staging: str,
    direct: DirectLoad | None,
) -> Staged:
    """Without anything to read, Spark is not even started."""
    if state.extent.is_empty:
        return Staged()
    outgoing = checked_frame(context, extraction, state)
    if direct is None:
        return context.warehouse.stage(outgoing, staging)
    return _stage_directly(context, outgoing, direct)


def _stage_directly(context: LoadContext, outgoing: Outgoing, direct: DirectLoad) -> Staged:
    """Write a fact's rows where they stay, with their keys and indexes."""
    target = context.target
    staged = direct.stage(outgoing)
    context.report(f"wrote {staged.keyed} rows")
    with context.warehouse.transaction() as cursor:
        duplicates = []
        if not direct.build_keys(cursor):
            # Rows that landed twice are not the source's fault.
            gate.require_all_landed(target, direct.row_count(cursor), staged.keyed)
            duplicates = context.warehouse.duplicate_keys(cursor, target.key, direct.table)
    gate.require_unique(target.table, target.key, duplicates)
    return staged


def _publish_with_retries(context: LoadContext, candidate: Candidate) -> Counts:
    """Publish, again where another transaction went first. After a lost connection, find out whether it committed."""
    warehouse = context.warehouse
    for number in range(1, context.limits.conflict_attempts + 1):
        try:
            return _publish_once(context, candidate)
        except Conflict as conflict:
            if number == context.limits.conflict_attempts:
                raise
            context.report(f"{conflict.message}; trying again")
        except WarehouseError as error:
            if not warehouse.is_cut_off:
                raise
            warehouse.connect()
            counts = attempts.published_counts(warehouse, candidate.attempt)
            if counts is None:
                raise
            context.report(f"{error.message}; the transaction was committed all the same")
            return counts
    raise AssertionError("limits.conflict_attempts is at least 1")


def _publish_once(context: LoadContext, candidate: Candidate) -> Counts:
    warehouse, target, attempt = context.warehouse, context.target, candidate.attempt
    with warehouse.writing() as cursor:
        warehouse.lock_for_publish(cursor, target)
        attempts.require_newest(cursor, attempt)
        counts, warnings = transaction.apply(cursor, context, candidate)
        attempts.record_rejects(warehouse, cursor, attempt, context.batch, candidate.staged.rejects)
        seconds = time.monotonic() - context.started
        attempts.record_published(cursor, attempt, counts, seconds=seconds, warnings=warnings)
        watermark.write(warehouse, cursor, attempt, candidate.state.counts)
        warehouse.drop_staging(cursor, attempt.staging)
    for warning in warnings:
        context.report(f"warning: {warning}")
    context.report("committed")
    return counts


def _analyze(context: LoadContext, counts: Counts) -> None:
    """Update the planner's statistics where much changed. The load is published: no error of this undoes it."""
    warehouse, changed = context.warehouse, counts.new + counts.changed + counts.deleted
    if not changed or changed < context.limits.analyzed_share * counts.warehouse_rows:
        return
    try:
        with warehouse.transaction() as cursor:
            warehouse.analyze(cursor, context.target)
        context.report("statistics are up to date")
    except EtlError as error:
        context.report(f"warning: statistics: {error.message}")
        if warehouse.is_cut_off:  # the end of the batch still has to be recorded
            warehouse.connect()


def _record_failure(context: LoadContext, attempt: Attempt, error: BaseException) -> None:
    """Best effort: an error while recording must not hide the error of the load.

    Raises Fenced if a newer attempt began meanwhile: it may have removed the staging table, and then that is the cause
    and the error only its result.
    """
    warehouse, seconds = context.warehouse, time.monotonic() - context.started
    try:
        if warehouse.is_cut_off:
            warehouse.connect()
        attempts.record_failure(warehouse, attempt, str(error) or type(error).__name__, seconds)
        with warehouse.writing() as cursor:
            attempts.require_newest(cursor, attempt)
    except Fenced:
        raise
    except EtlError as also:
        context.report(f"the failure could not be recorded: {also}")
