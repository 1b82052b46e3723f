"""Measures the whole DAG in a real Airflow, from trigger to end. The start of Airflow is not timed."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.measure import ProcessMonitor, cpu_of
from benchmarks.results import DONE, Measured
from local_airflow.client import DAG, Client
from local_airflow.errors import LocalAirflowError
from local_airflow.runtime import Airflow


def run_dag(made: dict[str, str], home: Path, limit: float, server: Callable[[], float]) -> Measured:
    """Run the DAG once. CPU seconds and memory include Airflow's own processes.

    made: Airflow's connections, as variables. home: Airflow's folder. server: returns PostgreSQL's CPU seconds so far.
    """
    with Airflow(home, made) as airflow:
        client = Client(airflow)
        client.wait_ready()
        client.end_unfinished_runs()
        roots = [process.pid for process in airflow.processes.values()]
        with ProcessMonitor(lambda: _tree(roots)) as watch:
            cpu, server_cpu = cpu_of(roots), server()
            began = dt.datetime.now(dt.UTC)
            run_id = client.trigger({})
            ended = _follow(client, run_id, limit)
            return Measured(
                ended,
                (_end(client, run_id) - began).total_seconds(),
                cpu_of(roots) - cpu,
                watch.peak_bytes,
                server() - server_cpu,
            )


def _follow(client: Client, run_id: str, limit: float) -> str:
    """Wait for the end of the run. The first failed attempt ends it: errors here are not temporary."""
    try:
        for instance in client.follow(run_id, limit):
            if instance["state"] in ("failed", "up_for_retry"):
                client.end_unfinished_runs()
                return f"{instance['task_id']} failed"
    except LocalAirflowError:
        client.end_unfinished_runs()
        return f"over the limit of {limit:.0f} s"
    return DONE


def _end(client: Client, run_id: str) -> dt.datetime:
    """The end of the run, as Airflow recorded it."""
    return dt.datetime.fromisoformat(client.call(f"/api/v2/dags/{DAG}/dagRuns/{run_id}")["end_date"])


def _tree(roots: list[int]) -> list[psutil.Process]:
    found = []
    for pid in roots:
        try:
            root = psutil.Process(pid)
            found += [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
    return found
