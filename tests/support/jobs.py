"""Jobs that a test runs: in this process or with an environment for their own, and how they end."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.engines import SETTINGS
from tests.support.paths import SPARK_APPS


@dataclass(frozen=True)
class Outcome:
    """How a job ended, and its output."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The line for people."""
        lines = [line for line in self.err.splitlines() if "error:" in line]
        assert len(lines) == 1, f"not exactly one error line:\n{self.err}"
        return lines[0]


def run_in_process(table: str, *argv: str) -> Outcome:
    """The script's main() in this process."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            importlib.import_module(f"load_{table}").main(list(argv))
        except SystemExit as end:
            code = int(end.code or 0)
    return Outcome(code, out.getvalue(), err.getvalue())


def write_config(path: Path, credentials: dict[str, Any], **changes: dict[str, str]) -> Path:
    """A credentials.json with some keys changed, given by section."""
    document = {name: dict(part) | changes.get(name, {}) for name, part in credentials.items()}
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return path


#: A job of a few rows ends before the optimizing compiler has paid for itself: half the CPU time of its process.
SMALL_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def job_environment(**more: str) -> dict[str, str]:
    """This process's environment as a job's own process gets it: no setting of ours leaks in, but for a small Java."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("DVDRENTAL_", "PG", "PYSPARK_", "SPARK_"))
    }
    return kept | {"JDK_JAVA_OPTIONS": SMALL_JAVA} | SETTINGS | more


def start_script(table: str, config: Path) -> subprocess.Popen[str]:
    """A table's script in a process group of its own, by plain Python."""
    return subprocess.Popen(
        [sys.executable, str(SPARK_APPS / f"load_{table}.py"), "--config", str(config)],
        env=job_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def counts(outcome: Outcome) -> dict[str, int]:
    """The numbers of the line that a job prints, but for what it read."""
    return {name: number for name, number in _numbers(outcome).items() if name != "read"}


def rows_read(outcome: Outcome) -> int:
    """How many rows of the grain a job read."""
    return _numbers(outcome)["read"]


def _numbers(outcome: Outcome) -> dict[str, int]:
    text = outcome.out.strip().rsplit(": ", 1)[1]
    return {name: int(number) for number, name in (part.split(" ") for part in text.split(", "))}


def expected_counts(**others: int) -> dict[str, int]:
    """A whole set of counts, of which only those that are not 0 are named."""
    return {"new": 0, "changed": 0, "expired": 0, "deleted": 0, "quarantined": 0} | others
