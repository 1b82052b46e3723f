"""The nightly load of the star schema: prepare, the dimensions in parallel, the fact, verify.

A new dimension is one word in DIMENSIONS. Nothing is connected to while this file is parsed: connections, parameters
and secrets are templates, which the task's own process fills in.
"""

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetOrTimeSchedule,
    Context,
    CronTriggerTimetable,
    Param,
    TriggerRule,
    get_current_context,
    task,
)
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from dvdrental import run_report
from dvdrental.alerts import Alert, late_night
from dvdrental.connections import FACT_PROPERTIES, MACROS, PROPERTIES, ROOT, SETTINGS, SPARK, check_spark
from dvdrental.failures import tell_failure
from dvdrental.guards import check_run
from dvdrental.jobs import SPARK_APPS, job_module
from dvdrental.load_operator import LoadOperator
from dvdrental.retries import EtlRetryPolicy

DIMENSIONS = ("dim_customer", "dim_movie", "dim_store", "dim_staff")
FACT = "fact_sales"
TABLES = (*DIMENSIONS, FACT)
#: A night that takes longer, from its place in the queue on, is late.
DEADLINE = timedelta(hours=2)

ARGUMENTS = [
    "--batch-id={{ run_id }}",
    "{{ '--full-refresh' if params.full_refresh else '' }}",
    # A dry run has no batch that would hold the as_of.
    "{{ '--dry-run' if params.dry_run else '' }}",
    "{{ '--as-of=' ~ ti.xcom_pull(task_ids='prepare') if params.dry_run else '' }}",
    "{{ '--allow-mass-delete' if params.allow_mass_delete else '' }}",
]

DOCS = """
### dvdrental star schema

Loads the DVD rental business from PostgreSQL into the warehouse: **prepare** opens a batch and sets its
timestamp, the four **dimensions** load in parallel, then **fact_sales**, and **verify** checks what was
published with plain SQL, by itself and against the source. **report** tells what the run did, also a failed one: see
the tab *Report* of a run. **quarantine** is red while rows are in quarantine; the run does not fail because of it.
Every load is safe to repeat: clear a failed task and it goes on from there.

| connection | content |
|---|---|
| `dvdrental_source` | type `postgres`; *Schema* is the database; extra `schema` (public), `sslmode` |
| `dvdrental_warehouse` | type `postgres` or `redshift`; extra `schema` (dw), `s3_staging`, `s3_iam_role` |
| `spark_default` | type `spark`; host `local[2]`, `spark://host:7077`, ...; extra `deploy-mode` client |

A source that cannot be reached, a lock that is held or a warehouse that is away is tried again, three times,
with growing pauses. A wrong setting, a changed source schema and refused data are not: read the last line of
the task's log: it says what to do, and names its heading in `docs/runbook.md`, which also explains alerts and
findings of verify. A backfill is refused: a load always reads the source as it is now.
An upstream job can start this DAG through the asset `dvdrental_source`.
"""


def fit_to_run(context: Context) -> None:
    """Skip a table that was not selected in the form; set the environment; drop flags that are off."""
    operator: Any = context["task"]
    table = operator.task_id.removeprefix("load_")
    if table not in context["params"]["tables"]:
        raise AirflowSkipException(f"{table} was not selected for this run")
    operator.application_args = [argument for argument in operator.application_args if argument]
    if "--as-of=None" in operator.application_args:
        raise AirflowFailException(
            "prepare has not run, only been marked -> clear it, with the tasks after it"
        )
    # On YARN and Kubernetes the hook would turn env_vars into --conf, which every user can read in `ps`. This process
    # runs only this task, and spark-submit inherits its environment.
    os.environ.update({name: value for name, value in operator.env_vars.items() if value})
    operator.env_vars = {}


def etl_settings(context: Any) -> Any:
    """The settings of this run, as the jobs read them. Imports the jobs, hence never at parse time."""
    return job_module("config").load(None, context["task"].render_template(SETTINGS, context))


