"""The task of one table: looks whether anything changed, and submits the table's script only then."""

import os
from pathlib import Path
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException

from dvdrental import lineage
from dvdrental.connections import SAIL
from dvdrental.failures import job_failed
from dvdrental.jobs import SPARK_APPS, JobLog, has_changes, job_module, numbers

#: Takes spark-submit's flags.
SAIL_SUBMIT = SPARK_APPS / "sail_submit.py"


class LoadOperator(SparkSubmitOperator):
    """Loads a table. Returns what the load did, in rows; its asset has an event only if the table changed."""

    #: The numbers of the load, once it has published.
    published: dict[str, Any] | None = None

    def execute(self, context: Context) -> dict[str, Any]:  # type: ignore[override]  # the base returns nothing
        """Load here, without a JVM, where nothing changed; else by spark-submit. Raises EtlError or JobFailed."""
        look = job_module("pipeline.look").look
        result = look(Path(self.application), self.application_args, os.environ)
        loaded = numbers(*(result or self._submitted(context)))
        self.log.info("%s", result[0] if result else "submitted: rows had to be read")
        self.published = None if context["params"]["dry_run"] else loaded
        if context["params"]["dry_run"] or not has_changes(loaded):
            self.outlets = []
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"batch": context["run_id"], **loaded}
        return loaded

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002
        """Called by OpenLineage's listener after the task, also a failed one, where a transport is configured."""
        return lineage.of_load(self.task_id.removeprefix("load_"), os.environ, self.published)

    def _submitted(self, context: Context) -> tuple[str, str]:
        """The result line of the submitted job, and its amounts."""
        self._hook = self._get_hook()
        if self._hook._connection["master"] == SAIL:
            self._hook._connection["spark_binary"] = str(SAIL_SUBMIT)
        output = JobLog(self._hook.log)
        self._hook._log = output
        try:
            super().execute(context)
        except AirflowException as error:
            raise job_failed(error, output.problem) from None
        return output.result, output.amounts
