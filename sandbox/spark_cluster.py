"""A Spark standalone cluster beside the sandbox's server: a master and two workers, reachable on this machine only.

It uses the pyspark of this environment (whose start scripts need ssh). Jobs run as on any standalone cluster: in
separate executor processes, which get nothing from the driver except what Spark ships to them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from sandbox.access import write_secret
from sandbox.errors import SandboxError
from sandbox.postgres import HOST, free_port
from sandbox.running import is_same, stop_trees
from sandbox.surroundings import reach_this_machine_directly

STATE, FOLDER = "spark.json", "spark"
PORT = 7077
WORKERS = 2
CORES = 1
#: Spark's default for an executor. Its Python workers need memory in addition.
MEMORY = "1g"
START_TIMEOUT = 60.0  # seconds
DAEMON = {
    "SPARK_LOCAL_IP": HOST,
    "SPARK_DAEMON_MEMORY": "256m",
    "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dspark.master.rest.enabled=false",
}


def start(directory: Path, executor_environment: Mapping[str, str]) -> dict[str, Any]:
    """Start the cluster unless it runs; returns its state: url, ui, ...

    executor_environment: variables for the executors, such as the keys of S3. A cluster that runs with other
    values is restarted. Raises SandboxError.
    """
    reach_this_machine_directly()
    digest = hashlib.sha256(json.dumps(sorted(executor_environment.items())).encode()).hexdigest()
    state = running(directory)
    if state is not None and state["executor_environment"] == digest:
        return state
    stop(directory)
    folder = directory / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    starter = _Starter(directory, digest, _environment(executor_environment, folder))
    try:
        return starter.start()
    except BaseException:
        stop(directory)
        raise


def stop(directory: Path, purge: bool = False) -> bool:
    """Stop the cluster of this folder, its executors, and processes of a killed start; whether any was running."""
    state = _stored_state(directory)
    left = [pid for pid, created in state["processes"] if is_same(pid, created)] if state else []
    stop_trees(left)
    (directory / STATE).unlink(missing_ok=True)
    if purge:
        shutil.rmtree(directory / FOLDER, ignore_errors=True)
    return bool(left)


def running(directory: Path) -> dict[str, Any] | None:
    """The state of the cluster of this folder; None unless all its processes run."""
    state = _stored_state(directory)
    if state is None or len(state["processes"]) != 1 + WORKERS:
        return None
    return state if all(is_same(pid, created) for pid, created in state["processes"]) else None


def _stored_state(directory: Path) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads((directory / STATE).read_text())
    except FileNotFoundError:
        return None
    return state


def _environment(executor_environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment of executors: nothing of this process that names a database or another Spark."""
    foreign = ("SPARK_", "PYSPARK_", "DVDRENTAL_", "PG")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | dict(executor_environment) | DAEMON | {"SPARK_LOCAL_DIRS": str(folder / "scratch")}


class _Starter:
    """Starts a cluster. Each process is written to the state file at once, so that `stop` finds it after a kill."""

    def __init__(self, directory: Path, digest: str, environment: Mapping[str, str]) -> None:
        self._directory, self._environment = directory, environment
        self._programs: list[subprocess.Popen[bytes]] = []
        self._state: dict[str, Any] = {"url": "", "ui": "", "executor_environment": digest, "processes": []}

    def start(self) -> dict[str, Any]:
        port, ui_port = free_port(PORT), free_port()
        self._state["ui"] = f"http://{HOST}:{ui_port}"
        self._run("master", "master.Master", "--port", str(port), "--webui-port", str(ui_port))
        self._state["url"] = self._wait_for(0)["url"]
        for number in range(1, WORKERS + 1):
            what = ("--cores", str(CORES), "--memory", MEMORY, "--webui-port", "0")
            work = ("--work-dir", str(self._directory / FOLDER / f"worker-{number}"))
            self._run(f"worker-{number}", "worker.Worker", *what, *work, self._state["url"])
        self._wait_for(WORKERS)
        return self._state

    def _run(self, name: str, program: str, *arguments: str) -> None:
        command = [_spark_class(), f"org.apache.spark.deploy.{program}", "--host", HOST, *arguments]
        with (self._directory / FOLDER / f"{name}.log").open("wb") as log:
            started = subprocess.Popen(
                command,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._programs.append(started)
        self._state["processes"].append([started.pid, psutil.Process(started.pid).create_time()])
        write_secret(self._directory / STATE, json.dumps(self._state))

    def _wait_for(self, workers: int) -> dict[str, Any]:
        """The master's status once it has this number of workers. Raises SandboxError.

        Its web server starts before the master itself, so the first answers may be missing or not JSON.
        """
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and not any(program.poll() for program in self._programs):
            with suppress(OSError, ValueError):
                status = self._master()
                if status["aliveworkers"] == workers:
                    return status
            time.sleep(0.1)
        logs = sorted((self._directory / FOLDER).glob("*.log"))
        last = [line for log in logs for line in log.read_text(errors="replace").splitlines()[-5:]]
        raise SandboxError("the Spark cluster did not start:\n  " + "\n  ".join(last))

    def _master(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._state['ui']}/json/", timeout=5) as page:  # noqa: S310
            status: dict[str, Any] = json.loads(page.read())
        return status


def _spark_class() -> str:
    """The launcher of the pyspark in this environment, found without importing it."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise SandboxError("pyspark is missing: install it into this environment")
    return str(Path(spec.origin).parent / "bin" / "spark-class")
