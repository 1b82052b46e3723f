"""kill -9 of an executor, its JVM and its Python workers, while it writes: on a Spark cluster of processes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pyarrow.parquet as pq
import pyspark
import pytest

from redshift_emulator.emulator import Emulator
from sandbox import spark_cluster as cluster_of_spark
from sandbox.server import Sandbox
from tests.support.engines import about_spark
from tests.support.environment import Environment
from tests.support.jobs import Outcome, counts, expected_counts, job_environment, rows_read
from tests.support.paths import ROOT
from tests.support.redshift import check_clean, staged_files, to_redshift
from tests.support.waiting import long_running, until

PAYMENTS = 730
MANY = PAYMENTS + 510_000
#: Two lists that are too long to fetch are the same.
DIGEST = "SELECT count(*), md5(string_agg(one::text, ';' ORDER BY payment_id)) FROM ({}) AS one"
FACTS = """
    SELECT sales_key AS payment_id, customer_id, payment_date_key, sales_amount AS amount, rental_id,
        payment_ts AS payment_date
    FROM fact_sales JOIN dim_customer USING (customer_key)
"""
SOURCE_FACTS = """
    SELECT payment_id::bigint, customer_id::integer, to_char(payment_date, 'YYYYMMDD')::integer, amount,
        rental_id::bigint, payment_date
    FROM payment
"""
SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"

pytestmark = about_spark


@pytest.fixture(scope="module")
def workers(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A Spark cluster of two workers, whose executors may get into S3."""
    folder = tmp_path_factory.mktemp("spark")
    yield cluster_of_spark.start(folder, emulator.environment())
    cluster_of_spark.stop(folder)


@pytest.fixture
def factless(env: Environment) -> Environment:
    """A PostgreSQL warehouse that has all dimensions and no facts."""
    env.warehouse("TRUNCATE fact_sales")
    env.warehouse("DELETE FROM etl_load WHERE table_name = 'fact_sales'")
    return env


@pytest.fixture
def many(empty: Environment) -> Environment:
    """A source of so many payments that two tasks read them, and nothing loaded."""
    empty.source(
        "INSERT INTO payment SELECT 1000000 + n, 1 + n % 30, 1, 1 + n % 800, n % 7,"
        " timestamp '2007-03-01' + n * interval '1 s' FROM generate_series(1, 510000) AS n"
    )
    return empty


class Job:
    """load_fact_sales on the cluster, as somebody submits it; a task is given up after so many tries."""

    def __init__(self, env: Environment, master: str, script: Path, tries: int) -> None:
        environment = job_environment(
            PYSPARK_PYTHON=sys.executable,
            SPARK_LOCAL_IP="127.0.0.1",
            PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        )
        self.env = env
        self._process = subprocess.Popen(
            [
                *(str(SUBMIT), "--master", master, "--conf", f"spark.task.maxFailures={tries}"),
                *(str(script), "--config", str(env.config)),
            ],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, ask: Callable[[], Any], what: str) -> Any:
        """The answer, once there is one. Fails if the job ends before."""

        def answer() -> Any:
            ended = self.has_ended()
            return ask() or (AssertionError(self._process.communicate()[1][-3000:]) if ended else None)

        found = until(answer, what)
        if isinstance(found, AssertionError):
            raise found
        return found

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def finish(self) -> Outcome:
        out, err = self._process.communicate(timeout=300)
        outcome = Outcome(self._process.returncode, out, err)
        self.env.check_output(outcome)
        return outcome

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def submit(workers: dict[str, Any]) -> Iterator[Callable[..., Job]]:
    """Starts load_fact_sales on the cluster. Executors send its rows, however few there are."""
    started: list[Job] = []

    def start(env: Environment, tries: int = 4) -> Job:
        env.limit(rows_sent_by_driver=0)
        started.append(Job(env, workers["url"], ROOT / "spark_apps" / "load_fact_sales.py", tries))
        return started[-1]

    yield start
    for job in started:
        job.stop()


Is = Callable[[Any], bool]


def executor_with(workers: dict[str, Any], is_it: Is) -> psutil.Process:
    """The executor that has a Python worker with such a connection."""
    found = []
    for pid, _ in workers["processes"][1:]:
        for executor in psutil.Process(pid).children():
            for python in executor.children(recursive=True):
                if any(is_it(connection) for connection in python.net_connections()):
                    found.append(executor)
    (executor,) = {one.pid: one for one in found}.values()
    return executor


def kill(executor: psutil.Process) -> None:
    """All of it, so that nothing gets the time to say good-bye."""
    assert "CoarseGrainedExecutorBackend" in " ".join(executor.cmdline())
    pythons = executor.children(recursive=True)
    assert pythons, "its Python workers are there"
    for process in (executor, *pythons):
        process.kill()
    psutil.wait_procs([executor, *pythons], timeout=30)


