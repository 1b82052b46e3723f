"""The command line of every script."""

import argparse
import datetime as dt
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dvdrental_etl import config
from dvdrental_etl.model.contract import tables_in
from dvdrental_etl.model.sentinels import END_OF_TIME
from dvdrental_etl.model.targets import FIRST_VERSION, Target

EXIT_CODES = """exit codes:
  0 done                      4 source unreachable, or its contract broken
  1 unexpected: a defect      5 gate refused: the data broke a promise, nothing was published
  2 usage                     6 fenced or locked: another attempt owns the table
  3 configuration             7 warehouse

Without --config the file is config/credentials.json. Environment variables override it:
"""
VARIABLES = ", ".join(f"DVDRENTAL_{section}_{key}".upper() for section, key, _ in config.KEYS)
EPILOG = EXIT_CODES + textwrap.fill(f"{VARIABLES}, DVDRENTAL_LIMITS_...", 100) + "\n"

#: A version of a member is valid from its as_of on: within these two.
FIRST_AS_OF, END_OF_AS_OF = map(dt.datetime.fromisoformat, (FIRST_VERSION, END_OF_TIME))


@dataclass(frozen=True)
class Options:
    """The command line. as_of: on the source's clock, None for its time at the start."""

    config: Path | None
    as_of: dt.datetime | None
    full_refresh: bool
    dry_run: bool
    allow_mass_delete: bool
    batch_id: str | None
    debug: bool


def parse(target: Target, description: str, argv: Sequence[str] | None) -> Options:
    """Read the command line; argparse ends the process with exit code 2 on a wrong one."""
    parser = argparse.ArgumentParser(
        prog=f"load_{target.table}.py",
        description=description,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="JSON file with source and warehouse")
    parser.add_argument(
        "--as-of",
        type=_timestamp,
        metavar="TS",
        help="the time that this run stands for, as 2007-05-14T13:44:29 on the source's clock;"
        " changes without a timestamp in the source get this one (default: the source's clock at the start)",
    )
    parser.add_argument(
        "--full-refresh",
        action="store_true",
        help="compare everything with the source and write only what differs",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the plan (new, changed, expired, deleted, quarantined) and write nothing",
    )
    parser.add_argument(
        "--allow-mass-delete",
        action="store_true",
        help="publish although the source is empty or much of the table would be deleted",
    )
    parser.add_argument(
        "--batch-id",
        type=_run_id,
        metavar="ID",
        help="join the run of that name, such as an Airflow run_id (default: a separate run)",
    )
    parser.add_argument("--debug", action="store_true", help="show stack traces and Spark's own log")
    return Options(**vars(parser.parse_args(argv)))


def _timestamp(text: str) -> dt.datetime:
    try:
        timestamp = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a timestamp such as 2007-05-14T13:44:29") from None
    if timestamp.tzinfo:
        raise argparse.ArgumentTypeError("as_of is on the source's clock and has no zone")
    if not FIRST_AS_OF <= timestamp < END_OF_AS_OF:
        raise argparse.ArgumentTypeError(f"as_of lies from {FIRST_AS_OF:%Y-%m-%d} to before 9999-12-31")
    return timestamp


def _run_id(text: str) -> str:
    longest = next(column.bytes for column in tables_in("etl_audit")["etl_batch"] if column.name == "run_id")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise argparse.ArgumentTypeError("the ID is not UTF-8")
    if longest is not None and len(text.encode()) > longest:
        raise argparse.ArgumentTypeError(f"the ID has more than {longest} bytes")
    return text
