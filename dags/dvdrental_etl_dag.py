"""The nightly load of the star schema: prepare, the dimensions in parallel, the fact, verify.

A new dimension is one word in DIMENSIONS. Nothing is looked up while this file is parsed: connections,
parameters and secrets are templates, which the task's own process fills in.
"""

import os
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import (
    DAG,
    Asset,
    AssetOrTimeSchedule,
    BaseHook,
    Context,
    CronTriggerTimetable,
    Param,
    RetryDecision,
    RetryPolicy,
    TriggerRule,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, AirflowSkipException

DIMENSIONS = ("dim_customer", "dim_movie", "dim_store", "dim_staff")
FACT = "fact_sales"
TABLES = (*DIMENSIONS, FACT)

ROOT = Path(__file__).resolve().parents[1]
SPARK_APPS = ROOT / "spark_apps"

#: What can pass by itself is tried again; these exit codes of a job cannot.
FINAL = {2: "the command line is wrong", 3: "the configuration is wrong", 5: "the data was refused"}

#: A job's settings. Only the environment stays out of `ps`, the task's log and the metadata database:
#: arguments and Spark properties do not.
SETTINGS = {
    "DVDRENTAL_SOURCE_URL": "{{ jdbc_url(conn.dvdrental_source) }}",
    "DVDRENTAL_SOURCE_USER": "{{ conn.dvdrental_source.login or '' }}",
    "DVDRENTAL_SOURCE_PASSWORD": "{{ conn.dvdrental_source.password or '' }}",
    "DVDRENTAL_SOURCE_SCHEMA": "{{ conn.dvdrental_source.extra_dejson.get('schema', 'public') }}",
    "DVDRENTAL_WAREHOUSE_KIND": "{{ warehouse_kind(conn.dvdrental_warehouse) }}",
    "DVDRENTAL_WAREHOUSE_URL": "{{ jdbc_url(conn.dvdrental_warehouse) }}",
    "DVDRENTAL_WAREHOUSE_USER": "{{ conn.dvdrental_warehouse.login or '' }}",
    "DVDRENTAL_WAREHOUSE_PASSWORD": "{{ conn.dvdrental_warehouse.password or '' }}",
    "DVDRENTAL_WAREHOUSE_SCHEMA": "{{ conn.dvdrental_warehouse.extra_dejson.get('schema', 'dw') }}",
    "DVDRENTAL_S3_STAGING": "{{ conn.dvdrental_warehouse.extra_dejson.get('s3_staging', '') }}",
    "DVDRENTAL_S3_IAM_ROLE": "{{ conn.dvdrental_warehouse.extra_dejson.get('s3_iam_role', '') }}",
    "DVDRENTAL_S3_ENDPOINT": "{{ conn.dvdrental_warehouse.extra_dejson.get('s3_endpoint', '') }}",
}

#: What Spark is told: its workers take the driver's python, and one on this machine binds to the loopback only.
SPARK = {
    "PYSPARK_PYTHON": sys.executable,
    "SPARK_LOCAL_IP": "{{ '127.0.0.1' if (conn.spark_default.host or '').startswith(here) else '' }}",
    "SPARK_LAUNCHER_OPTS": "{{ conn.spark_default.extra_dejson.get('launcher-opts', '') }}",
}
PROPERTIES = "{{ conn.spark_default.extra_dejson.get('properties-file', spark_defaults) }}"
#: The fact is the large table: a connection may give it more than the dimensions.
FACT_PROPERTIES = (
    "{{ conn.spark_default.extra_dejson.get('fact-properties-file')"
    " or conn.spark_default.extra_dejson.get('properties-file', spark_defaults) }}"
)

ARGUMENTS = [
    "--batch-id={{ run_id }}",
    "{{ '--full-refresh' if params.full_refresh else '' }}",
    "{{ '--dry-run' if params.dry_run else '' }}",
    "{{ '--allow-mass-delete' if params.allow_mass_delete else '' }}",
]

DOCS = """
### dvdrental star schema

Loads the DVD rental business from PostgreSQL into the warehouse: **prepare** opens a batch and fixes its
moment, the four **dimensions** load in parallel, then **fact_sales**, and **verify** checks what was
published with plain SQL, by itself and against the source. Every load is safe to repeat: clear a failed task and
it goes on from there.

| connection | what it says |
|---|---|
| `dvdrental_source` | type `postgres`; *Schema* is the database; extra `schema` (public), `sslmode` |
| `dvdrental_warehouse` | type `postgres` or `redshift`; extra `schema` (dw), `s3_staging`, `s3_iam_role` |
| `spark_default` | type `spark`; host `local[2]`, `spark://host:7077`, ...; extra `deploy-mode` client |

A source that cannot be reached, a lock that is held or a warehouse that is away is tried again, three times,
with growing pauses. A wrong setting, a changed source schema and refused data are not: read the last line of
the task's log, it says what to do. An upstream job can start this DAG through the asset `dvdrental_source`.
"""


class EtlRetryPolicy(RetryPolicy):
    """Try again what can pass by itself; fail at once where only a person can help."""

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002
        max_tries: int,  # noqa: ARG002
        context: Context | None = None,  # noqa: ARG002
    ) -> RetryDecision:
        """Decide by the job's exit code, which the operator puts into its message and our errors carry."""
        text = str(exception)
        found = re.search(r"Error code is: (-?\d+)", text)
        code = int(found.group(1)) if found else getattr(exception, "exit_code", None)
        if code in FINAL:
            return RetryDecision.fail(f"exit code {code}: {FINAL[code]}; trying again would not help")
        if code == 4 and "source contract:" in text:
            return RetryDecision.fail("the source's tables are not what the contract says")
        return RetryDecision.default()


