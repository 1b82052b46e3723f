"""The gate: what a load must be to be published. What rows must be, and the thresholds, rules.py says."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from dvdrental_etl.errors import GateRefused, NotReconciled
from dvdrental_etl.extract.source import Totals
from dvdrental_etl.model.rules import (
    DELETED_ALWAYS,
    DELETED_SHARE,
    QUARANTINE_ALWAYS,
    QUARANTINE_SHARE,
    Severity,
)
from dvdrental_etl.model.targets import Fact, Target


@dataclass(frozen=True)
class Reject:
    """A row kept out: its key in the source, the rule it broke and the value that did, and the whole row."""

    natural_key: str | None
    rule: str
    column: str
    value: str | None
    row: Mapping[str, object]
    severity: Severity = Severity.QUARANTINE


@dataclass(frozen=True)
class Warned:
    """Rows that were loaded although they break a rule: how many, and the key of one of them."""

    column: str
    rule: str
    rows: int
    example: str | None

    def __str__(self) -> str:
        return f"{self.column} '{self.rule}': {self.rows} rows, such as {self.example}"


def reject_totals(target: Target, rejects: Sequence[Reject]) -> Totals:
    """Rows and money in quarantine, per day of the event, as Source.totals counts them in the source."""
    found: dict[dt.date | None, tuple[int, Decimal | None]] = {}
    for reject in rejects:
        event = reject.row.get(target.event) if isinstance(target, Fact) else None
        amount = reject.row.get(target.amount) if isinstance(target, Fact) else None
        day = dt.date.fromisoformat(str(event)[:10]) if event else None
        rows, total = found.get(day, (0, None))
        found[day] = (rows + 1, total if amount is None else (total or Decimal(0)) + Decimal(str(amount)))
    return found


def summed(*parts: Totals) -> Totals:
    """Totals of disjoint sets of rows, added up day by day. A sum over no amounts stays None."""
    result: dict[dt.date | None, tuple[int, Decimal | None]] = {}
    for part in parts:
        for day, (rows, amount) in part.items():
            have_rows, have = result.get(day, (0, None))
            total = have if amount is None else amount if have is None else have + amount
            result[day] = (have_rows + rows, total)
    return result


def whole(totals: Totals) -> tuple[int, Decimal | None]:
    """All days together."""
    amounts = [amount for _, amount in totals.values() if amount is not None]
    return sum(rows for rows, _ in totals.values()), sum(amounts, Decimal(0)) if amounts else None


def require_none_that_stops(table: str, rejects: Sequence[Reject]) -> None:
    """Raise GateRefused for a row that breaks a rule of severity STOP."""
    for reject in rejects:
        if reject.severity is Severity.STOP:
            raise GateRefused(
                f"gate: {table}: {reject.column} {reject.value} breaks '{reject.rule}' at key {reject.natural_key}",
                "mend it in the source; the published table is unchanged",
            )


def require_few_rejects(table: str, rows: int, rejected: int, rejects: Sequence[Reject]) -> None:
    """Raise GateRefused when too much of a source's rows is broken, or more than could be kept for etl_reject."""
    if rejected > max(QUARANTINE_ALWAYS, rows * QUARANTINE_SHARE) or rejected > len(rejects):
        worst = rejects[0]
        raise GateRefused(
            f"gate: {table}: {rejected} of {rows} rows break a rule, such as {worst.column} "
            f"'{worst.rule}' at key {worst.natural_key}",
            "mend them in the source; the published table is unchanged",
        )


def require_reconciled(table: str, source: Totals, loaded: Totals) -> None:
    """Raise NotReconciled, naming days, unless rows and money agree to the last cent."""
    days = sorted({*source, *loaded}, key=str)
    off = [day for day in days if source.get(day, (0, None)) != loaded.get(day, (0, None))]
    if off:
        first = off[0]
        rows, amount = source.get(first, (0, None))
        loaded_rows, loaded_amount = loaded.get(first, (0, None))
        on = f"on {first}" if first else "in all"
        raise NotReconciled(
            f"gate: {table} does not reconcile ({len(off)} of {len(days)} days): {on} the source has {rows} rows"
            f" worth {amount}, the load {loaded_rows} worth {loaded_amount}",
            "look for joins of transform() that lose or multiply rows; the published table is unchanged",
        )


def require_unique(table: str, key: str, doubled: Sequence[tuple[object, int]]) -> None:
    """Raise GateRefused when a key occurs more than once in staging."""
    if doubled:
        value, times = doubled[0]
        raise GateRefused(
            f"gate: {table}: {key} {value} occurs {times} times",
            "the source must name each row once; the published table is unchanged",
        )


def require_few_deletions(table: str, before: int, deleted: int, source_rows: int, allowed: bool) -> None:
    """Raise GateRefused when the source is suddenly empty, or much of the published table would go."""
    if allowed or before == 0:
        return
    advice = "if that is meant, run again with --allow-mass-delete; the published table is unchanged"
    if source_rows == 0:
        raise GateRefused(f"gate: {table}: the source is empty, {before} rows are published", advice)
    if deleted > max(DELETED_ALWAYS, before * DELETED_SHARE):
        raise GateRefused(f"gate: {table}: {deleted} of {before} rows would be deleted", advice)
