"""Airflow plugin: the report of a run as a tab of the run and of the DAG, and its headline as the run's note.

It renders what the task `report` left in XCom: API server and workers need no common folder, and the page is kept as
long as the run. A user who may read the run's XCom may read the page.
"""

import sys
from pathlib import Path
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.listeners import hookimpl
from airflow.models.xcom import XComModel
from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse
from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

sys.path.append(str(Path(__file__).resolve().parents[1] / "spark_apps"))

from dvdrental_etl.report import page
from dvdrental_etl.report.run_report import RunReport

DAG, TASK = "dvdrental_etl", "report"
PREFIX = "/dvdrental-report"
#: The page has no script and loads nothing; only Airflow's own pages may frame it.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
    "Cache-Control": "no-store",
}
NO_REPORT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>No report</title>
<body style="font: 16px/1.5 system-ui, sans-serif; padding: 2rem; color-scheme: light dark">
<h1 style="font-size: 1.3rem">No report yet</h1><p>A run of <code>dvdrental_etl</code> writes its report in its
task <code>report</code>. This run has none.</p></body></html>"""

app = FastAPI(title="Reports of dvdrental_etl", docs_url=None, redoc_url=None, openapi_url=None)
may_read = Depends(requires_access_dag("GET", DagAccessEntity.XCOM, param_dag_id=DAG))


def entry(session: Session, key: str, run_id: str | None) -> Any:
    """What the task `report` of a run left under a key; of the last run that has it without a name. None if nothing."""
    wanted = select(XComModel.value).where(
        XComModel.dag_id == DAG, XComModel.task_id == TASK, XComModel.key == key
    )
    if run_id is not None:
        wanted = wanted.where(XComModel.run_id == run_id)
    return session.scalars(wanted.order_by(XComModel.timestamp.desc()).limit(1)).first()


@app.get("/", dependencies=[may_read])
def report(session: SessionDep, dag_id: str = DAG, run_id: str | None = None) -> HTMLResponse:
    """The report of a run, or of the last one."""
    found = entry(session, "return_value", run_id) if dag_id == DAG else None
    if found is None:
        return HTMLResponse(NO_REPORT, 404, HEADERS)
    return HTMLResponse(page.html(TypeAdapter(RunReport).validate_python(found)), headers=HEADERS)


class RunNote:
    """Writes the report's headline as the note of a run that ends, unless a person wrote one: it has a user.

    The scheduler calls it within its own transaction: a task cannot set the note of its run.
    """

    @hookimpl
    def on_dag_run_success(self, dag_run: Any) -> None:
        """A run has ended well."""
        self._write(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any) -> None:
        """A run has failed."""
        self._write(dag_run)

    def _write(self, dag_run: Any) -> None:
        session, note = object_session(dag_run), dag_run.dag_run_note
        if dag_run.dag_id != DAG or session is None or (note and note.content and note.user_id):
            return
        if headline := entry(session, "headline", dag_run.run_id):
            dag_run.note = headline


class DvdrentalReport(AirflowPlugin):
    """The page, its two tabs, and the note."""

    name = "dvdrental_report"
    fastapi_apps = [{"app": app, "url_prefix": PREFIX, "name": "Reports of dvdrental_etl"}]
    external_views = [
        {
            "name": "Report",
            "href": f"{PREFIX}/?dag_id={{DAG_ID}}&run_id={{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "report",
        },
        {
            "name": "Last report",
            "href": f"{PREFIX}/?dag_id={{DAG_ID}}",
            "destination": "dag",
            "url_route": "last-report",
        },
    ]
    listeners = [RunNote()]