def warehouse_kind(connection: Any) -> str:
    """`redshift` or `postgres`, by the connection's type."""
    return "redshift" if connection.conn_type == "redshift" else "postgres"


def jdbc_url(connection: Any) -> str:
    """The connection's JDBC address, without its secrets; an extra `sslmode` is kept."""
    scheme, port = ("redshift", 5439) if connection.conn_type == "redshift" else ("postgresql", 5432)
    sslmode = connection.extra_dejson.get("sslmode")
    place = f"{connection.host}:{connection.port or port}/{connection.schema or ''}"
    return f"jdbc:{scheme}://{place}" + (f"?sslmode={sslmode}" if sslmode else "")


def fit_to_run(context: Context) -> None:
    """Skip a table that the trigger form left out; hand over the settings; drop the switches that are off."""
    operator: Any = context["task"]
    table = operator.task_id.removeprefix("load_")
    if table not in context["params"]["tables"]:
        raise AirflowSkipException(f"{table} was not selected for this run")
    operator.application_args = [argument for argument in operator.application_args if argument]
    # On YARN and Kubernetes the hook would turn env_vars into --conf, for everybody to read in `ps`. This
    # process runs nothing but this task, and spark-submit takes its environment over.
    os.environ.update({name: value for name, value in operator.env_vars.items() if value})
    operator.env_vars = {}


def check_spark() -> None:
    """Refuse a missing or unreadable `spark_default`: the Spark hook would quietly submit to YARN instead."""
    example = 'for example {"conn_type": "spark", "host": "local[2]", "extra": {"deploy-mode": "client"}}'
    try:
        connection = BaseHook.get_connection("spark_default")
    except AirflowNotFoundException:
        raise AirflowFailException(f"the connection spark_default is missing: add it, {example}") from None
    host = str(connection.host or "")
    master = host if "://" in host or not connection.port else f"{connection.conn_type}://{host}"
    master += f":{connection.port}" if connection.port else ""
    if connection.conn_type != "spark" or not re.match(
        r"(local(\[.+\])?$|yarn$|spark://[^\[]+:\d+$|k8s://.)", master
    ):
        raise AirflowFailException(
            f"the connection spark_default (type {connection.conn_type}, host '{host}') names no Spark master: "
            f"correct it, {example}"
        )
    if connection.extra_dejson.get("deploy-mode") == "cluster":
        raise AirflowFailException(
            "the connection spark_default asks for deploy-mode cluster, where the driver would not see the "
            "settings of this run: set deploy-mode to client"
        )


def etl_settings(context: Any) -> Any:
    """The settings of this run, as the jobs read them. Imports the jobs, hence never at parse time."""
    if str(SPARK_APPS) not in sys.path:
        sys.path.insert(0, str(SPARK_APPS))
    from dvdrental_etl import config

    return config.load(None, context["task"].render_template(SETTINGS, context))


def moment(text: str | None) -> datetime | None:
    """The form's as_of; one without a zone is on the source's clock. Airflow itself lets any text through."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise AirflowFailException(
            f"as_of is '{text}', which is no moment: write it as 2007-05-14T13:44:29, or leave it empty"
        ) from None


def close_failed(context: Context) -> None:
    """Note in the batch table that a task of this run has failed for good."""
    settings = etl_settings(context)
    from dvdrental_etl.pipeline import audit

    audit.close(settings, str(context["run_id"]), "failed")


@task(execution_timeout=timedelta(minutes=10))
def prepare() -> None:
    """Check the connections, make what the warehouse lacks, open the batch and fix its moment."""
    check_spark()
    context = get_current_context()
    settings = etl_settings(context)
    from dvdrental_etl.pipeline import audit

    audit.prepare(settings, context["run_id"], moment(context["params"]["as_of"]))


@task(execution_timeout=timedelta(minutes=30), trigger_rule=TriggerRule.NONE_FAILED)
def verify() -> None:
    """Check what this run published with plain SQL, by itself and against the source, and close the batch.

    Where the run compared everything, so does its check.
    """
    context = get_current_context()
    settings = etl_settings(context)
    from dvdrental_etl.pipeline import audit
    from dvdrental_etl.verify import run

    findings = run.run(settings, context["run_id"])
    if findings:
        raise AirflowFailException("; ".join(f"{finding.check}: {finding.detail}" for finding in findings))
    audit.close(settings, context["run_id"], "done")


def load(table: str) -> SparkSubmitOperator:
    """The task that submits the script of one table."""
    spark_submit = Path(sys.executable).with_name("spark-submit")
    return SparkSubmitOperator(
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
    tags=["dvdrental"],
    user_defined_macros={
        "jdbc_url": jdbc_url,
        "warehouse_kind": warehouse_kind,
        "here": ("local", "spark://127.0.0.1:"),
        "spark_defaults": str(ROOT / "config" / "spark-defaults.conf"),
    },
    default_args={
        "owner": "data-engineering",
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=15),
        "retry_policy": EtlRetryPolicy(),
        "on_failure_callback": close_failed,
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
            description="The moment that the load takes for now; empty means the start of the run.",
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
    prepare() >> [load(table) for table in DIMENSIONS] >> load(FACT) >> verify()
