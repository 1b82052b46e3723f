"""The sandbox's command line: the commands and their options."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import TypeAlias

from sandbox import commands as sandbox_commands
from sandbox.access import WAREHOUSE
from sandbox.fill import DEFAULT_SEED

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; `options.run` is the function that executes the command."""
    main_parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A DVD rental business to run against: PostgreSQL 18 with the databases dvdrental "
        "(source) and warehouse, without Docker and without root. Its data is disposable.",
        epilog="exit code: 0 done, 1 failed (one line says why), 2 wrong usage",
    )
    commands = main_parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_up(commands)
    spark_parser = commands.add_parser(
        "spark", help="start a Spark cluster beside the server: one master, two workers"
    )
    add_directory(spark_parser)
    spark_parser.set_defaults(run=sandbox_commands.run_spark)

    status = commands.add_parser("status", help="show port, databases and row counts")
    add_directory(status)
    status.set_defaults(run=sandbox_commands.run_status)

    add_psql(commands)
    down = commands.add_parser("down", help="stop the server; its data stays")
    down.add_argument(
        "--purge", action="store_true", help="also delete the data and all files of the sandbox"
    )
    add_directory(down)
    down.set_defaults(run=sandbox_commands.run_down)

    add_fill(commands)
    add_simulate(commands)
    return main_parser


def add_up(commands: Commands) -> None:
    """up: server and data."""
    up = commands.add_parser("up", help="start the server; the first time, load dvdrental")
    add_content(up)
    up.add_argument(
        "--warehouse",
        choices=("postgres", "redshift"),
        help="the warehouse that credentials.json names: PostgreSQL, or an emulator of Amazon Redshift, which is "
        "started too (default: as it was, at first PostgreSQL)",
    )
    add_directory(up)
    up.set_defaults(run=sandbox_commands.run_up)


def add_psql(commands: Commands) -> None:
    """psql, with any options of psql after --."""
    psql = commands.add_parser("psql", help="open psql on a database, as the role that the jobs use there")
    psql.add_argument("database", nargs="?", default=WAREHOUSE, help="dvdrental or warehouse (default)")
    psql.add_argument("--superuser", action="store_true", help="connect as the superuser postgres")
    psql.add_argument("arguments", nargs="*", metavar="-- ARGS", help="arguments that are passed on to psql")
    add_directory(psql)
    psql.set_defaults(run=sandbox_commands.run_psql)


def add_fill(commands: Commands) -> None:
    """fill: data into a database outside of the sandbox."""
    fill_parser = commands.add_parser(
        "fill",
        help="load dvdrental into any PostgreSQL database",
        description="Loads dvdrental into the database that PGHOST, PGPORT, PGUSER, PGPASSWORD and "
        "PGDATABASE name, in one transaction. A database that already has payments is not changed.",
    )
    add_content(fill_parser)
    fill_parser.set_defaults(run=sandbox_commands.run_fill)


def add_simulate(commands: Commands) -> None:
    """simulate: business days after the latest day in the data."""
    simulate = commands.add_parser(
        "simulate",
        help="simulate business days in dvdrental",
        description="Rentals, payments, changes of address, corrections, deletions: committed transactions in "
        "dvdrental, some of them out of order. Equal data, seed and days give equal content.",
    )
    what = simulate.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--days", type=positive, metavar="N", help="this number of business days, as fast as possible"
    )
    what.add_argument(
        "--live", type=rate, metavar="RATE", help="about RATE transactions a second, day after day"
    )
    simulate.add_argument("--seconds", type=positive, metavar="T", help="duration of --live in seconds")
    simulate.add_argument(
        "--seed",
        type=int,
        default=DEFAULT_SEED,
        metavar="S",
        help=f"seed of the random numbers (default {DEFAULT_SEED})",
    )
    simulate.add_argument(
        "--start",
        type=day,
        metavar="DATE",
        help="the first business day, as 2007-05-15 (default: the day after the latest payment)",
    )
    add_directory(simulate)
    simulate.set_defaults(run=sandbox_commands.run_simulate)


def positive(text: str) -> int:
    """An integer of 1 or more. Raises ValueError."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def rate(text: str) -> float:
    """Transactions a second: above 0, up to 10,000. Raises ValueError."""
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
        help="generate data of X times the size of dvdrental, 0.01 or more (1, the default: 14,596 payments; "
        "300: 4.4 million)",
    )
    command.add_argument(
        "--seed", type=int, metavar="N", help=f"seed of the random numbers (default {DEFAULT_SEED})"
    )


def add_directory(command: argparse.ArgumentParser) -> None:
    """--dir."""
    command.add_argument(
        "--dir",
        type=Path,
        default=sandbox_commands.DEFAULT_DIRECTORY,
        metavar="DIR",
        help="folder of the sandbox (default .sandbox)",
    )