def parsed_as_of(text: str | None) -> datetime | None:
    """The form's as_of; without a zone it is on the source's clock. Airflow does not check the text."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise AirflowFailException(
            f"as_of is '{text}', which is not a timestamp: write it as 2007-05-14T13:44:29, or leave it empty"
        ) from None


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
    as_of = parsed_as_of(params["as_of"])
    opened = job_module("pipeline.batch").prepare(
        etl_settings(context), context["run_id"], as_of, params["tables"], dry_run=params["dry_run"]
    )
    return str(opened.as_of.isoformat())


@task(execution_timeout=timedelta(minutes=30), trigger_rule=TriggerRule.NONE_FAILED)
def verify() -> None:
    """Check what this run published with plain SQL, by itself and against the source, and close the batch.

    Where the run compared everything, so does its check. A dry run is only marked in etl_batch.
    """
    context = get_current_context()
    settings = etl_settings(context)
    if context["params"]["dry_run"]:
        mark_dry_run(context, settings)
        return
    from dvdrental_etl.model.run_record import BatchStatus
    from dvdrental_etl.pipeline import batch
    from dvdrental_etl.verify import run

    findings = [f"{finding.check}: {finding.detail}" for finding in run.run(settings, context["run_id"])]
    context["ti"].xcom_push(key=run_report.FINDINGS, value=findings)
    if findings:
        raise AirflowFailException("; ".join(findings))
    batch.close(settings, context["run_id"], BatchStatus.DONE)


def mark_dry_run(context: Any, settings: Any) -> None:
    """Leave a row in etl_batch, where the tables exist."""
    as_of = datetime.fromisoformat(context["ti"].xcom_pull(task_ids="prepare"))
    job_module("pipeline.batch").record_dry_run(settings, context["run_id"], as_of)


@task(execution_timeout=timedelta(minutes=10), on_failure_callback=[Alert("task-failed"), tell_failure])
def report() -> dict[str, Any] | None:
    """Write the report of this run, also of one that failed: into this log, XCom, the run's note and the tab Report.

    The report of a dry run is its plan, in this log and in XCom as `plan`.
    """
    context = get_current_context()
    if context["params"]["dry_run"]:
        run_report.show_plan(context, TABLES)
        return None
    return run_report.write(etl_settings(context), context)


@task(execution_timeout=timedelta(minutes=10), on_failure_callback=None)
def quarantine() -> None:
    """Show in the grid whether rows are in quarantine: green none, skipped up to the threshold, red above it."""
    run_report.show_quarantine(get_current_context())


def load(table: str) -> LoadOperator:
    """The task that loads one table."""
    spark_submit = Path(sys.executable).with_name("spark-submit")
    return LoadOperator(
        task_id=f"load_{table}",
        application=str(SPARK_APPS / f"load_{table}.py"),
        application_args=ARGUMENTS,
        name=f"load_{table}",
        conn_id="spark_default",
        env_vars=SETTINGS | SPARK,
        py_files=str(ROOT / "build" / "jobs.zip"),
        jars=str(ROOT / "jars" / "postgresql.jar"),
        properties_file=FACT_PROPERTIES if table == FACT else PROPERTIES,
        spark_binary=str(spark_submit) if os.access(spark_submit, os.X_OK) else "spark-submit",
        pre_execute=fit_to_run,
        trigger_rule=TriggerRule.NONE_FAILED,  # a dimension that was not selected stops nothing
        execution_timeout=timedelta(hours=3),
        outlets=[Asset(name=table, uri=f"dvdrental://warehouse/{table}")],
    )


with DAG(
    dag_id="dvdrental_etl",
    description="PostgreSQL dvdrental to a star schema",
    doc_md=DOCS,
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 3 * * *", timezone="UTC"),
        assets=[Asset(name="dvdrental_source", uri="dvdrental://source")],
    ),
    # No start_date: a DAG that is switched on waits for its first night.
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=8),
    deadline=DeadlineAlert(
        name="late-night",
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=DEADLINE,
        callback=SyncCallback(late_night),
    ),
    tags=["dvdrental"],
    user_defined_macros=MACROS,
    default_args={
        "owner": "data-engineering",
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=15),
        "retry_policy": EtlRetryPolicy(),
        "on_failure_callback": [close_failed, tell_failure],
        "on_retry_callback": tell_failure,
    },
    params={
        "tables": Param(
            list(TABLES),
            type="array",
            items={"type": "string", "enum": list(TABLES)},
            examples=list(TABLES),
            minItems=1,
            uniqueItems=True,
            title="Tables",
            description="Which tables to load; the others are skipped.",
        ),
        "full_refresh": Param(
            False,
            type="boolean",
            title="Full refresh",
            description="Read the whole source again instead of what changed.",
        ),
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="As of",
            description="The time that the load stands for; empty means the start of the run.",
        ),
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Plan and report, publish nothing."
        ),
        "allow_mass_delete": Param(
            False,
            type="boolean",
            title="Allow mass delete",
            description="Accept that most of a table has gone from the source.",
        ),
    },
):
    dimensions, fact, checked = [load(table) for table in DIMENSIONS], load(FACT), verify()
    prepare() >> dimensions >> fact >> checked
    # Teardowns run whatever happened before, and how the run ended is none of their business. Where a dimension fails,
    # verify is skipped at once: the report waits for the other dimensions, too.
    [*dimensions, fact, checked] >> report().as_teardown() >> quarantine().as_teardown()
