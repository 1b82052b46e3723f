"""Runs the DAG, or the UI, in an Airflow on this machine with the databases of a sandbox."""

import json
import os
import shlex
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from local_airflow import report
from local_airflow.client import DAG, Client
from local_airflow.errors import LocalAirflowError
from local_airflow.runtime import ROOT, USER, Airflow, connections
from local_airflow.spark import LocalSpark

LOG_LINES = 25  # printed of a failed task's log
UI_PORT = 8080
QUIET = 4.5  # seconds without a line, after which one says that it goes on
LOCAL = "local[2]"
SAIL = "sail"  # no Spark at all


def home_of(directory: Path) -> Path:
    """Airflow's home for a sandbox: beside the sandbox, so that it stays when the sandbox is purged."""
    return (
        ROOT / ".airflow"
        if directory == ROOT / ".sandbox"
        else directory.with_name(f"{directory.name}-airflow")
    )


def environment_of(path: Path) -> dict[str, str]:
    """The variables in a file of `export NAME=value` lines, which the Redshift emulator writes for its clients."""
    words = (shlex.split(line)[1].partition("=") for line in path.read_text().splitlines())
    return {name: value for name, _, value in words}


class DagRunner:
    """Runs Airflow for the sandbox in `directory`, with jobs on the Spark `master`, and prints the progress.

    Raises LocalAirflowError if there is no sandbox in the folder.
    """

    def __init__(self, directory: Path, master: str = LOCAL) -> None:
        self.directory, self.master = directory, master
        self.console = Console(highlight=False, soft_wrap=True)
        self.began = self.last_line = time.monotonic()
        path = directory / "credentials.json"
        if not path.is_file():
            raise LocalAirflowError(
                f"there is no sandbox in {directory}: start it with `python -m sandbox up`"
            )
        self.credentials: dict[str, Any] = json.loads(path.read_text())
        if self.credentials["warehouse"]["kind"] == "redshift":
            os.environ.update(environment_of(directory / "redshift.env"))
        self.home = home_of(directory)
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.spark = LocalSpark(self.home, shared=master not in (LOCAL, SAIL))
        self.spark.write()

    def log(self, text: str) -> None:
        """Print one line of progress, with the minutes and seconds since the start."""
        self.last_line = time.monotonic()
        minutes, seconds = divmod(int(self.last_line - self.began), 60)
        self.console.print(f"[dim]{minutes}:{seconds:02}[/dim]  {text}")

    @contextmanager
    def moving(self, text: str) -> Iterator[None]:
        """Inside, print this text whenever no line came for five seconds: a person sees that it goes on."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.5):
                if time.monotonic() - self.last_line >= QUIET:
                    self.log(f"[dim]{text} ...[/dim]")

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()

    def airflow(self, port: int = 0) -> Airflow:
        """An Airflow whose connections are the sandbox's databases and the Spark master."""
        extra = self.spark.extra()
        return Airflow(self.home, connections(self.credentials, self.master, extra), port=port)

    def run(self, conf: dict[str, Any] | None = None, train: bool = True) -> str:
        """Run the DAG once in a real Airflow, with these parameters, and return the run's id.

        train: create Spark's class archive first if there is none. Raises LocalAirflowError if a task fails.
        """
        with self.started(train=train) as client:
            return self.run_once(client, conf or {})

    def _train(self) -> bool:
        """Begin to make Spark's class archive; whether there was none, and one is needed."""
        return self.master != SAIL and self.spark.train(self.directory / "credentials.json")

    @contextmanager
    def started(self, *, train: bool) -> Iterator[Client]:
        """A running Airflow, in which no run is left from before."""
        self.log("Airflow starts: API server, DAG processor, scheduler")
        if train and self._train():
            self.log("Spark creates an archive of its classes, once: jobs start in half the time with it")
        try:
            with ExitStack() as stack:
                with self.moving("Airflow is starting"):
                    client = Client(stack.enter_context(self.airflow()))
                    client.wait_ready()
                    self.spark.finish()
                client.end_unfinished_runs()
                yield client
                self.log("Airflow stops")
                with self.moving("Airflow is stopping"):
                    stack.close()
        finally:
            self.spark.stop()

    def run_once(self, client: Client, conf: dict[str, Any]) -> str:
        """Trigger the DAG, follow the run to its end, and return its id. Raises LocalAirflowError if a task fails."""
        run_id = client.trigger(conf)
        self.log(f"DAG {DAG} started, run {run_id}")
        with self.moving("Spark and SQL at work"):
            self.follow(client, run_id)
        return run_id

    def follow(self, client: Client, run_id: str) -> None:
        """Print each task's progress. At the first failed attempt, print the log's end and raise LocalAirflowError.

        Retries are not waited for: in a sandbox, errors are not temporary.
        """
        for instance in client.follow(run_id):
            state, name = instance["state"], f"{instance['task_id']:<18}"
            if state == "running":
                self.log(f"{name} runs")
            elif state == "success":
                self.log(f"{name} [green]done[/green] in {instance['duration']:.1f} s")
            elif state == "skipped":
                self.log(f"{name} [yellow]skipped[/yellow]")
            elif state == "failed" and instance["task_id"] == "quarantine":
                self.log(f"{name} [yellow]not empty[/yellow]: the report lists the rows")
            elif state in ("failed", "up_for_retry"):
                self.log(f"{name} [red]failed[/red]; the end of its log:")
                for line in client.log(run_id, instance)[-LOG_LINES:]:
                    self.console.print(f"      {line}", markup=False)
                client.end_unfinished_runs()
                raise LocalAirflowError(f"{instance['task_id']} failed; all logs: {self.home / 'logs'}")
        if client.run_state(run_id) != "success":
            raise LocalAirflowError(f"the run failed; all logs: {self.home / 'logs'}")

    def show(self, run_id: str) -> None:
        """Print what was loaded and the next commands. Raises LocalAirflowError if source and warehouse differ."""
        result = report.read(self.credentials, run_id)
        report.show(result, self.console)
        option = "" if self.directory == ROOT / ".sandbox" else f" --dir {self.directory}"
        database = " redshift" if self.credentials["warehouse"]["kind"] == "redshift" else ""
        self.console.print("Query it:      [bold].venv/bin/python -m sandbox psql" + database + option)
        self.console.print("Its report:    [bold]make report[/bold]")
        self.console.print("Airflow's UI:  [bold]make airflow[/bold]")
        self.console.print("Stop it:       [bold].venv/bin/python -m sandbox down" + option)
        if result.difference != report.Totals(0, result.difference.amount * 0):
            raise LocalAirflowError("source and warehouse differ: see the table above, and the log of verify")

    def ui(self) -> None:
        """Run Airflow's UI until Ctrl-C."""
        self.log("Airflow starts: API server, DAG processor, scheduler")
        self._train()
        try:
            with ExitStack() as stack:
                with self.moving("Airflow is starting"):
                    airflow = stack.enter_context(self.airflow(UI_PORT))
                    Client(airflow).wait_ready()
                    self.spark.finish()
                self.log(f"[bold]{airflow.url}/dags/{DAG}[/bold]  this machine only; stop it with Ctrl-C")
                shown = airflow.password if airflow.is_new_login else f"in {airflow.login_file}"
                self.log(f"login: user {USER}, password {shown}")
                self.log("The nightly schedule is off: start a run with the Trigger button")
                while True:
                    airflow.check()
                    time.sleep(1)
        except KeyboardInterrupt:
            self.log("Airflow is stopped")
        finally:
            self.spark.stop()
