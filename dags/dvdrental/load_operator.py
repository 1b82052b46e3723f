"""The task of one table: checks whether anything changed, and submits the table's script only then."""

import os
from pathlib import Path
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException

from dvdrental import lineage
from dvdrental.connections import SAIL
from dvdrental.failures import job_failed
from dvdrental.jobs import SPARK_APPS, JobLog, changes, job_module, numbers

#: Takes spark-submit's flags.
SAIL_SUBMIT = SPARK_APPS / "sail_submit.py"


class LoadOperator(SparkSubmitOperator):
    """Loads a table. Returns what the load did, in rows; only assets whose table changed have an event."""

    #: The numbers of the load, once it has published.
    published: dict[str, Any] | None = None

    def execute(self, context: Context) -> dict[str, Any]:  # type: ignore[override]  # the base returns nothing
        """Load here, without a JVM, where nothing changed; else by spark-submit. Raises EtlError or JobFailed."""
        precheck = job_module("pipeline.precheck").precheck
        inferred: dict[str, int] = {}
        if result := precheck(Path(self.application), self.application_args, os.environ):
            loaded = numbers(*result)
            self.log.info("%s", result[0])
        else:
            output = self._submitted(context)
            loaded, inferred = numbers(output.result, output.amounts), output.inferred
            self.log.info("submitted: rows had to be read")
        is_dry_run = context["params"]["dry_run"]
        self.published = None if is_dry_run else loaded
        changed = {} if is_dry_run else changes(self._table, loaded, inferred)
        self.outlets = [asset for asset in self.outlets if asset.name in changed]
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"batch": context["run_id"], **changed[asset.name]}
        return loaded

    @property
    def _table(self) -> str:
        return str(self.task_id).removeprefix("load_")

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002
        """Called by OpenLineage's listener after the task, also a failed one, where a transport is configured."""
        return lineage.of_load(self._table, os.environ, self.published)

    def _submitted(self, context: Context) -> JobLog:
        """Submit the job, and return what it printed."""
        self._hook = self._get_hook()
        if self._hook._connection["master"] == SAIL:
            self._hook._connection["spark_binary"] = str(SAIL_SUBMIT)
        output = JobLog(self._hook.log)
        self._hook._log = output
        try:
            super().execute(context)
        except AirflowException as error:
            raise job_failed(error, output.problem) from None
        return output
