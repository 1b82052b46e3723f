"""Command line of the sandbox: python -m sandbox up | spark | status | psql | down | fill | simulate."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from rich.console import Console

from sandbox import spark_cluster
from sandbox.access import READER, SOURCE, WAREHOUSE, WRITER
from sandbox.binaries import client_environment, wheel_install
from sandbox.errors import SandboxError
from sandbox.fill import DEFAULT_SEED, Content, Target, fill
from sandbox.postgres import HOST, SUPERUSER
from sandbox.progress import Progress
from sandbox.server import Sandbox
from sandbox.simulator.days import Business, Tally
from sandbox.simulator.live import Live
from sandbox.simulator.report import show

DEFAULT_DIRECTORY = Path(".sandbox")
Connect = Callable[[], Connection]


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    main_parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="An embedded rental business to run against: PostgreSQL 18 with the databases dvdrental "
        "(source) and warehouse, without Docker and without root. The data is for throwing away.",
        epilog="exit code: 0 done, 1 failed (one line says why), 2 wrong usage",
    )
    commands = main_parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="start the server; the first time, load dvdrental")
    add_content(up)
    up.add_argument(
        "--warehouse",
        choices=("postgres", "redshift"),
        default="postgres",
        help="what credentials.json names: PostgreSQL (default), or an emulator of Amazon Redshift, started as well",
    )
    add_directory(up)
    up.set_defaults(run=run_up)

    spark_parser = commands.add_parser(
        "spark", help="start a Spark cluster beside the server: a master, two workers"
    )
    add_directory(spark_parser)
    spark_parser.set_defaults(run=run_spark)

    status = commands.add_parser("status", help="what runs where, and what is in it")
    add_directory(status)
    status.set_defaults(run=run_status)

    psql = commands.add_parser("psql", help="open psql on a database, as the role that the jobs use there")
    psql.add_argument("database", nargs="?", default=WAREHOUSE, help="dvdrental or warehouse (default)")
    psql.add_argument("--superuser", action="store_true", help="as postgres, who may do anything")
    psql.add_argument("arguments", nargs="*", metavar="-- ARGS", help="what else psql shall get")
    add_directory(psql)
    psql.set_defaults(run=run_psql)

    down = commands.add_parser("down", help="stop the server; its data stays")
    down.add_argument("--purge", action="store_true", help="remove the data and all files of the sandbox")
    add_directory(down)
    down.set_defaults(run=run_down)

    fill_parser = commands.add_parser(
        "fill",
        help="load dvdrental into a database of your own",
        description="Loads dvdrental into the database that PGHOST, PGPORT, PGUSER, PGPASSWORD and "
        "PGDATABASE name. All or nothing; a database that has payments is left as it is.",
    )
    add_content(fill_parser)
    fill_parser.set_defaults(run=run_fill)
    add_simulate(commands)
    return main_parser


def add_simulate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """simulate, which goes on after the last day that it finds."""
    simulate = commands.add_parser(
        "simulate",
        help="let business days pass in dvdrental",
        description="Rentals, payments, moves, corrections, deletions: committed transactions in dvdrental, some of "
        "them out of order. Equal data, seed and days give equal content.",
    )
    what = simulate.add_mutually_exclusive_group(required=True)
    what.add_argument("--days", type=positive, metavar="N", help="so many business days, as fast as it goes")
    what.add_argument(
        "--live", type=rate, metavar="RATE", help="about RATE transactions a second, day after day"
    )
    simulate.add_argument("--seconds", type=positive, metavar="T", help="how long --live goes on")
    simulate.add_argument(
        "--seed",
        type=int,
        default=DEFAULT_SEED,
        metavar="S",
        help=f"other days of the same kind (default {DEFAULT_SEED})",
    )
    simulate.add_argument(
        "--start",
        type=day,
        metavar="DATE",
        help="the first business day, as 2007-05-15 (default: the day after the latest payment)",
    )
    add_directory(simulate)
    simulate.set_defaults(run=run_simulate)


def positive(text: str) -> int:
    """A whole number from 1 on. Raises ValueError."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def rate(text: str) -> float:
    """How many a second: above 0, up to 10,000. Raises ValueError."""
    if not 0 < (number := float(text)) <= 10_000:
        raise ValueError(text)
    return number


