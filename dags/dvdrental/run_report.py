"""What follows a run: its report for people, and its quarantine as a task that shows a colour in the grid."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context, Variable
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dvdrental.alerts import Alert
from dvdrental.plan_table import plan_table

if TYPE_CHECKING:
    from dvdrental_etl.config import Settings

#: Task ids, and the keys of their XCom entries: the plugin reads them, too.
REPORT, VERIFY = "report", "verify"
FINDINGS, HEADLINE, QUARANTINED, PLAN = "findings", "headline", "quarantined", "plan"
#: Up to so many rows in quarantine are no reason for an alert. An Airflow variable of that name replaces it.
THRESHOLD = "dvdrental_quarantine_threshold"
log = logging.getLogger("dvdrental.report")


def write(settings: "Settings", context: Context) -> dict[str, Any]:
    """Log the report of this run as the last lines, alert if it went wrong, and return it as JSON for the page.

    Raises AirflowSkipException if the run did not come so far that there is anything to report.
    """
    from pydantic import TypeAdapter

    from dvdrental_etl.errors import UsageError
    from dvdrental_etl.report import text
    from dvdrental_etl.report.read import read
    from dvdrental_etl.report.run_report import RunReport

    task, run_id = context["ti"], str(context["run_id"])
    try:
        report = read(settings, run_id, task.xcom_pull(task_ids=VERIFY, key=FINDINGS))
    except UsageError:
        raise AirflowSkipException("this run opened no batch: see the log of prepare") from None
    task.xcom_push(key=HEADLINE, value=report.headline)
    task.xcom_push(key=QUARANTINED, value=report.quarantined)
    if report.tone == "bad":
        reasons = [f"{load.table}: {load.reason}" for load in report.failed]
        Alert("run-went-wrong").send(context, [report.headline, *reasons, *(report.findings or ())])
    for line in text.lines(report):
        log.info(line)
    found: dict[str, Any] = TypeAdapter(RunReport).dump_python(report, mode="json")
    return found


def show_plan(context: Context, tables: Sequence[str]) -> None:
    """Log the plan of a dry run as the last lines, all tables in one, and leave it in XCom."""
    task = context["ti"]
    found = {table: task.xcom_pull(task_ids=f"load_{table}") for table in tables}
    plans = {table: plan for table, plan in found.items() if plan}
    task.xcom_push(key=PLAN, value=plans)
    task.xcom_push(key=HEADLINE, value=f"dry run of {len(plans)} tables, nothing was written")
    log.info(plan_table(plans))


def show_quarantine(context: Context) -> None:
    """Green without rows in quarantine, skipped up to the threshold, failed above it."""
    rows = context["ti"].xcom_pull(task_ids=REPORT, key=QUARANTINED)
    if rows is None:
        raise AirflowSkipException("there is no report of this run")
    if not rows:
        log.info("no row is in quarantine")
        return
    threshold = int(Variable.get(THRESHOLD, default="0"))
    text = f"{rows} rows are in quarantine; table, rule, key and value are in the report"
    if rows <= threshold:
        raise AirflowSkipException(f"{text}; {THRESHOLD} allows {threshold}")
    Alert("rows-in-quarantine").send(context, [text])
    raise AirflowFailException(f"{text} -> docs/runbook.md#rows-in-quarantine")
