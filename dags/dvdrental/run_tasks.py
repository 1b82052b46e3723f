"""The tasks around the loads: prepare before them, verify, report and quarantine after them."""

import os
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Context, TriggerRule, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from dvdrental import run_report
from dvdrental.alerts import Alert
from dvdrental.connections import SETTINGS, check_spark
from dvdrental.failures import tell_failure
from dvdrental.guards import check_run, parsed_as_of
from dvdrental.jobs import job_module

#: What the loads take from the environment of Airflow, too.
LIMITS = "DVDRENTAL_LIMITS_"


def etl_settings(context: Any) -> Any:
    """The settings of this run, as the jobs read them. Imports the jobs, hence never at parse time."""
    limits = {name: value for name, value in os.environ.items() if name.startswith(LIMITS)}
    return job_module("config").load(None, limits | context["task"].render_template(SETTINGS, context))


def close_failed(context: Context) -> None:
    """Record in etl_batch that a task of this run has failed and is not tried again."""
    if not context["params"]["dry_run"]:
        failed = job_module("model.run_record").BatchStatus.FAILED
        job_module("pipeline.batch").close(etl_settings(context), str(context["run_id"]), failed)


@task(
    execution_timeout=timedelta(minutes=10),
    on_failure_callback=[close_failed, Alert("task-failed"), tell_failure],
)
def prepare() -> str:
    """Check run and connections, create what is missing in the warehouse, open the batch. Returns its as_of.

    A dry run checks the same and writes nothing.
    """
    context = get_current_context()
    params, dag_run = context["params"], context["dag_run"]
    check_run(dag_run.run_type, dag_run.conf, list(context["dag"].params))
    check_spark()
    opened = job_module("pipeline.batch").prepare(
        etl_settings(context),
        context["run_id"],
        parsed_as_of(params["as_of"]),
        params["tables"],
        dry_run=params["dry_run"],
    )
    return str(opened.as_of.isoformat())


@task(execution_timeout=timedelta(minutes=30), trigger_rule=TriggerRule.NONE_FAILED)
def verify() -> None:
    """Check what this run published with plain SQL, by itself and against the source, and close the batch.

    Where the run compared everything, so does its check. A dry run is only marked in etl_batch.
    """
    context = get_current_context()
    settings, run_id, batch = etl_settings(context), context["run_id"], job_module("pipeline.batch")
    if context["params"]["dry_run"]:
        as_of = datetime.fromisoformat(context["ti"].xcom_pull(task_ids="prepare"))
        batch.record_dry_run(settings, run_id, as_of)
        return
    found = job_module("verify.run").run(settings, run_id)
    findings = [f"{finding.check}: {finding.detail}" for finding in found]
    context["ti"].xcom_push(key=run_report.FINDINGS, value=findings)
    if findings:
        raise AirflowFailException("; ".join(findings))
    batch.close(settings, run_id, job_module("model.run_record").BatchStatus.DONE)


@task(execution_timeout=timedelta(minutes=10), on_failure_callback=[Alert("task-failed"), tell_failure])
def report() -> dict[str, Any]:
    """Write the report of this run, also of one that failed: into this log, XCom, the run's note and the tab Report.

    The report of a dry run is its plan.
    """
    context = get_current_context()
    write = run_report.write_plan if context["params"]["dry_run"] else run_report.write
    return write(etl_settings(context), context)


@task(execution_timeout=timedelta(minutes=10), on_failure_callback=None)
def quarantine() -> None:
    """Show in the grid whether rows are in quarantine: green none, skipped up to the threshold, red above it."""
    run_report.show_quarantine(get_current_context())
