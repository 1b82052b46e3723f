"""Command line of the demo: python -m local_airflow run | ui."""

import argparse
import json
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from local_airflow import report
from local_airflow.client import DAG, Client
from local_airflow.errors import DemoError
from local_airflow.runtime import ROOT, Airflow, connections, terminate_like_interrupt
from local_airflow.spark import SmallSpark

TAIL = 25  # lines of a failed task's log
UI_PORT = 8080
LOCAL = "local[2]"


def home_of(directory: Path) -> Path:
    """Airflow's home for a sandbox: beside it, so that the sandbox can be purged and made again."""
    return (
        ROOT / ".airflow"
        if directory == ROOT / ".sandbox"
        else directory.with_name(f"{directory.name}-airflow")
    )


def environment_of(path: Path) -> dict[str, str]:
    """What the emulator of Redshift wants its clients' environment to say: lines of `export NAME=value`."""
    words = (shlex.split(line)[1].partition("=") for line in path.read_text().splitlines())
    return {name: value for name, _, value in words}


class Demo:
    """The sandbox's folder, the Spark master that the jobs go to, and what is printed about it."""

    def __init__(self, directory: Path, master: str = LOCAL) -> None:
        self.directory, self.master = directory, master
        self.console = Console(highlight=False, soft_wrap=True)
        self.began = time.monotonic()
        path = directory / "credentials.json"
        if not path.is_file():
            raise DemoError(f"there is no sandbox in {directory}: start it with `python -m sandbox up`")
        self.credentials: dict[str, Any] = json.loads(path.read_text())
        if self.credentials["warehouse"]["kind"] == "redshift":
            os.environ.update(environment_of(directory / "redshift.env"))
        self.home = home_of(directory)
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.spark = SmallSpark(self.home, shared=master != LOCAL)
        self.spark.write()

    def say(self, text: str) -> None:
        """One line of progress, with the minutes and seconds since the start."""
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        self.console.print(f"[dim]{minutes}:{seconds:02}[/dim]  {text}")

    def airflow(self, port: int = 0) -> Airflow:
        """Airflow with the sandbox's databases and a Spark."""
        extra = self.spark.extra()
        return Airflow(self.home, connections(self.credentials, self.master, extra), port=port)

    def run(self, conf: dict[str, Any] | None = None, train: bool = True) -> str:
        """Run the DAG once in a real Airflow, with these parameters, and return the run's id.

        train: make Spark's class archive first if there is none. Raises DemoError if a task fails.
        """
        self.say("Airflow starts: API server, DAG processor, scheduler")
        if train and self.spark.train(self.directory / "credentials.json"):
            self.say("Spark starts once for an archive of its classes: later jobs start in half the time")
        try:
            with self.airflow() as airflow:
                client = Client(airflow.url, airflow.check)
                client.wait_ready()
                self.spark.finish()
                client.end_unfinished_runs()
                run_id = client.trigger(conf or {})
                self.say(f"DAG {DAG} runs as {run_id}")
                self.follow(client, run_id)
                self.say("Airflow stops")
        finally:
            self.spark.stop()
        return run_id

    def follow(self, client: Client, run_id: str) -> None:
        """Print each task's progress. Raises DemoError, after the log's end, at the first attempt that fails.

        Nothing in a sandbox passes by itself, so nobody has to wait for the DAG's retries.
        """
        for instance in client.follow(run_id):
            state, name = instance["state"], f"{instance['task_id']:<18}"
            if state == "running":
                self.say(f"{name} runs")
            elif state == "success":
                self.say(f"{name} [green]done[/green] in {instance['duration']:.1f} s")
            elif state == "skipped":
                self.say(f"{name} [yellow]skipped[/yellow]")
            elif state in ("failed", "up_for_retry"):
                self.say(f"{name} [red]failed[/red]; its log ends with")
                for line in client.log(run_id, instance)[-TAIL:]:
                    self.console.print(f"      {line}", markup=False)
                client.end_unfinished_runs()
                raise DemoError(f"{instance['task_id']} failed; all logs: {self.home / 'logs'}")
        if client.run_state(run_id) != "success":
            raise DemoError(f"the run failed; all logs: {self.home / 'logs'}")

    def show(self, run_id: str) -> None:
        """Print what was loaded and where to look next. Raises DemoError if the two sides differ."""
        result = report.read(self.credentials, run_id)
        report.show(result, self.console)
        place = "" if self.directory == ROOT / ".sandbox" else f" --dir {self.directory}"
        database = " redshift" if self.credentials["warehouse"]["kind"] == "redshift" else ""
        self.console.print("Look into it:  [bold].venv/bin/python -m sandbox psql" + database + place)
        self.console.print("Airflow's UI:  [bold]make airflow[/bold]")
        self.console.print("Stop it:       [bold].venv/bin/python -m sandbox down" + place)
        if result.difference != report.Totals(0, result.difference.amount * 0):
            raise DemoError("source and warehouse differ: see the table above")

    def ui(self) -> None:
        """Airflow's UI, until Ctrl-C."""
        self.say("Airflow starts: API server, DAG processor, scheduler")
        self.spark.train(self.directory / "credentials.json")
        try:
            with self.airflow(UI_PORT) as airflow:
                client = Client(airflow.url, airflow.check)
                client.wait_ready()
                self.spark.finish()
                self.say(
                    f"[bold]{airflow.url}/dags/{DAG}[/bold]  no login, for this machine only; Ctrl-C stops it"
                )
                self.say("The nightly schedule is off here: press Trigger")
                while True:
                    airflow.check()
                    time.sleep(1)
        except KeyboardInterrupt:
            self.say("Airflow is stopped")
        finally:
            self.spark.stop()


def main() -> int:
    """Run one command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local_airflow", description="The DAG in a real Airflow.")
    parser.add_argument("command", choices=["run", "ui"], help="run the DAG once and report; or open the UI")
    parser.add_argument("--dir", type=Path, default=Path(".sandbox"), help="the sandbox (default .sandbox)")
    parser.add_argument(
        "--master",
        default=LOCAL,
        metavar="URL",
        help=f"the Spark that jobs go to (default {LOCAL}, in each job)",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, terminate_like_interrupt)
    try:
        demo = Demo(options.dir.resolve(), options.master)
        if options.command == "ui":
            demo.ui()
        else:
            demo.show(demo.run())
    except DemoError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: Airflow and its tasks are stopped, the sandbox stays\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
