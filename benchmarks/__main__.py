"""Command line of the benchmark: python -m benchmarks."""

import argparse
import datetime as dt
import json
import signal
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.bench import rounds
from benchmarks.errors import BenchError
from benchmarks.ground import ROOT, Ground
from benchmarks.kinds import KINDS, Setting, chosen
from benchmarks.lineup import BENCH_PYTHON, Suite
from benchmarks.machine import machine, versions
from benchmarks.measure import MEMORY
from benchmarks.results import Result
from benchmarks.show import show
from local_airflow.errors import DemoError
from local_airflow.runtime import terminate_like_interrupt
from sandbox.access import SOURCE
from sandbox.errors import SandboxError
from sandbox.fill import Content

WIDTH = 110  # of the table in a file
FOLDER = ROOT / ".bench"
RESULTS = ROOT / "benchmarks" / "results"

ABOUT = """This suite beside other ways to do the same work, in one run, in turn.

what:
  full       fact_sales, everything: suite, plain and tuned Spark JDBC, DuckDB, dlt, and PostgreSQL alone: a join in
             the source, COPY out piped to COPY in
  dag        all five tables into an empty warehouse: the DAG in a real Airflow, and the plain design's five scripts
  night      0.1 %% of the payments changed: the suite brings what changed, DuckDB loads everything again
  dag-night  the DAG of such a night at this scale, and at scale 1
"""
RULES = """Each run is a whole program, from start to exit, on a fresh clone of a warehouse whose dimensions are
loaded; clone and checkpoint are not timed. Each writes the same table: the columns, primary key and index of
sql_scripts, surrogate keys looked up by the version that was valid at the payment. Its rows are held against
SQL on the source after each run: a wrong table ends the benchmark with exit code 1. Who dies or exceeds
--limit is recorded so and left out from then on.

Sandboxes stay in .bench (scale-N, dump) for the next run: `python -m sandbox down --purge --dir .bench/scale-N`
removes one.
Nothing in them is synced to disk (fsync off), for all contenders alike."""


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=ABOUT,
        epilog=RULES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--what", choices=KINDS, default="full", help="what is measured (default full)")
    data = made.add_mutually_exclusive_group()
    data.add_argument(
        "--scale", type=float, default=30, help="times the real dvdrental (default 30: 437,880 payments)"
    )
    data.add_argument("--dump", type=Path, metavar="FILE", help="this dump, not generated data")
    made.add_argument("--rounds", type=int, default=5, help="how often each runs (default 5)")
    made.add_argument("--only", default="", metavar="A,B", help="only these contenders, as suite,duckdb")
    made.add_argument(
        "--limit", type=float, default=1800, metavar="S", help="seconds for one program (default 1800)"
    )
    return made


def measure(options: argparse.Namespace, console: Console, folder: Path) -> Result:
    """Run a benchmark in `folder`, which keeps the sandboxes."""

    def say(text: str) -> None:
        console.print(f"[dim]{dt.datetime.now(dt.UTC):%H:%M:%S}[/dim]  {text}")

    ground = Ground(folder, Content(options.dump, options.scale), say)
    suite = Suite(ground.work)
    with ground.up():
        if suite.train(ground.place("warehouse").config):
            say("Spark has made an archive of its classes, as at the set-up of the product")
        with KINDS[options.what](Setting(ground, suite, options.limit)) as plan:
            entries = chosen(plan, [name for name in options.only.split(",") if name])
            runs = rounds(entries, options.rounds, say, plan.before)
            return Result(
                what=options.what,
                about=plan.about,
                data=ground.name,
                rows=ground.facts(),
                changed=plan.changed,
                date=f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
                machine=machine(),
                versions=versions(ground.rows("SHOW server_version", SOURCE)[0][0]),
                memory=MEMORY,
                titles={entry.name: entry.title for entry in entries},
                runs=runs,
            )


def keep(result: Result, folder: Path) -> Path:
    """Write the result as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.slug}.json"
    path.write_text(json.dumps(result.document(), indent=2) + "\n")
    return path


def main() -> int:
    """Run one benchmark; the exit code."""
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, terminate_like_interrupt)
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH
    try:
        result = measure(options, console, FOLDER)
    except (BenchError, DemoError, SandboxError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: what ran is stopped, the sandbox's data stays\n")
        return 130
    show(result, console)
    console.print(f"kept in {keep(result, RESULTS).relative_to(ROOT)}")
    if BENCH_PYTHON.exists():
        subprocess.run([BENCH_PYTHON, "-m", "benchmarks.chart"], cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
