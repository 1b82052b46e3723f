"""The task that loads one table, and how the run's form reaches its job."""

import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, Context, TriggerRule
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dvdrental.connections import PROPERTIES, ROOT, SETTINGS, SPARK
from dvdrental.jobs import SPARK_APPS
from dvdrental.load_operator import LoadOperator

ARGUMENTS = [
    "--batch-id={{ run_id }}",
    "{{ '--full-refresh' if params.full_refresh else '' }}",
    # A dry run has no batch that would hold the as_of.
    "{{ '--dry-run' if params.dry_run else '' }}",
    "{{ '--as-of=' ~ ti.xcom_pull(task_ids='prepare') if params.dry_run else '' }}",
    "{{ '--allow-mass-delete' if params.allow_mass_delete else '' }}",
]


def load(table: str, properties: str = PROPERTIES, infers: Sequence[str] = ()) -> LoadOperator:
    """The task that loads one table.

    properties: Spark's properties file, as a template. infers: the dimensions in which it may make inferred members.
    """
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
        properties_file=properties,
        spark_binary=str(spark_submit) if os.access(spark_submit, os.X_OK) else "spark-submit",
        pre_execute=fit_to_run,
        trigger_rule=TriggerRule.NONE_FAILED,  # a dimension that was not selected stops nothing
        execution_timeout=timedelta(hours=3),
        outlets=[Asset(name=name, uri=f"dvdrental://warehouse/{name}") for name in (table, *infers)],
    )


def fit_to_run(context: Context) -> None:
    """Skip a table that was not selected in the form; set the environment; drop flags that are off."""
    operator: Any = context["task"]
    table = operator.task_id.removeprefix("load_")
    if table not in context["params"]["tables"]:
        raise AirflowSkipException(f"{table} was not selected for this run")
    operator.application_args = [argument for argument in operator.application_args if argument]
    if "--as-of=None" in operator.application_args:
        raise AirflowFailException("prepare was marked without running -> clear it, with the tasks after it")
    # On YARN and Kubernetes the hook would turn env_vars into --conf, which every user can read in `ps`. This process
    # runs only this task, and spark-submit inherits its environment.
    os.environ.update({name: value for name, value in operator.env_vars.items() if value})
    operator.env_vars = {}
