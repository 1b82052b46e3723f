"""A dry run: what a load would do, found by doing it in a transaction that is rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager

from dvdrental_etl.db.cursor import Cursor
from dvdrental_etl.errors import NotReconciled
from dvdrental_etl.model.run_record import Attempt, Counts
from dvdrental_etl.pipeline import batch, source_state, transaction, watermark
from dvdrental_etl.pipeline.context import Candidate, Extraction, LoadContext, SourceState
from dvdrental_etl.pipeline.load import checked_frame, everything_instead
from dvdrental_etl.staging.results import Staged

NAME = "plan"


def plan(context: LoadContext, extraction: Extraction) -> Counts:
    """The counts of a load that writes nothing. The context's batch has no number."""
    extraction.source.begin()
    with _nothing_kept(context) as cursor:
        batch.require_not_before(cursor, context.batch.as_of, [context.target.table])
        last = watermark.read(cursor, context.target.table)
    state = source_state.read(context, extraction, last)
    try:
        return _counts(context, extraction, state)
    except NotReconciled as difference:
        return _counts(context, extraction, everything_instead(context, state, difference))


@contextmanager
def _nothing_kept(context: LoadContext) -> Iterator[Cursor]:
    """A transaction that is rolled back, with the tables that a first load would create."""
    warehouse = context.warehouse
    with warehouse.transaction(keep=False) as cursor:
        warehouse.name_session(cursor, NAME)  # idle while Spark works, and not dead
        warehouse.ensure_tables(cursor)
        yield cursor


def _counts(context: LoadContext, extraction: Extraction, state: SourceState) -> Counts:
    warehouse, target = context.warehouse, context.target
    attempt = Attempt(0, target.table, NAME)
    with _nothing_kept(context) as cursor:
        warehouse.create_staging(cursor, attempt.staging, target.staging)
        staged = Staged()
        if not state.extent.is_empty:
            outgoing = checked_frame(context, extraction, state)
            staged = warehouse.stage_in_transaction(cursor, outgoing, attempt.staging)
        warehouse.lock_for_publish(cursor, target)
        return transaction.apply(cursor, context, Candidate(attempt, state, staged))[0]
