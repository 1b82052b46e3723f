"""The note of a run, on Airflow's own tables in a database of the test."""

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from tests.support.paths import ROOT


@pytest.fixture
def session() -> Iterator[Session]:
    from airflow.models.base import Base
    from airflow.models.dagrun import DagRun, DagRunNote
    from airflow.models.xcom import XComModel

    engine = create_engine("sqlite://")
    tables = [model.__table__ for model in (DagRun, DagRunNote, XComModel)]
    Base.metadata.create_all(engine, tables)
    with Session(engine) as opened:
        yield opened


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "plugins")
    return importlib.import_module("dvdrental_report")


def headline(session: Session, run: Any, text: str) -> None:
    """What the task `report` of a run leaves, in place of what an earlier attempt left."""
    from airflow.models.xcom import XComModel

    session.query(XComModel).delete()
    place = {
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "task_id": "report",
        "dag_run_id": 1,
        "map_index": -1,
    }
    session.add(XComModel(key="headline", value=text, **place))
    session.flush()


@pytest.fixture
def run(session: Session) -> Any:
    from airflow.models.dagrun import DagRun

    made = DagRun(dag_id="dvdrental_etl", run_id="night", run_type="manual")
    made.id, made.log_template_id = 1, 1
    session.add(made)
    session.flush()
    return made


def test_a_run_that_failed_and_then_succeeded_says_so(session: Session, plugin: Any, run: Any) -> None:
    headline(session, run, "dim_movie failed")
    plugin.RunNote().on_dag_run_failed(run)
    assert run.note == "dim_movie failed"
    headline(session, run, "5 tables published")
    plugin.RunNote().on_dag_run_success(run)
    assert run.note == "5 tables published"


def test_a_persons_note_stays(session: Session, plugin: Any, run: Any) -> None:
    run.note = ("the new network is slow", "ada")
    headline(session, run, "5 tables published")
    plugin.RunNote().on_dag_run_success(run)
    assert run.note == "the new network is slow"
