"""What a run must not be."""

import difflib
from collections.abc import Collection, Mapping
from datetime import datetime
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


def parsed_as_of(text: str | None) -> datetime | None:
    """The form's as_of; without a zone it is on the source's clock. Airflow does not check the text."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise AirflowFailException(
            f"as_of is '{text}', which is not a timestamp: write it as 2007-05-14T13:44:29, or leave it empty"
        ) from None
