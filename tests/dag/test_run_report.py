"""What the report's task leaves for the task that shows the quarantine, and a run that nobody ended."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from dvdrental_etl import config
from dvdrental_etl.pipeline import batch
from dvdrental_etl.report.run_report import TableLoad
from tests.support.environment import Environment
from tests.support.reports import LOADS, report
from tests.support.webhook import Webhook


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


def test_a_run_whose_tasks_could_not_end_it_has_failed(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an hour without the warehouse: no task of the run could write that it failed."""
    from dvdrental import run_report

    settings = config.load(env.config, {})
    batch.prepare(settings, "night")
    task = SimpleNamespace(
        task_id="report", xcom_pull=lambda **_: None, xcom_push=lambda key, value: (key, value)
    )
    context: Any = {"ti": task, "run_id": "night", "dag_run": SimpleNamespace(run_id="night")}
    with Webhook() as webhook:
        monkeypatch.setenv("AIRFLOW_CONN_DVDRENTAL_ALERTS", json.dumps(webhook.connection("s3cret")))
        shown = run_report.write(settings, context)
    assert shown["run"]["status"] == "failed"
    assert [text.splitlines()[1] for text in webhook.texts] == [
        "the run failed; 0 tables published, 0 rows written"
    ]
    assert env.warehouse.value("SELECT status FROM etl_batch WHERE run_id = 'night'") == "failed"
