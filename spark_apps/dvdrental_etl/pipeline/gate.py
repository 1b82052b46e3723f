"""The gate: what a load must be to be published. Rules for rows stand in the scripts; the thresholds, in limits.py."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from dvdrental_etl.errors import GateRefused, NotReconciled, WarehouseError
from dvdrental_etl.limits import Limits
from dvdrental_etl.model.rules import Severity
from dvdrental_etl.model.targets import Fact, Target
from dvdrental_etl.model.totals import Totals
from dvdrental_etl.staging.results import Reject, Staged


def reject_totals(target: Target, rejects: Sequence[Reject]) -> Totals:
    """Rows and money in quarantine, per day of the event, as Source.totals() counts them in the source."""
    found: dict[dt.date | None, tuple[int, Decimal | None]] = {}
    for reject in rejects:
        event = reject.row.get(target.event) if isinstance(target, Fact) else None
        amount = reject.row.get(target.amount) if isinstance(target, Fact) else None
        day = dt.date.fromisoformat(str(event)[:10]) if event else None
        rows, total = found.get(day, (0, None))
        found[day] = (rows + 1, total if amount is None else (total or Decimal(0)) + Decimal(str(amount)))
    return found


def require_all_landed(target: Target, landed: int, sent: int) -> None:
    """Raise WarehouseError unless each row that was sent is in staging once."""
    if landed != sent:
        raise WarehouseError(
            f"warehouse: {target.table}: {landed} rows are in staging, {sent} were sent",
            "a task was repeated after its rows had landed; run again",
        )


def require_acceptable_rejects(table: str, rows: int, staged: Staged, limits: Limits) -> None:
    """Raise GateRefused for a row that breaks a rule of severity STOP, or when too many rows are rejected.

    rows: those of the source. More rejects than were returned for etl_reject are too many, too.
    """
    for reject in staged.rejects:
        if reject.severity is Severity.STOP:
            raise GateRefused(
                f"gate: {table}: {reject.column} {reject.value} breaks '{reject.rule}' at key {reject.natural_key}",
                "correct it in the source; the published table is unchanged",
            )
    allowed = max(Decimal(limits.quarantined_rows), rows * limits.quarantined_share)
    if staged.rejected > allowed or staged.rejected > len(staged.rejects):
        example = staged.rejects[0]
        raise GateRefused(
            f"gate: {table}: {staged.rejected} of {rows} rows break a rule, such as {example.column} "
            f"'{example.rule}' at key {example.natural_key}",
            "correct them in the source; the published table is unchanged",
        )


def require_reconciled(table: str, source: Totals, loaded: Totals) -> None:
    """Raise NotReconciled, naming the first day, unless rows and money agree to the last cent."""
    days = sorted({*source, *loaded}, key=str)
    different = [day for day in days if source.get(day, (0, None)) != loaded.get(day, (0, None))]
    if different:
        first = different[0]
        rows, amount = source.get(first, (0, None))
        loaded_rows, loaded_amount = loaded.get(first, (0, None))
        on = f"on {first}" if first else "in all"
        raise NotReconciled(
            f"gate: {table} does not reconcile ({len(different)} of {len(days)} days): {on} the source has {rows} rows"
            f" worth {amount}, the load {loaded_rows} worth {loaded_amount}",
            "look for joins of transform() that lose or multiply rows; the published table is unchanged",
        )


def require_unique(table: str, key: str, duplicates: Sequence[tuple[object, int]]) -> None:
    """Raise GateRefused when a key occurs more than once."""
    if duplicates:
        value, times = duplicates[0]
        raise GateRefused(
            f"gate: {table}: {key} {value} occurs {times} times",
            "the source must have each key once; the published table is unchanged",
        )


def require_few_deletions(table: str, *, before: int, deleted: int, source_rows: int, limits: Limits) -> None:
    """Raise GateRefused when the source is suddenly empty, or much of the published table would be deleted."""
    if before == 0:
        return
    advice = "if that is intended, run again with --allow-mass-delete; the published table is unchanged"
    if source_rows == 0:
        raise GateRefused(f"gate: {table}: the source is empty, {before} rows are published", advice)
    if deleted > max(Decimal(limits.deleted_rows), before * limits.deleted_share):
        raise GateRefused(f"gate: {table}: {deleted} of {before} rows would be deleted", advice)
