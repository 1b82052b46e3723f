"""A Spark cluster beside the sandbox's server: a master and two workers that nobody outside this machine reaches.

From the pyspark of this environment; its own start scripts ask for ssh. Jobs run on it as they do on any standalone
cluster: in executors that are processes of their own, which see nothing of the driver but what Spark brings them.
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

STATE, FOLDER = "spark.json", "spark"
PORT = 7077
WORKERS = 2
CORES = 1
#: What Spark gives an executor if nobody says otherwise. Its Python workers take theirs beside it.
MEMORY = "1g"
PATIENCE = 60.0
DAEMON = {
    "SPARK_LOCAL_IP": HOST,
    "SPARK_DAEMON_MEMORY": "256m",
    "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dspark.master.rest.enabled=false",
}


def start(directory: Path, lent: Mapping[str, str]) -> dict[str, Any]:
    """Start the cluster unless it runs, and give what is known of it: its url, and that of its ui.

    lent: variables that executors are to see, as those by which they get into S3. A cluster that lends others is
    started anew. Raises SandboxError.
    """
    digest = hashlib.sha256(json.dumps(sorted(lent.items())).encode()).hexdigest()
    state = running(directory)
    if state is not None and state["lent"] == digest:
        return state
    stop(directory)
    folder = directory / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    beginning = _Beginning(directory, digest, _environment(lent, folder))
    try:
        return beginning.go()
    except BaseException:
        stop(directory)
        raise


def stop(directory: Path, purge: bool = False) -> bool:
    """End the cluster of this folder, its executors and what a killed start left; whether there was any."""
    state = _remembered(directory)
    left = [pid for pid, created in state["processes"] if is_same(pid, created)] if state else []
    stop_trees(left)
    (directory / STATE).unlink(missing_ok=True)
    if purge:
        shutil.rmtree(directory / FOLDER, ignore_errors=True)
    return bool(left)


def running(directory: Path) -> dict[str, Any] | None:
    """What is known of the cluster of this folder; None unless all of it runs."""
    state = _remembered(directory)
    if state is None or len(state["processes"]) != 1 + WORKERS:
        return None
    return state if all(is_same(pid, created) for pid, created in state["processes"]) else None


def _remembered(directory: Path) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads((directory / STATE).read_text())
    except FileNotFoundError:
        return None
    return state


def _environment(lent: Mapping[str, str], folder: Path) -> dict[str, str]:
    """What executors inherit: nothing of this process that names a database, or another Spark."""
    foreign = ("SPARK_", "PYSPARK_", "DVDRENTAL_", "PG")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | dict(lent) | DAEMON | {"SPARK_LOCAL_DIRS": str(folder / "scratch")}


class _Beginning:
    """A cluster that is being started: what of it runs is written down at once, so that a kill leaves nothing."""

    def __init__(self, directory: Path, lent: str, environment: Mapping[str, str]) -> None:
        self._directory, self._environment = directory, environment
        self._programs: list[subprocess.Popen[bytes]] = []
        self._state: dict[str, Any] = {"url": "", "ui": "", "lent": lent, "processes": []}

    def go(self) -> dict[str, Any]:
        port, page = free_port(PORT), free_port()
        self._state["ui"] = f"http://{HOST}:{page}"
        self._run("master", "master.Master", "--port", str(port), "--webui-port", str(page))
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
        """What the master says of itself once it has so many workers. Raises SandboxError.

        Its pages are there a moment before it: the first answers may be none, or no JSON.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not any(program.poll() for program in self._programs):
            with suppress(OSError, ValueError):
                said = self._master()
                if said["aliveworkers"] == workers:
                    return said
            time.sleep(0.1)
        logs = sorted((self._directory / FOLDER).glob("*.log"))
        last = [line for log in logs for line in log.read_text(errors="replace").splitlines()[-5:]]
        raise SandboxError("the Spark cluster did not start:\n  " + "\n  ".join(last))

    def _master(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._state['ui']}/json/", timeout=5) as page:  # noqa: S310
            said: dict[str, Any] = json.loads(page.read())
        return said


def _spark_class() -> str:
    """The launcher of the pyspark in this environment, found without importing it."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise SandboxError("pyspark is missing: install it into this environment")
    return str(Path(spec.origin).parent / "bin" / "spark-class")
