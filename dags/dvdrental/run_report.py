"""What follows a run: its report for people, and its quarantine as a task that shows a colour in the grid."""

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context, Variable
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dvdrental.alerts import Alert
from dvdrental.jobs import job_module

if TYPE_CHECKING:
    from dvdrental_etl.config import Settings
    from dvdrental_etl.report.run_report import RunReport

#: Task ids, and the keys of their XCom entries: the plugin reads them, too.
REPORT, VERIFY = "report", "verify"
FINDINGS, HEADLINE, QUARANTINED = "findings", "headline", "quarantined"
#: Up to so many rows in quarantine are no reason for an alert. An Airflow variable of that name replaces it.
THRESHOLD = "dvdrental_quarantine_threshold"
log = logging.getLogger("dvdrental.report")


def write(settings: "Settings", context: Context) -> dict[str, Any]:
    """Log the report of this run as the last lines, alert if it went wrong, and return it as JSON for the page.

    Raises AirflowSkipException if the run did not come so far that there is anything to report.
    """
    from dvdrental_etl.errors import UsageError
    from dvdrental_etl.report.read import read

    task, run_id, record = context["ti"], str(context["run_id"]), job_module("model.run_record")
    try:
        findings = task.xcom_pull(task_ids=VERIFY, key=FINDINGS)
        report = read(settings, run_id, findings)
        if report.run.status == record.BatchStatus.RUNNING:
            # Every task has ended, and none could close the batch, such as while the warehouse was away.
            job_module("pipeline.batch").close(settings, run_id, record.BatchStatus.FAILED)
            report = read(settings, run_id, findings)
    except UsageError:
        raise AirflowSkipException("this run opened no batch: see the log of prepare") from None
    if report.quarantined or not report.failed:  # a failed load does not know what is in quarantine
        task.xcom_push(key=QUARANTINED, value=report.quarantined)
    if report.tone == "bad":
        reasons = [f"{load.table}: {load.reason}" for load in report.failed]
        Alert("run-went-wrong").send(context, [report.headline, *reasons, *(report.findings or ())])
    return _shown(context, report)


def write_plan(settings: "Settings", context: Context) -> dict[str, Any]:
    """The same for a dry run: what the loads planned, all tables in one. Nobody is alerted."""
    from dvdrental_etl.report.plan import planned
    from dvdrental_etl.report.run_report import DRY_RUN, Run

    task: Any = context["ti"]
    as_of = task.xcom_pull(task_ids="prepare")
    if as_of is None:
        raise AirflowSkipException("this run was not prepared: see the log of prepare")
    run = Run(
        batch_id=0,
        run_id=str(context["run_id"]),
        status=DRY_RUN,
        as_of=dt.datetime.fromisoformat(as_of),
        code_version=job_module("pipeline.code_version").code_version(),
        started_at=_utc(context["dag_run"].start_date),
        finished_at=_utc(dt.datetime.now(dt.UTC)),
    )
    plans = {table: task.xcom_pull(task_ids=f"load_{table}") for table in context["params"]["tables"]}
    return _shown(context, planned(settings, run, plans))


def _utc(timestamp: Any) -> dt.datetime:
    return dt.datetime.fromisoformat(str(timestamp)).astimezone(dt.UTC).replace(tzinfo=None)


def _shown(context: Context, report: "RunReport") -> dict[str, Any]:
    """Log the report, leave its headline for the run's note, and return it as JSON."""
    from pydantic import TypeAdapter

    from dvdrental_etl.report import run_report, text

    context["ti"].xcom_push(key=HEADLINE, value=report.headline)
    for line in text.lines(report):
        log.info(line)
    found: dict[str, Any] = TypeAdapter(run_report.RunReport).dump_python(report, mode="json")
    return found


def show_quarantine(context: Context) -> None:
    """Green without rows in quarantine, skipped up to the threshold or if nobody knows, failed above it."""
    rows = context["ti"].xcom_pull(task_ids=REPORT, key=QUARANTINED)
    if rows is None:
        raise AirflowSkipException("this run does not know what is in quarantine: see its report")
    if not rows:
        log.info("no row is in quarantine")
        return
    allowed = str(Variable.get(THRESHOLD, default="0")).strip()
    threshold = int(allowed) if allowed.isdecimal() else 0
    if not allowed.isdecimal():
        log.warning("the variable %s is %r, which is not a number of rows: 0 is taken", THRESHOLD, allowed)
    text = f"{rows} rows are in quarantine; table, rule, key and value are in the report"
    if rows <= threshold:
        raise AirflowSkipException(f"{text}; {THRESHOLD} allows {threshold}")
    Alert("rows-in-quarantine").send(context, [text])
    raise AirflowFailException(f"{text} -> docs/runbook.md#rows-in-quarantine")
