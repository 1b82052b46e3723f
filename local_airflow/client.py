"""A client for the calls of Airflow's REST API that are needed here."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from local_airflow.errors import LocalAirflowError
from local_airflow.runtime import USER, Airflow

DAG = "dvdrental_etl"
FINISHED = {"success", "failed"}


class RefusedError(LocalAirflowError):
    """The API server answered with an HTTP error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"Airflow's API answered {code} to {text}")
        self.code = code


class Client:
    """A client of the API server of an Airflow, with its login."""

    def __init__(self, airflow: Airflow) -> None:
        self.url, self.check, self.token = airflow.url, airflow.check, ""
        self.login = {"username": USER, "password": airflow.password}

    def call(self, path: str, body: dict[str, Any] | None = None, method: str = "") -> Any:
        """Send a request: GET, POST if there is a body, or `method`. Returns the parsed answer. Raises RefusedError."""
        method = method or ("GET" if body is None else "POST")
        request = urllib.request.Request(f"{self.url}{path}", method=method)  # noqa: S310
        request.add_header("Accept", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise RefusedError(
                error.code, f"{path}: {error.read().decode(errors='replace')[:1000]}"
            ) from None

    def wait_ready(self, seconds: float = 180) -> None:
        """Wait until both APIs answer and the DAG is parsed. Raises LocalAirflowError, also if its import fails."""
        for _ in self._ticks(seconds, "Airflow did not start"):
            try:
                self.token = self.token or self.call("/auth/token", self.login)["access_token"]
                self.call(f"/api/v2/dags/{DAG}")
                self.call("/execution/health")  # the tasks' API starts at its first request, in 2.5 seconds
                return
            except RefusedError as error:
                if error.code == 404 and self.token:
                    self._raise_import_errors()
            except OSError:
                continue

    def end_unfinished_runs(self) -> None:
        """Mark the runs of a stopped Airflow as failed: they would block the next run forever."""
        runs = self.call(f"/api/v2/dags/{DAG}/dagRuns?state=running&state=queued")["dag_runs"]
        for run in runs:
            self.call(f"/api/v2/dags/{DAG}/dagRuns/{run['dag_run_id']}", {"state": "failed"}, "PATCH")

    def trigger(self, conf: dict[str, Any]) -> str:
        """Start a run with these parameters and return its id."""
        body = {
            "logical_date": None,
            "dag_run_id": f"manual__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}",
            "conf": conf,
        }
        return str(self.call(f"/api/v2/dags/{DAG}/dagRuns", body)["dag_run_id"])

    def run_state(self, run_id: str) -> str:
        """The state of a run."""
        return str(self.call(f"/api/v2/dags/{DAG}/dagRuns/{run_id}")["state"])

    def tasks(self, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run."""
        return list(self.call(f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances")["task_instances"])

    def follow(self, run_id: str, seconds: float = 3600) -> Iterator[dict[str, Any]]:
        """Yield each task instance whenever its state changes, until the run has ended."""
        states: dict[str, Any] = {}
        for _ in self._ticks(seconds, f"the run {run_id} did not end"):
            state = self.run_state(run_id)  # read before the tasks, so that their last changes are not missed
            for instance in sorted(self.tasks(run_id), key=lambda i: i["start_date"] or "~"):
                now = (instance["state"], instance["try_number"])
                if states.get(instance["task_id"]) != now:
                    states[instance["task_id"]] = now
                    yield instance
            if state in FINISHED:
                return

    def log(self, run_id: str, instance: dict[str, Any]) -> list[str]:
        """The log lines of a task's last attempt."""
        path = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/{instance['task_id']}/logs"
        content = self.call(f"{path}/{instance['try_number']}")["content"]
        lines = []
        for entry in content:
            event = str(entry.get("event", ""))
            lines += [] if event.startswith("::") else event.splitlines()  # :: marks groups for the UI
            lines += [
                f"{error['exc_type']}: {error['exc_value']}" for error in entry.get("error_detail") or []
            ]
        return lines

    def _raise_import_errors(self) -> None:
        errors = self.call("/api/v2/importErrors")["import_errors"]
        if errors:
            raise LocalAirflowError(
                f"{errors[0]['filename']} cannot be imported:\n{errors[0]['stack_trace']}"
            )

    def _ticks(self, seconds: float, message: str) -> Iterator[None]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            yield
            time.sleep(1)
        raise LocalAirflowError(f"{message} within {seconds:.0f} s")
