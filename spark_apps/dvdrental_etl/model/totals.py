"""Rows and money per day: what source and warehouse must agree on."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

#: day (None where rows have none) -> (rows, amount in currency units; None where there is no amount)
Totals = Mapping[dt.date | None, tuple[int, Decimal | None]]


def add(*parts: Totals) -> Totals:
    """Totals of disjoint sets of rows, added up day by day. A sum over no amounts stays None."""
    result: dict[dt.date | None, tuple[int, Decimal | None]] = {}
    for part in parts:
        for day, (rows, amount) in part.items():
            rows_before, before = result.get(day, (0, None))
            total = before if amount is None else amount if before is None else before + amount
            result[day] = (rows_before + rows, total)
    return result


def all_days(totals: Totals) -> tuple[int, Decimal | None]:
    """Rows and amount of all days together."""
    amounts = [amount for _, amount in totals.values() if amount is not None]
    return sum(rows for rows, _ in totals.values()), sum(amounts, Decimal(0)) if amounts else None
