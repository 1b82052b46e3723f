"""The sandbox's commands: each takes parsed options, does its work and prints the result."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from rich.console import Console

from sandbox import spark_cluster
from sandbox.access import READER, SOURCE, WAREHOUSE, WAREHOUSE_SCHEMA, WRITER, warehouse_kind
from sandbox.binaries import client_environment, wheel_install
from sandbox.errors import SandboxError
from sandbox.fill import DEFAULT_SEED, Content, Target, fill
from sandbox.postgres import HOST, SUPERUSER
from sandbox.progress import Progress
from sandbox.server import Sandbox
from sandbox.simulator.days import Business
from sandbox.simulator.live import Live
from sandbox.simulator.report import show
from sandbox.simulator.tally import Tally

DEFAULT_DIRECTORY = Path(".sandbox")
Connect = Callable[[], Connection]


def requested_content(options: argparse.Namespace) -> Content | None:
    """The content that --dump, --scale and --seed name; None if none of them was given."""
    if options.dump is None and options.scale is None and options.seed is None:
        return None
    scale = 1.0 if options.scale is None else options.scale
    return Content(options.dump, scale, DEFAULT_SEED if options.seed is None else options.seed)


def run_up(options: argparse.Namespace) -> None:
    """Start the server, load the data, and print how to reach it."""
    sandbox = Sandbox(options.dir.resolve())
    warehouse = options.warehouse or warehouse_kind(sandbox.directory)
    changed = sandbox.up(requested_content(options), Progress.to_stderr())
    print(f"{'up' if changed else 'already up, nothing changed'}: {HOST}:{sandbox.port}, {sandbox.content()}")
    print(f"credentials for the jobs: {options.dir / 'credentials.json'}")
    if warehouse == "redshift":
        from redshift_emulator import background  # moto and sqlfluff take a second to load

        print(f"Redshift emulator: {background.start(sandbox)['warehouse']['url']}")
        print(f"environment for its S3 and its certificate: . {options.dir / background.ENVIRONMENT}")
    print(f"query it: python -m sandbox psql{directory_option(options.dir)}")


def run_spark(options: argparse.Namespace) -> None:
    """Start a Spark cluster, and print how to run jobs on it."""
    sandbox = Sandbox(options.dir.resolve())
    if sandbox.port is None:
        raise SandboxError(f"the sandbox in {options.dir} is down: start it with `up`")
    url = spark_cluster.start(sandbox.directory, executor_environment(sandbox.directory))["url"]
    print(
        f"Spark cluster: {url}, {spark_cluster.WORKERS} workers of {spark_cluster.CORES} core"
        f" and {spark_cluster.MEMORY}"
    )
    config = options.dir / "credentials.json"
    print(
        f"a script on it: SPARK_LOCAL_IP={HOST} spark-submit --master {url} spark_apps/load_fact_sales.py"
        f" --config {config}"
    )
    here = options.dir == DEFAULT_DIRECTORY
    command = "make demo MASTER=" if here else "python -m local_airflow run --master "
    print(f"the DAG on it: {command}{url}{directory_option(options.dir)}")


def executor_environment(directory: Path) -> dict[str, str]:
    """The variables by which executors reach the S3 of the Redshift emulator; empty if none runs."""
    if not (directory / "redshift.json").exists():
        return {}
    from redshift_emulator import background

    return (background.running(directory) or {"environment": {}})["environment"]


def run_status(options: argparse.Namespace) -> None:
    """Print port, databases and row counts."""
    sandbox = Sandbox(options.dir.resolve())
    if sandbox.port is None:
        print(f"down: nothing runs in {options.dir}")
        return
    print(f"up: {HOST}:{sandbox.port}")
    with sandbox.superuser() as connection, connection.cursor() as cursor:
        for database in sandbox.databases():
            cursor.execute("SELECT pg_size_pretty(pg_database_size(%s))", (database,))
            (size,) = cursor.fetchone() or ("",)
            what = sandbox.content(database) if database == SOURCE else ""
            print(f"  {database:<20}{size:>10}  {what}".rstrip())
            for table, rows in row_counts(sandbox, database):
                print(f"    {table:<28}{rows:>12,} rows")
    pgpass = options.dir.resolve() / "pgpass"
    print(f"psql: PGPASSFILE={pgpass} psql -h {HOST} -p {sandbox.port} -U {WRITER} {WAREHOUSE}")


def row_counts(sandbox: Sandbox, database: str) -> list[tuple[str, int]]:
    """Row counts of the main tables: payment of a source, all of the schema dw of a warehouse."""
    with sandbox.superuser(database) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname = 'dw' OR (schemaname, tablename) = ('public', 'payment') ORDER BY 1, 2"
        )
        counts = []
        for schema, table in cursor.fetchall():
            cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table)))
            counts.append((f"{schema}.{table}", (cursor.fetchone() or (0,))[0]))
        return counts


def run_psql(options: argparse.Namespace) -> None:
    """Replace this process by psql."""
    sandbox = Sandbox(options.dir.resolve())
    if sandbox.port is None:
        raise SandboxError(f"the sandbox in {options.dir} is down: start it with `up`")
    role, schema = (READER, "public") if options.database == SOURCE else (WRITER, WAREHOUSE_SCHEMA)
    program = wheel_install() / "bin" / "psql"
    environment = client_environment(
        PGPASSFILE=str(sandbox.directory / "pgpass"),
        PGHOST=HOST,
        PGPORT=str(sandbox.port),
        PGUSER=SUPERUSER if options.superuser else role,
        PGDATABASE=options.database,
        PGOPTIONS=f"-c search_path={schema}",
    )
    os.execve(program, [str(program), *options.arguments], environment)  # noqa: S606 - psql, without a shell


def run_down(options: argparse.Namespace) -> None:
    """Stop all servers of the sandbox."""
    sandbox = Sandbox(options.dir.resolve())
    if not sandbox.exists():
        print(f"nothing to stop: no sandbox in {options.dir}")
        return
    if (sandbox.directory / "redshift.log").exists():
        from redshift_emulator import background

        background.stop(sandbox.directory, options.purge)
    spark_cluster.stop(sandbox.directory, options.purge)
    was_up = sandbox.down(purge=options.purge)
    print(f"{'down' if was_up else 'already down'}: its data {'is deleted' if options.purge else 'stays'}")


def run_fill(options: argparse.Namespace) -> None:
    """Load into the database that the environment names."""
    filled = fill(Target(), requested_content(options) or Content(), Progress.to_stderr())
    print("filled" if filled else "already filled, nothing changed: public.payment has rows")


def run_simulate(options: argparse.Namespace) -> None:
    """Simulate business, and print what was done."""
    sandbox = Sandbox(options.dir.resolve())
    if sandbox.content() is None:
        raise SandboxError(f"there is no {SOURCE} in {options.dir}: load it with `up`")
    begin = partial(sandbox.connect, SOURCE), options.seed, options.start
    try:
        tally = simulate_live(options, *begin) if options.live else simulate_days(options, *begin)
    except psycopg2.Error as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SandboxError(
            f"the connection to {SOURCE} failed ({reason}): committed transactions stay"
        ) from error
    show(tally, Console())


def simulate_days(options: argparse.Namespace, connect: Connect, seed: int, start: date | None) -> Tally:
    """--days, with one line of progress for each day."""
    progress = Progress.to_stderr()
    with Business(connect, seed, start) as business:
        for _ in range(options.days):
            with progress.step(f"{business.today}", "transactions") as add:
                add(business.day())
    return business.tally


def simulate_live(options: argparse.Namespace, connect: Connect, seed: int, start: date | None) -> Tally:
    """--live, with one line of progress in total."""
    with (
        Progress.to_stderr().step("live", "transactions") as add,
        Live(connect, options.live, seed, start) as live,
    ):
        reported = 0
        for _ in range(options.seconds):
            if not live.wait(1):
                break
            committed = live.committed
            add(committed - reported)
            reported = committed
    return live.tally


def directory_option(directory: Path) -> str:
    """--dir as a user must give it; empty for the default directory."""
    return "" if directory == DEFAULT_DIRECTORY else f" --dir {directory}"
