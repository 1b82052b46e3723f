"""What the report's task leaves for the task that shows the quarantine."""

from types import SimpleNamespace
from typing import Any

import pytest

from dvdrental_etl.report.run_report import TableLoad
from tests.support.reports import LOADS, report


@pytest.mark.parametrize(
    ("loads", "rows"),
    [
        (LOADS, 3),
        (LOADS[1:], 0),
        ((TableLoad("dim_movie", "failed", reason="lost"), LOADS[1]), None),
        ((TableLoad("dim_store", "failed", reason="lost"), *LOADS), 3),
    ],
    ids=["some rows", "no row", "a failed load does not know", "some rows beside a failed load"],
)
def test_the_quarantine_is_known_or_not(
    monkeypatch: pytest.MonkeyPatch, loads: tuple[TableLoad, ...], rows: int | None
) -> None:
    from dvdrental import run_report

    monkeypatch.setattr("dvdrental_etl.report.read.read", lambda *_: report(loads=loads))
    monkeypatch.setenv(
        "AIRFLOW_CONN_DVDRENTAL_ALERTS", '{"conn_type": "http", "host": "127.0.0.1", "port": 1}'
    )
    left: dict[str, Any] = {}
    task = SimpleNamespace(xcom_pull=lambda **_: None, xcom_push=lambda key, value: left.update({key: value}))
    context: Any = {"ti": task, "run_id": "night"}
    run_report.write(None, context)  # type: ignore[arg-type]
    assert left.get(run_report.QUARANTINED) == rows