def day(text: str) -> date:
    """A date in ISO form. Raises ValueError."""
    return date.fromisoformat(text)


def add_content(command: argparse.ArgumentParser) -> None:
    """--dump, --scale, --seed."""
    what = command.add_mutually_exclusive_group()
    what.add_argument(
        "--dump", type=Path, metavar="FILE", help="restore this dump: .tar, .dump, .zip, .sql, .sql.gz"
    )
    what.add_argument(
        "--scale",
        type=float,
        metavar="X",
        help="generate X times dvdrental, 0.01 or more (1, the default: 14,596 payments; 300: 4.4 million)",
    )
    command.add_argument(
        "--seed", type=int, metavar="N", help=f"other data of the same kind (default {DEFAULT_SEED})"
    )


def add_directory(command: argparse.ArgumentParser) -> None:
    """--dir."""
    command.add_argument(
        "--dir",
        type=Path,
        default=DEFAULT_DIRECTORY,
        metavar="DIR",
        help="where the sandbox lives (default .sandbox)",
    )


def asked_content(options: argparse.Namespace) -> Content | None:
    """What --dump, --scale and --seed ask for; None if they were not given."""
    if options.dump is None and options.scale is None and options.seed is None:
        return None
    scale = 1.0 if options.scale is None else options.scale
    return Content(options.dump, scale, DEFAULT_SEED if options.seed is None else options.seed)


def run_up(options: argparse.Namespace) -> None:
    """Start, load, and say where it is."""
    sandbox = Sandbox(options.dir.resolve())
    changed = sandbox.up(asked_content(options), Progress.to_stderr())
    print(f"{'up' if changed else 'already up, nothing changed'}: {HOST}:{sandbox.port}, {sandbox.content()}")
    print(f"credentials for the jobs: {options.dir / 'credentials.json'}")
    if options.warehouse == "redshift":
        from redshift_emulator import background  # moto and sqlfluff take a second to load

        print(f"Redshift emulator: {background.start(sandbox)['warehouse']['url']}")
        print(f"its S3 and its certificate's authority: . {options.dir / background.ENVIRONMENT}")
    print(f"look inside: python -m sandbox psql{place(options.dir)}")


def run_spark(options: argparse.Namespace) -> None:
    """Start a Spark cluster, and say how jobs get there."""
    sandbox = Sandbox(options.dir.resolve())
    if sandbox.port is None:
        raise SandboxError(f"the sandbox in {options.dir} is down: start it with `up`")
    url = spark_cluster.start(sandbox.directory, lent_to_executors(sandbox.directory))["url"]
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
    print(f"the DAG on it: {command}{url}{place(options.dir)}")


def lent_to_executors(directory: Path) -> dict[str, str]:
    """How executors get into the S3 of the Redshift emulator, where one runs: from their own environment."""
    if not (directory / "redshift.json").exists():
        return {}
    from redshift_emulator import background

    return (background.running(directory) or {"environment": {}})["environment"]


def run_status(options: argparse.Namespace) -> None:
    """Port, databases, row counts."""
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
    """The tables that matter, with their rows: payment of a source, all of the schema dw of a warehouse."""
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
    """Become psql."""
    sandbox = Sandbox(options.dir.resolve())
    if sandbox.port is None:
        raise SandboxError(f"the sandbox in {options.dir} is down: start it with `up`")
    role = READER if options.database == SOURCE else WRITER
    program = wheel_install() / "bin" / "psql"
    environment = client_environment(
        PGPASSFILE=str(sandbox.directory / "pgpass"),
        PGHOST=HOST,
        PGPORT=str(sandbox.port),
        PGUSER=SUPERUSER if options.superuser else role,
        PGDATABASE=options.database,
    )
    os.execve(program, [str(program), *options.arguments], environment)  # noqa: S606 - no shell is meant


