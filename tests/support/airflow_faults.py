"""An Airflow whose processes are killed in the middle of a run, and started again as a supervisor would do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from local_airflow.client import FINISHED, Client
from local_airflow.runner import DagRunner
from local_airflow.runtime import COMPONENTS, Airflow
from tests.support.dag_runs import clear
from tests.support.environment import Environment
from tests.support.waiting import until

#: Airflow misses a dead process within a minute, and looks for what it left every few seconds.
HASTY = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "40",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
}
#: For a run with several attempts at a task, each with a JVM.
PATIENCE = 600.0


@dataclass(frozen=True)
class Stage:
    """A running Airflow over a source and a warehouse."""

    env: Environment
    airflow: Airflow
    client: Client

    def finish(self, run_id: str) -> str:
        """Wait for the end of a run; tasks that wait for their next attempt get it at once. Returns its state."""
        until(lambda: self.is_over(run_id), f"{run_id} has ended: {self.client.tasks(run_id)}", PATIENCE)
        return self.client.run_state(run_id)

    def is_over(self, run_id: str) -> bool:
        """Whether a run has ended. Tasks that wait for their next attempt get it at once."""
        if self.client.run_state(run_id) in FINISHED:
            return True
        waiting = [task for task in self.client.tasks(run_id) if task["state"] == "up_for_retry"]
        if waiting:
            clear(self.client, run_id, *(task["task_id"] for task in waiting))
        return False

    def wait_for_publish(self, run_id: str, table: str) -> None:
        """Wait until a job of the run stands before the published table's lock, which the test holds."""
        waiting = "SELECT 1 FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
        found = until(
            lambda: self.env.warehouse(waiting, table) or self.client.run_state(run_id) in FINISHED,
            f"a job waits for {table}",
        )
        assert isinstance(found, list), f"{run_id} has ended, and no job waited for {table}"

    def restart(self, *names: str) -> None:
        """Start components that were killed, and wait until Airflow answers."""
        for name in names:
            self.airflow.processes[name].wait()
            self.airflow.start_component(name)
        self.client.wait_ready()


def jobs(run_id: str) -> list[psutil.Process]:
    """All processes of the run's jobs: spark-submit's Java and the driver's Python."""
    found = psutil.process_iter(["cmdline"])
    return [process for process in found if f"--batch-id={run_id}" in (process.info["cmdline"] or [])]


def java(run_id: str) -> psutil.Process:
    """The only JVM of the run."""
    (process,) = (process for process in jobs(run_id) if process.name() == "java")
    return process


def process_of(instance_id: str) -> psutil.Process | None:
    """The process in which a task instance runs, if it runs: Airflow names it so."""
    found = psutil.process_iter(["cmdline"])
    title = f"airflow worker -- {instance_id}"
    return next((process for process in found if title in (process.info["cmdline"] or [])), None)


def kill(*victims: psutil.Process) -> None:
    """kill -9, all at once."""
    for victim in victims:
        victim.suspend()
    for victim in victims:
        victim.kill()


def with_children(process: psutil.Process) -> list[psutil.Process]:
    """A process and all that it started, which a container or a control group would take with it."""
    return [process, *process.children(recursive=True)]


def component(stage: Stage, name: str) -> psutil.Process:
    return psutil.Process(stage.airflow.processes[name].pid)


#: Whom a fault kills: (stage, the job's Java) -> processes, and the components to start again.
Victims = Callable[[Stage, psutil.Process], tuple[list[psutil.Process], tuple[str, ...]]]
VICTIMS: dict[str, Victims] = {
    "the task": lambda _, job: ([job.parent()], ()),
    "the task's supervisor": lambda _, job: ([job.parent().parent()], ()),
    "spark-submit": lambda _, job: ([job], ()),
    "the driver": lambda _, job: (job.children(), ()),
    "the scheduler": lambda stage, _: ([component(stage, "scheduler")], ("scheduler",)),
    "the scheduler and its tasks": lambda stage, _: (
        with_children(component(stage, "scheduler")),
        ("scheduler",),
    ),
    "the API server": lambda stage, _: (with_children(component(stage, "api-server")), ("api-server",)),
    "the DAG processor": lambda stage, _: (
        with_children(component(stage, "dag-processor")),
        ("dag-processor",),
    ),
    "all of Airflow": lambda stage, _: (
        [process for name in COMPONENTS for process in with_children(component(stage, name))],
        tuple(COMPONENTS),
    ),
}


@contextmanager
def airflow_over(env: Environment) -> Iterator[Stage]:
    """A running Airflow whose connections are the environment's source and warehouse."""
    runner = DagRunner(env.config.parent)
    runner.spark.train(env.config)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in HASTY.items():
            patch.setenv(name, value)
        try:
            with runner.airflow() as airflow:
                client = Client(airflow)
                client.wait_ready()
                runner.spark.finish()
                yield Stage(env, airflow, client)
        finally:
            kill_orphans(runner.home)


def kill_orphans(home: Path) -> None:
    """What a killed scheduler left: nobody else would end it."""
    for process in psutil.process_iter(["cwd"]):
        if process.info["cwd"] == str(home):
            process.kill()
