"""A dry run: what a load would do, found by doing it in a transaction that is rolled back."""

from dvdrental_etl.model.run_record import Attempt, Counts
from dvdrental_etl.pipeline import batch, source_state, transaction, watermark
from dvdrental_etl.pipeline.context import Candidate, Extraction, LoadContext
from dvdrental_etl.pipeline.load import checked_frame
from dvdrental_etl.staging.results import Staged


def plan(context: LoadContext, extraction: Extraction) -> Counts:
    """The counts of a load that writes nothing. The context's batch has no number."""
    warehouse, target = context.warehouse, context.target
    attempt = Attempt(0, target.table, "plan")
    extraction.source.begin()
    with warehouse.transaction(keep=False) as cursor:
        warehouse.name_session(cursor, attempt.token)  # idle while Spark works, and not dead
        warehouse.ensure_tables(cursor)
        batch.require_not_before(cursor, context.batch.as_of, [target.table])
        state = source_state.read(context, extraction, watermark.read(cursor, target.table))
        warehouse.create_staging(cursor, attempt.staging, target.staging)
        staged = Staged()
        if not state.extent.is_empty:
            outgoing = checked_frame(context, extraction, state)
            staged = warehouse.stage_in_transaction(cursor, outgoing, attempt.staging)
        warehouse.lock_for_publish(cursor, target)
        return transaction.apply(cursor, context, Candidate(attempt, state, staged))[0]
