"""A run of the DAG that is over, and what was watched meanwhile."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from dvdrental_etl.engine.package_zip import build
from dvdrental_etl.model.contract import star_tables
from local_airflow import report
from local_airflow.client import DAG, Client
from local_airflow.runner import LOCAL, DagRunner
from local_airflow.runtime import SCHEDULED
from sandbox.fill import Content
from sandbox.server import Sandbox
from tests.support.paths import ROOT
from tests.support.webhook import Webhook
from tools import jdbc_driver

#: The next night of the schedule, as Airflow's database has it.
NO_NIGHT = "2099-01-01 03:00:00.000000"
DIMENSIONS = tuple(table for table in star_tables() if table.startswith("dim_"))


class CommandLines(threading.Thread):
    """Every command line that any process of this machine has while the DAG runs, as `ps` would show it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.5):
            for process in psutil.process_iter(["cmdline"]):
                self.seen.add(" ".join(process.info["cmdline"] or []))

    def __enter__(self) -> "CommandLines":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


@dataclass(frozen=True)
class Finished:
    """Runs that are over: the first load; a night without changes; a dry run; one that its guards refused.

    The night was late; a task of the dry run was cleared.

    alerts: what a webhook was sent meanwhile.
    """

    folder: Path
    run_id: str
    quiet: str
    dry: str
    refused: str
    demo: DagRunner
    command_lines: set[str]
    alerts: list[str]

    def warehouse(self, text: str) -> list[tuple[Any, ...]]:
        return report.query(self.demo.credentials["warehouse"], text)

    def source(self, text: str) -> list[tuple[Any, ...]]:
        return report.query(self.demo.credentials["source"], text)

    def log(self, run_id: str, task: str) -> list[dict[str, Any]]:
        """The entries of a task's log, as Airflow's file has them, and whether the UI shows them `folded`."""
        (path,) = self.demo.home.glob(f"logs/*/run_id={run_id}/task_id={task}/attempt=1.log")
        entries, groups = [], 0
        for entry in map(json.loads, path.read_text().splitlines()):
            event = str(entry["event"])
            groups = max(0, groups + event.startswith("::group::") - event.startswith("::endgroup::"))
            entries += [] if event.startswith("::") else [entry | {"folded": groups > 0}]
        return entries

    def passwords(self) -> list[str]:
        stored = json.loads((self.folder / "sandbox.json").read_text())["passwords"].values()
        assert len(stored) == 3
        return list(stored)

    def check_holds_no_password(self, files: list[Path]) -> None:
        for path in files:
            content = path.read_bytes()
            assert not [password for password in self.passwords() if password.encode() in content], path


def running(variable: str, part: str) -> list[list[str]]:
    """The command lines of the processes whose environment variable has this part."""
    found = psutil.process_iter(["cmdline", "environ"])
    return [p.info["cmdline"] for p in found if part in (p.info["environ"] or {}).get(variable, "")]


@contextmanager
def sandbox_in(folder: Path) -> Iterator[None]:
    """A fifth of dvdrental in a sandbox, and what its jobs need."""
    jdbc_driver.fetch()
    build(ROOT / "build" / "jobs.zip")
    sandbox = Sandbox(folder)
    sandbox.up(Content(None, 0.2))
    try:
        yield
    finally:
        sandbox.down(purge=True)


def run(folder: Path, master: str = LOCAL) -> Finished:
    """The DAG over the sandbox in the folder: several runs in one Airflow, of which only the first needs Spark."""
    demo = DagRunner(folder, master)
    with pytest.MonkeyPatch.context() as patch, CommandLines() as watch, Webhook() as webhook:
        patch.setenv(SCHEDULED, "True")  # the example follows the asset
        patch.setenv("AIRFLOW_CONN_DVDRENTAL_ALERTS", json.dumps(webhook.connection("hook")))
        with demo.started(train=False) as client:
            let_no_night_begin(demo)
            first = demo.run_once(client, {})
            now = datetime.now(UTC)
            quiet = trigger_night(client, now - timedelta(hours=3))
            demo.follow(client, quiet)
            dry = trigger_night(client, now, dry_run=True)
            demo.follow(client, dry)
            clear(client, dry, "quarantine")
            demo.follow(client, dry)
            refused = client.trigger({"fullrefresh": True})
            list(client.follow(refused))
    return Finished(folder, first, quiet, dry, refused, demo, watch.seen, webhook.texts)


def let_no_night_begin(demo: DagRunner) -> None:
    """The example follows the asset, so schedules are on: these runs may take place at three in the morning."""
    with closing(sqlite3.connect(demo.home / "airflow.db", timeout=30)) as connection:
        changed = connection.execute(
            "UPDATE dag SET next_dagrun_create_after = ? WHERE dag_id = ?", (NO_NIGHT, DAG)
        )
        assert changed.rowcount == 1
        connection.commit()


def trigger_night(client: Client, at: datetime, **conf: Any) -> str:
    """Start the run of a night, as the schedule does: it has a logical date, and so a deadline."""
    body = {
        "logical_date": at.isoformat(),
        "dag_run_id": f"manual__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}",
        "conf": conf,
    }
    return str(client.call(f"/api/v2/dags/{DAG}/dagRuns", body)["dag_run_id"])


def clear(client: Client, run_id: str, *tasks: str) -> None:
    """Let tasks run again, as a person does in the UI."""
    body = {"dry_run": False, "dag_run_id": run_id, "task_ids": tasks, "only_failed": False}
    client.call(f"/api/v2/dags/{DAG}/clearTaskInstances", body)
