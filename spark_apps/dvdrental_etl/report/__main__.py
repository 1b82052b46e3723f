"""Command line: python -m dvdrental_etl.report CONFIG [--run ID] [--page FILE]."""

import argparse
import os
import sys
from pathlib import Path

from dvdrental_etl import config
from dvdrental_etl.errors import EtlError
from dvdrental_etl.report import page, text
from dvdrental_etl.report.read import read


def main() -> int:
    """Print the report of a run, and write its page; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m dvdrental_etl.report", description="The report of a run, from its record."
    )
    parser.add_argument("config", type=Path, nargs="?", help="JSON file with both databases")
    parser.add_argument("--run", metavar="ID", help="the run's name (default: the last run)")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the report as an HTML page, too")
    options = parser.parse_args()
    try:
        report = read(config.load(options.config, os.environ), options.run)
    except EtlError as error:
        print(f"report: error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    for line in text.lines(report):
        print(line)  # noqa: T201
    if options.page:
        page.write(report, options.page)
        print(f"page: {options.page.resolve().as_uri()}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