def run_down(options: argparse.Namespace) -> None:
    """Stop."""
    sandbox = Sandbox(options.dir.resolve())
    if not sandbox.exists():
        print(f"nothing to stop: no sandbox in {options.dir}")
        return
    if (sandbox.directory / "redshift.log").exists():
        from redshift_emulator import background

        background.stop(sandbox.directory, options.purge)
    spark_cluster.stop(sandbox.directory, options.purge)
    was_up = sandbox.down(purge=options.purge)
    print(f"{'down' if was_up else 'already down'}: its data {'is removed' if options.purge else 'stays'}")


def run_fill(options: argparse.Namespace) -> None:
    """Load into the database of the environment."""
    filled = fill(Target(), asked_content(options) or Content(), Progress.to_stderr())
    print("filled" if filled else "already filled, nothing changed: public.payment has rows")


def run_simulate(options: argparse.Namespace) -> None:
    """Let days pass, and say what happened."""
    sandbox = Sandbox(options.dir.resolve())
    if sandbox.content() is None:
        raise SandboxError(f"there is no {SOURCE} in {options.dir}: load it with `up`")
    begin = partial(sandbox.connect, SOURCE), options.seed, options.start
    try:
        tally = simulate_live(options, *begin) if options.live else simulate_days(options, *begin)
    except psycopg2.Error as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SandboxError(f"{SOURCE} broke off ({reason}): what was committed stays") from error
    show(tally, Console())


def simulate_days(options: argparse.Namespace, connect: Connect, seed: int, start: date | None) -> Tally:
    """--days, one line of progress for each."""
    progress = Progress.to_stderr()
    with Business(connect, seed, start) as business:
        for _ in range(options.days):
            with progress.step(f"{business.today}", "transactions") as add:
                add(business.day())
    return business.tally


def simulate_live(options: argparse.Namespace, connect: Connect, seed: int, start: date | None) -> Tally:
    """--live, one line of progress in all."""
    with (
        Progress.to_stderr().step("live", "transactions") as add,
        Live(connect, options.live, seed, start) as live,
    ):
        told = 0
        for _ in range(options.seconds):
            if not live.wait(1):
                break
            committed = live.committed
            add(committed - told)
            told = committed
    return live.tally


def place(directory: Path) -> str:
    """The option that names `directory`, if it must be given."""
    return "" if directory == DEFAULT_DIRECTORY else f" --dir {directory}"


def main() -> int:
    """Run one command; the exit code."""
    # argparse takes the first argument after -- for the database otherwise.
    ours, dashes, others = split_at_dashes(sys.argv[1:])
    options = parser().parse_args(ours)
    if dashes:
        if options.command != "psql":
            parser().error("only psql takes arguments after --")
        options.arguments = others
    if options.command in ("up", "fill") and options.dump and options.seed is not None:
        parser().error("--seed is for generated data: leave it out with --dump")
    if options.command == "simulate" and (options.live is None) != (options.seconds is None):
        parser().error("--live and --seconds go together")
    try:
        options.run(options)
    except (SandboxError, psycopg2.Error, OSError) as error:
        print(f"sandbox: {str(error).strip()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        simulated = options.command == "simulate"
        rest = "what was committed stays" if simulated else "the next `up` begins an unfinished load anew"
        print(f"sandbox: interrupted; {rest}", file=sys.stderr)
        return 1
    return 0


def split_at_dashes(arguments: list[str]) -> tuple[list[str], bool, list[str]]:
    """What lies before the first --, whether there is one, and what lies after it."""
    if "--" not in arguments:
        return arguments, False, []
    place_of_dashes = arguments.index("--")
    return arguments[:place_of_dashes], True, arguments[place_of_dashes + 1 :]


if __name__ == "__main__":
    sys.exit(main())