@contextmanager
def held(env: Environment, table: str, mode: str) -> Iterator[None]:
    """A table of the warehouse, locked by somebody else."""
    with closing(env.warehouse.connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        cursor.execute(f"LOCK TABLE {table} IN {mode} MODE")
        yield


def waiting(env: Environment, statement: str) -> list[tuple[Any, ...]]:
    """Ports of clients whose statement that begins so waits for a lock."""
    return env.warehouse(
        "SELECT client_port FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND query LIKE %s",
        f"{statement}%",
    )


# Redshift: the upload to S3.


@long_running
def test_an_executor_that_is_killed_while_it_uploads(
    many: Environment,
    emulator: Emulator,
    server: Sandbox,
    workers: dict[str, Any],
    submit: Callable[..., Job],
) -> None:
    env = to_redshift(many, emulator, server)
    job = submit(env)
    job.wait_for(env.staging_tables, "the load has a staging table")
    emulator.faults.s3_holds(1)
    try:
        ports = job.wait_for(emulator.faults.s3_held, "a file is being uploaded")
        kill(executor_with(workers, lambda c: c.laddr.port in ports))
    finally:
        emulator.faults.s3_lets_go()  # S3 has the dead one's file, and nobody who would tell of it
    with held(env, "etl_lock", "SHARE ROW EXCLUSIVE"):
        job.wait_for(
            lambda: waiting(env, "LOCK TABLE etl_lock"), "all is staged, and the load wants to publish"
        )
        until(emulator.faults.s3_is_quiet, "S3 has stored what it has")
        check_staged(env, emulator)
    outcome = job.finish()
    assert outcome.code == 0, outcome.err[-3000:]
    assert rows_read(outcome) == MANY
    assert counts(outcome) == expected_counts(new=MANY)
    assert env.warehouse(DIGEST.format(FACTS)) == env.source(DIGEST.format(SOURCE_FACTS))
    check_clean(env, emulator)


def check_staged(env: Environment, emulator: Emulator) -> None:
    """The manifest names each row once, and the dead executor's file lies beside it."""
    client, bucket = emulator.s3.client(), emulator.s3.bucket

    def read(key: str) -> bytes:
        return client.get_object(Bucket=bucket, Key=key)["Body"].read()

    keys = staged_files(emulator)
    (manifest,) = (key for key in keys if key.endswith("manifest.json"))
    named = {entry["url"].removeprefix(f"s3://{bucket}/") for entry in json.loads(read(manifest))["entries"]}
    assert len(named) > 1, "several tasks wrote"
    rows = [key for name in named for key in pq.read_table(io.BytesIO(read(name)))["sales_key"].to_pylist()]
    assert sorted(rows) == [key for (key,) in env.source("SELECT payment_id FROM payment ORDER BY 1")]
    (orphan,) = set(keys) - named - {manifest}
    assert set(pq.read_table(io.BytesIO(read(orphan)))["sales_key"].to_pylist()) <= set(rows)
    (table,) = env.staging_tables()
    assert env.warehouse.value(f"SELECT count(*) FROM {table}") == MANY


# PostgreSQL: the COPY into the table that becomes the fact's partition.


def new_rows(env: Environment) -> Callable[[], str | None]:
    """Asks for the table that a fact's first load fills."""
    return lambda: next((name for name in env.staging_tables() if name.endswith("_rows")), None)


@contextmanager
def copying(job: Job) -> Iterator[int]:
    """A first load, one of whose tasks waits in its COPY: the port that it does so from. It goes on at the end."""
    table = job.wait_for(new_rows(job.env), "the load has a staging table")
    with held(job.env, table, "EXCLUSIVE"):
        ((port,), *_) = job.wait_for(lambda: waiting(job.env, "COPY"), "a task copies")
        yield port


@long_running
def test_an_executor_that_is_killed_while_it_copies(
    factless: Environment, workers: dict[str, Any], submit: Callable[..., Job]
) -> None:
    job = submit(factless)
    with copying(job) as port:
        kill(executor_with(workers, lambda c: c.laddr.port == port))
    outcome = job.finish()
    assert outcome.code == 0, outcome.err[-3000:]
    assert counts(outcome) == expected_counts(new=PAYMENTS)
    assert factless.facts() == factless.source_facts()
    assert factless.staging_tables() == []


@long_running
def test_an_executor_killed_after_its_commit_and_before_its_report(
    factless: Environment, workers: dict[str, Any], submit: Callable[..., Job]
) -> None:
    """Its task is tried again and lands its rows once more: that is seen, and refused."""
    job = submit(factless)
    with copying(job) as port:
        executor = executor_with(workers, lambda c: c.laddr.port == port)
        executor.suspend()  # it cannot tell the driver what its Python worker goes on to do
    backend = "SELECT 1 FROM pg_stat_activity WHERE client_port = %s AND datname = current_database()"
    job.wait_for(lambda: not factless.warehouse(backend, port), "its COPY is committed")
    kill(executor)
    outcome = job.finish()
    assert outcome.code == 7, outcome.err[-3000:]
    assert "a task was repeated after its rows had landed; run again" in outcome.out
    assert factless.warehouse.value("SELECT count(*) FROM fact_sales") == 0
    assert counts(factless.load("fact_sales")) == expected_counts(new=PAYMENTS)
    assert factless.facts() == factless.source_facts()
    assert factless.staging_tables() == []


@long_running
def test_an_executor_killed_more_often_than_spark_retries(
    factless: Environment, workers: dict[str, Any], submit: Callable[..., Job]
) -> None:
    job = submit(factless, tries=1)
    with copying(job) as port:
        kill(executor_with(workers, lambda c: c.laddr.port == port))
    outcome = job.finish()
    assert outcome.code == 7, outcome.out[-3000:]
    why = "staging failed: a worker or an executor was killed, or out of memory -> nothing was published"
    assert why in outcome.out
    assert factless.warehouse.value("SELECT count(*) FROM fact_sales") == 0
