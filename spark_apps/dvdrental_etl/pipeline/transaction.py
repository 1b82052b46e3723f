"""What happens within the transaction that publishes: gate, publish statements, gate again on their result, counts."""

from collections.abc import Mapping

from dvdrental_etl.db.cursor import Cursor, only_value
from dvdrental_etl.model.run_record import Counts
from dvdrental_etl.model.targets import Fact, Scd2Dimension, Target
from dvdrental_etl.model.totals import Totals, add, all_days
from dvdrental_etl.pipeline import gate
from dvdrental_etl.pipeline.context import Candidate, LoadContext
from dvdrental_etl.publish import scd2, steps
from dvdrental_etl.publish.statements import quarantined_of


def apply(cursor: Cursor, context: LoadContext, candidate: Candidate) -> tuple[Counts, list[str]]:
    """Publish staged rows, or raise and leave it to the caller's rollback. Returns counts and warnings."""
    target, state, staged = context.target, candidate.state, candidate.staged
    rejected = gate.reject_totals(target, staged.rejects)
    source_rows, _ = all_days(state.totals)
    _check_staging(cursor, context, candidate, rejected)
    quarantined = [int(reject.natural_key) for reject in staged.rejects if reject.natural_key is not None]
    # Where all facts are new, none can be deleted.
    spans = () if staged.keyed else state.extent.spans
    context.warehouse.create_key_tables(cursor, target.table, spans, quarantined)
    before = 0 if isinstance(target, Fact) else published_rows(cursor, target)
    if isinstance(target, Scd2Dimension) and state.extent.is_full:
        cursor.execute(scd2.rehash(target).sql)
    if candidate.direct and staged.keyed:
        candidate.direct.attach(cursor)
    counted = _run_steps(cursor, context, candidate)
    counted["new"] += staged.keyed
    published = _published_totals(cursor, context)
    if isinstance(target, Fact):  # computed, because counting all facts twice is expensive
        before = all_days(published)[0] - counted["new"] + counted["deleted"] + counted["withdrawn"]
    if staged.keyed:  # into a fact that was empty, so what was there before are rows too many or too few
        gate.require_all_landed(target, before + staged.keyed, staged.keyed)
    if not context.allow_mass_delete:
        gate.require_few_deletions(
            target.table,
            before=before,
            deleted=counted["deleted"],
            source_rows=source_rows,
            limits=context.limits,
        )
    context.warehouse.drop_key_tables(cursor, target.table)
    gate.require_reconciled(target.table, state.totals, add(published, rejected))
    counts = _counts(candidate, counted, published=published, rejected=rejected)
    return counts, [*map(str, staged.warnings), *_inferred(target, counted)]


def _check_staging(cursor: Cursor, context: LoadContext, candidate: Candidate, rejected: Totals) -> None:
    """The gate before the publish: rows landed once, few are rejected, money agrees, keys are unique."""
    warehouse, target = context.warehouse, context.target
    attempt, state, staged = candidate.attempt, candidate.state, candidate.staged
    in_staging = warehouse.totals(cursor, target, attempt.staging)
    gate.require_all_landed(target, all_days(in_staging)[0], staged.rows - staged.keyed)
    source_rows, _ = all_days(state.totals)
    gate.require_acceptable_rejects(target.table, source_rows, staged, context.limits)
    if state.extent.is_full and not staged.keyed:
        gate.require_reconciled(target.table, state.totals, add(in_staging, rejected))
    key = target.grain_key
    gate.require_unique(target.table, key, warehouse.duplicate_keys(cursor, key, attempt.staging))


def _run_steps(cursor: Cursor, context: LoadContext, candidate: Candidate) -> dict[str, int]:
    """Run the publish statements, and return what they count."""
    batch, attempt = context.batch, candidate.attempt
    bound = {"as_of": batch.as_of, "batch_id": batch.batch_id, "load_id": attempt.load_id}
    counted: dict[str, int] = {}
    for step in steps.steps(context.target, attempt.staging):
        cursor.execute(step.sql, bound)
        if step.counts:
            returned = cursor.fetchone() if cursor.description else None
            counted |= dict(zip(step.counts, returned or (cursor.rowcount,), strict=True))
    return counted


def _counts(
    candidate: Candidate, counted: Mapping[str, int], *, published: Totals, rejected: Totals
) -> Counts:
    staged = candidate.staged
    source_rows, source_amount = all_days(candidate.state.totals)
    warehouse_rows, warehouse_amount = all_days(add(published, rejected))
    return Counts(
        read=staged.rows + staged.rejected,
        new=counted["new"],
        changed=counted["changed"],
        expired=counted.get("expired", 0),
        deleted=counted["deleted"] + counted.get("withdrawn", 0),
        quarantined=staged.rejected,
        warned=sum(warning.rows for warning in staged.warnings),
        source_rows=source_rows,
        source_amount=source_amount,
        warehouse_rows=warehouse_rows,
        warehouse_amount=warehouse_amount,
        quarantined_amount=all_days(rejected)[1],
    )


def _inferred(target: Target, counted: Mapping[str, int]) -> list[str]:
    """A warning for each dimension that did not have all members that facts refer to."""
    lookups = target.lookups if isinstance(target, Fact) else ()
    found = ((lookup, counted[f"inferred {lookup.dimension}"]) for lookup in lookups)
    return [
        f"{lookup.natural_key} 'refers to a member': {members} inferred members of {lookup.dimension}"
        for lookup, members in found
        if members
    ]


def _published_totals(cursor: Cursor, context: LoadContext) -> Totals:
    """What of the source is published: facts per day, or members."""
    if isinstance(context.target, Fact):
        return context.warehouse.totals(cursor, context.target, context.target.table)
    return {None: (published_rows(cursor, context.target), None)}


def published_rows(cursor: Cursor, target: Target) -> int:
    """Facts; or members that the source has as far as the warehouse knows, without those in quarantine."""
    where = ""
    if isinstance(target, Scd2Dimension):
        out = f"SELECT grain_key FROM {quarantined_of(target.table)}"
        where = f" WHERE is_current AND NOT is_deleted AND NOT is_inferred AND {target.key} > 0"
        where += f" AND {target.natural_key} NOT IN ({out})"
    cursor.execute(f"SELECT COUNT(*) FROM {target.table}{where}")
    return int(only_value(cursor))
