"""Command line of the benchmark: python -m benchmarks."""

import argparse
import datetime as dt
import json
import signal
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.errors import BenchError
from benchmarks.fixtures import ROOT, Fixtures
from benchmarks.launch import BENCH_PYTHON, Suite
from benchmarks.machine import machine, versions
from benchmarks.measure import MEMORY
from benchmarks.results import Result
from benchmarks.rounds import run_rounds
from benchmarks.scenarios import SCENARIOS, Setup, selected
from benchmarks.show import show
from local_airflow.errors import LocalAirflowError
from local_airflow.runtime import terminate_like_interrupt
from sandbox.access import SOURCE
from sandbox.errors import SandboxError
from sandbox.fill import Content

WIDTH = 110  # of the table when stdout is not a terminal
FOLDER = ROOT / ".bench"
RESULTS = ROOT / "benchmarks" / "results"

ABOUT = """Compares this suite with other tools that do the same work. All run in turn, in one benchmark.

what:
  full       fact_sales, everything: suite on Spark and on Sail, plain and tuned Spark JDBC, DuckDB, dlt, and
             PostgreSQL alone (a join in the source, COPY out piped to COPY in)
  dag        all five tables into an empty warehouse: the DAG in a real Airflow on Spark and on Sail, and the plain
             design's five scripts
  night      0.1 %% of the payments changed: the suite loads the changes, DuckDB loads everything again
  dag-night  the DAG of such a night at this scale, and at scale 1
"""
RULES = """Each run is a whole program, from start to exit, on a new clone of a warehouse with loaded dimensions.
Clone and checkpoint are not timed. Each writes the same table: the columns, primary key and index of sql_scripts, and
the surrogate keys of the versions that were valid at the time of the payment. Its rows are compared with SQL on the
source after each run: a wrong table ends the benchmark with exit code 1. A contender that fails or exceeds --limit is
recorded as such, and is not run again.

Sandboxes stay in .bench (scale-N, dump) for the next run: `python -m sandbox down --purge --dir .bench/scale-N`
deletes one. They do not sync to disk (fsync off), for all contenders alike."""


def parser() -> argparse.ArgumentParser:
    """The command line options."""
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=ABOUT,
        epilog=RULES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments.add_argument(
        "--what", choices=SCENARIOS, default="full", help="the benchmark to run (default full)"
    )
    data = arguments.add_mutually_exclusive_group()
    data.add_argument(
        "--scale",
        type=float,
        default=30,
        help="times the size of the real dvdrental (default 30: 437,880 payments)",
    )
    data.add_argument("--dump", type=Path, metavar="FILE", help="restore this dump instead of generated data")
    arguments.add_argument(
        "--rounds", type=int, default=5, help="number of runs of each contender (default 5)"
    )
    arguments.add_argument(
        "--only", default="", metavar="A,B", help="only these contenders, for example suite,duckdb"
    )
    arguments.add_argument(
        "--limit",
        type=float,
        default=1800,
        metavar="S",
        help="time limit of one program in seconds (default 1800)",
    )
    return arguments


def measure(options: argparse.Namespace, console: Console, folder: Path) -> Result:
    """Run a benchmark. `folder` contains the sandboxes."""

    def log(text: str) -> None:
        console.print(f"[dim]{dt.datetime.now(dt.UTC):%H:%M:%S}[/dim]  {text}")

    fixtures = Fixtures(folder, Content(options.dump, options.scale), log)
    suite = Suite(fixtures.work)
    with fixtures.up():
        if suite.train(fixtures.pair("warehouse").config):
            log("Spark has created an archive of its classes, as the set-up of the suite does")
        with SCENARIOS[options.what](Setup(fixtures, suite, options.limit)) as plan:
            entries = selected(plan, [name for name in options.only.split(",") if name])
            runs = run_rounds(entries, options.rounds, log, plan.before)
            return Result(
                what=options.what,
                about=plan.about,
                data=fixtures.name,
                rows=fixtures.payments(),
                changed=plan.changed,
                date=f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
                machine=machine(),
                versions=versions(fixtures.rows("SHOW server_version", SOURCE)[0][0]),
                memory=MEMORY,
                titles={entry.name: entry.title for entry in entries},
                runs=runs,
            )


def save(result: Result, folder: Path) -> Path:
    """Write the result as JSON; returns the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.slug}.json"
    path.write_text(json.dumps(result.document(), indent=2) + "\n")
    return path


def main() -> int:
    """Run one benchmark; returns the exit code."""
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, terminate_like_interrupt)
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH
    try:
        result = measure(options, console, FOLDER)
    except (BenchError, LocalAirflowError, SandboxError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: all programs are stopped, the sandbox's data stays\n")
        return 130
    show(result, console)
    console.print(f"saved as {save(result, RESULTS).relative_to(ROOT)}")
    if BENCH_PYTHON.exists():
        subprocess.run([BENCH_PYTHON, "-m", "benchmarks.chart"], cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
