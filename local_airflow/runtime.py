"""Airflow on this machine: its home, its processes and how they end.

Everything lives in one folder: metadata in SQLite, logs, the process list. Connections come as environment
variables, so that no secret is stored. Ports are free ones on 127.0.0.1.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from local_airflow.errors import DemoError
from sandbox.running import is_same, stop_trees

ROOT = Path(__file__).resolve().parents[1]
COMPONENTS = {
    "api-server": ["api-server"],
    "dag-processor": ["dag-processor"],
    # The task logs are read from the same disk; the log server would listen on every address.
    "scheduler": ["scheduler", "--skip-serve-logs"],
}


def free_port(wanted: int = 0) -> int:
    """`wanted` if nobody listens there, else a free port of 127.0.0.1."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise DemoError("no free port on 127.0.0.1")


def connection(kind: str, section: dict[str, Any], **extra: str) -> str:
    """One section of credentials.json as an Airflow connection in JSON."""
    parts = urlsplit(section["url"].removeprefix("jdbc:"))
    document = {
        "conn_type": kind,
        "host": parts.hostname,
        "port": parts.port or 5432,
        "schema": parts.path.lstrip("/"),
        "login": section["user"],
        "password": section["password"],
        "extra": {"schema": section["schema"], **extra},
    }
    return json.dumps(document)


def connections(credentials: dict[str, Any], master: str, spark: dict[str, Any]) -> dict[str, str]:
    """The three connections of the DAG as environment variables. `spark` is the extra of spark_default."""
    warehouse, s3 = credentials["warehouse"], credentials["s3"]
    cluster = {"conn_type": "spark", "host": master, "extra": {"deploy-mode": "client", **spark}}
    return {
        "AIRFLOW_CONN_DVDRENTAL_SOURCE": connection("postgres", credentials["source"]),
        "AIRFLOW_CONN_DVDRENTAL_WAREHOUSE": connection(
            warehouse["kind"], warehouse, **{f"s3_{key}": value for key, value in s3.items() if value}
        ),
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(cluster),
    }


class Airflow:
    """Scheduler, DAG processor and API server; leaving the `with` block stops them and their children."""

    def __init__(self, home: Path, connections: dict[str, str], port: int = 0) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{free_port(port)}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._list = home / "processes.json"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.environment = os.environ | self._configuration() | connections

    def __enter__(self) -> "Airflow":
        self._stop_leftovers()
        self._migrate()
        try:
            for name, arguments in COMPONENTS.items():
                with (self.home / f"{name}.log").open("wb") as log:
                    self.processes[name] = subprocess.Popen(
                        [sys.executable, "-m", "airflow", *arguments],
                        env=self.environment,
                        cwd=self.home,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,  # Ctrl-C reaches us alone, and we stop the rest in order
                    )
                self._remember()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def check(self) -> None:
        """Raise DemoError, with the end of its log, if a component has died."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                log = self.home / f"{name}.log"
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise DemoError(
                    f"Airflow's {name} stopped with code {process.returncode}, see {log}:\n{tail}"
                )

    def stop(self) -> None:
        """Stop the components and all that they started: tasks first, so that no Spark job is left behind."""
        with uninterrupted():
            stop_trees([process.pid for process in self.processes.values()])
            for process in self.processes.values():
                process.wait()
            self.processes.clear()
            self._list.unlink(missing_ok=True)

    def _configuration(self) -> dict[str, str]:
        home, port = str(self.home), str(urlsplit(self.url).port)
        return {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__FERNET_KEY": "",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": port,
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",  # nothing runs that nobody asked for
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "PYTHONUNBUFFERED": "1",
        }

    def _migrate(self) -> None:
        """Make the metadata database, once for each version of Airflow."""
        stamp, current = self.home / "migrated", version("apache-airflow")
        if stamp.exists() and stamp.read_text() == current:
            return
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoError(f"airflow db migrate failed:\n{(done.stdout + done.stderr)[-2000:]}")
        stamp.write_text(current)

    def _remember(self) -> None:
        pids = [os.getpid(), *(process.pid for process in self.processes.values())]
        document = {"url": self.url, "processes": [[pid, psutil.Process(pid).create_time()] for pid in pids]}
        self._list.write_text(json.dumps(document))

    def _stop_leftovers(self) -> None:
        """Stop what a killed predecessor left: two schedulers on one SQLite file lock each other out.

        Raises DemoError if the predecessor is still at work.
        """
        if not self._list.exists():
            return
        document = json.loads(self._list.read_text())
        owner, *left = (is_same(pid, created) and pid for pid, created in document["processes"])
        if owner:
            raise DemoError(
                f"Airflow already runs here ({document['url']}, started by process {owner}): "
                "trigger dvdrental_etl there, or stop it first"
            )
        stop_trees([pid for pid in left if pid])
        self._list.unlink()


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back: an impatient second one must not leave half of the processes behind."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def terminate_like_interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """A SIGTERM handler that unwinds like Ctrl-C, so that `with` blocks end their processes."""
    raise KeyboardInterrupt
