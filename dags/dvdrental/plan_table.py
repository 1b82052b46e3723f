"""The plan of a dry run as text."""

from collections.abc import Mapping
from typing import Any

COLUMNS = ("read", "new", "changed", "expired", "deleted", "quarantined")
AMOUNTS = ("source_amount", "published_amount", "quarantined_amount")


def plan_table(plans: Mapping[str, Mapping[str, Any]]) -> str:
    """All tables' plans as one table of text, and the money of the fact below it."""
    width = max(map(len, plans), default=5) + 2
    lines = ["dry run, nothing was written: a run would do this", "table".ljust(width) + _cells(COLUMNS)]
    lines += [name.ljust(width) + _cells(plan[kind] for kind in COLUMNS) for name, plan in plans.items()]
    for name, plan in plans.items():
        if AMOUNTS[0] in plan:
            lines.append(
                f"{name}: source {plan[AMOUNTS[0]]}, published then {plan[AMOUNTS[1]]}, quarantined {plan[AMOUNTS[2]]}"
            )
    return "\n".join(lines)


def _cells(values: Any) -> str:
    return "".join(
        f"{value:,}".rjust(13) if isinstance(value, int) else str(value).rjust(13) for value in values
    )
