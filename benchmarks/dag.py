"""The whole DAG in a real Airflow, from the trigger to the end of its last task. Airflow is up before, untimed."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.ground import Place
from benchmarks.measure import Watch, cpu_of
from benchmarks.results import DONE, Measured
from local_airflow.__main__ import LOCAL
from local_airflow.client import DAG, Client
from local_airflow.errors import DemoError
from local_airflow.runtime import Airflow, connections


def run_dag(
    place: Place, spark: dict[str, str], home: Path, limit: float, server: Callable[[], float]
) -> Measured:
    """Run it once. CPU seconds and memory are those of Airflow's own processes too.

    spark: the extra of the connection spark_default. home: Airflow's folder. server: CPU seconds that PostgreSQL has
    used up to now.
    """
    with Airflow(home, connections(place.credentials, LOCAL, spark)) as airflow:
        client = Client(airflow.url, airflow.check)
        client.wait_ready()
        client.end_unfinished_runs()
        roots = [process.pid for process in airflow.processes.values()]
        with Watch(lambda: _tree(roots)) as watch:
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
    """Wait for the end. The first attempt that fails ends the run: nothing here passes by itself."""
    try:
        for instance in client.follow(run_id, limit):
            if instance["state"] in ("failed", "up_for_retry"):
                client.end_unfinished_runs()
                return f"{instance['task_id']} failed"
    except DemoError:
        client.end_unfinished_runs()
        return f"over the limit of {limit:.0f} s"
    return DONE


def _end(client: Client, run_id: str) -> dt.datetime:
    """When Airflow says that the run ended."""
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
