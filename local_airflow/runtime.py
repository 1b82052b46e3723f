"""Airflow on this machine: its home, its processes, and how they are stopped.

All its files are in one folder: metadata in SQLite, logs, the process list. Connections are environment variables,
so that no secret is stored. It uses free ports of 127.0.0.1.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from local_airflow.errors import LocalAirflowError
from sandbox.access import write_secret
from sandbox.postgres import free_port
from sandbox.running import is_same, stop_trees
from sandbox.surroundings import SPARKS_OWN, reach_this_machine_directly, without

ROOT = Path(__file__).resolve().parents[1]
SCHEDULED = "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE"
#: Airflow's only user: other users of this machine have no login.
USER = "admin"
#: In Airflow's home: its processes, the one that started them first.
PROCESSES = "processes.json"
TRANSPORT = "AIRFLOW__OPENLINEAGE__TRANSPORT"
LINEAGE = "lineage.jsonl"  # in Airflow's home, unless a transport is set outside
COMPONENTS = {
    "api-server": ["api-server"],
    "dag-processor": ["dag-processor"],
    # The API server reads task logs from the same disk; the log server would listen on all addresses.
    "scheduler": ["scheduler", "--skip-serve-logs"],
}


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
    """Scheduler, DAG processor and API server. Leaving the `with` block stops them and their child processes."""

    def __init__(self, home: Path, connections: dict[str, str], port: int = 0) -> None:
        self.home = home
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._list = home / PROCESSES
        self._stop_leftovers()  # they may hold the port
        self.url = f"http://127.0.0.1:{free_port(port or None)}"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.login_file = home / "login.json"
        #: Whether the password has not been shown before.
        self.is_new_login = not self.login_file.exists()
        if self.is_new_login:
            write_secret(self.login_file, json.dumps({USER: secrets.token_urlsafe(12)}) + "\n")
        reach_this_machine_directly()
        self.environment = without(os.environ, *SPARKS_OWN) | self._configuration() | connections

    def __enter__(self) -> "Airflow":
        """Start all components. Raises LocalAirflowError."""
        self._migrate()
        try:
            for name in COMPONENTS:
                self.start_component(name)
        except BaseException:
            self.stop()
            raise
        return self

    def start_component(self, name: str) -> None:
        """Start one of COMPONENTS."""
        with (self.home / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", *COMPONENTS[name]],
                env=self.environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches only this process, which stops the others in order
            )
        self._write_processes()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all components."""
        self.stop()

    @property
    def password(self) -> str:
        """The password of USER, for the UI and the API."""
        return str(json.loads(self.login_file.read_text())[USER])

    def check(self) -> None:
        """Raise LocalAirflowError, with the end of the log, if a component has stopped."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                log = self.home / f"{name}.log"
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise LocalAirflowError(
                    f"Airflow's {name} stopped with code {process.returncode}, see {log}:\n{tail}"
                )

    def stop(self) -> None:
        """Stop the components and their child processes: tasks first, so that no Spark job goes on."""
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
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.login_file),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__FERNET_KEY": "",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": port,
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            # Runs are started by hand only, unless this is set outside.
            SCHEDULED: os.environ.get(SCHEDULED, "False"),
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            # After a task that failed or was skipped its supervisor waits this long: five seconds by default.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            # Lineage of each load, one event a line. A thread, because a fork could disturb the task that it came from.
            TRANSPORT: os.environ.get(TRANSPORT)
            or json.dumps({"type": "file", "log_file_path": str(self.home / LINEAGE), "append": True}),
            "AIRFLOW__OPENLINEAGE__NAMESPACE": "dvdrental-etl",
            "AIRFLOW__OPENLINEAGE__EXECUTE_IN_THREAD": "True",
            # What went wrong is the last line of a task's log: nothing of lineage comes after it.
            "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "airflow.providers.openlineage=WARNING openlineage=WARNING",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "PYTHONUNBUFFERED": "1",
        }

    def _migrate(self) -> None:
        """Create or upgrade the metadata database, once for each version of Airflow."""
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
            raise LocalAirflowError(f"airflow db migrate failed:\n{(done.stdout + done.stderr)[-2000:]}")
        stamp.write_text(current)

    def _write_processes(self) -> None:
        pids = [os.getpid(), *(process.pid for process in self.processes.values())]
        document = {"url": self.url, "processes": [[pid, psutil.Process(pid).create_time()] for pid in pids]}
        self._list.write_text(json.dumps(document))

    def _stop_leftovers(self) -> None:
        """Stop processes of a killed run: two schedulers on one SQLite file block each other.

        Raises LocalAirflowError if another Airflow still runs here.
        """
        if not self._list.exists():
            return
        document = json.loads(self._list.read_text())
        (owner, created), *_ = document["processes"]
        if owner != os.getpid() and is_same(owner, created):
            raise LocalAirflowError(
                f"Airflow already runs here ({document['url']}, started by process {owner}): "
                "trigger dvdrental_etl there, or stop it first"
            )
        stop(self.home)


def stop(home: Path) -> bool:
    """Stop the Airflow of this home, also one that a closed terminal left behind; whether there was one."""
    listed = home / PROCESSES
    if not listed.exists():
        return False
    processes = json.loads(listed.read_text())["processes"]
    running = [pid for pid, created in processes if pid != os.getpid() and is_same(pid, created)]
    stop_trees(running)
    listed.unlink(missing_ok=True)
    return bool(running)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C inside: a second one must not interrupt the stop of the processes."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def terminate_like_interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """A handler that makes SIGTERM and SIGHUP act like Ctrl-C, so that `with` blocks stop their processes."""
    raise KeyboardInterrupt
