"""What a run must not be, and the plan of a dry run."""

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

COLUMNS = ("read", "new", "changed", "expired", "deleted", "quarantined")
AMOUNTS = ("source_amount", "published_amount", "quarantined_amount")


def check_run(run_type: str, conf: Mapping[str, Any] | None, known: Collection[str]) -> None:
    """Refuse a backfill, and parameters that the DAG does not have. Raises AirflowFailException."""
    if run_type == "backfill":
        raise AirflowFailException(
            "a backfill is refused: a load always reads the source as it is now, so a run for a past night would load"
            " today's data again -> trigger one run, with full_refresh to compare everything"
        )
    for key in conf or {}:
        if key not in known:
            like = difflib.get_close_matches(key, known, 1)
            meant = f", did you mean {like[0]}?" if like else ""
            raise AirflowFailException(
                f"the run's configuration has the unknown key '{key}'{meant}"
                f" -> use {', '.join(sorted(known))}, and trigger the run again"
            )


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
