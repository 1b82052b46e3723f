"""What a run must not be."""

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowFailException


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
