"""The jobs' package in a task's own process, and what a job prints for the scheduler."""

import importlib
import re
import sys
from collections.abc import Mapping
from typing import Any

from dvdrental.connections import ROOT

SPARK_APPS = ROOT / "spark_apps"

#: A job's last line: what it did. And its line for people: what went wrong.
RESULT = re.compile(r"\w+: (published|plan, nothing written): (?P<rows>\d+ read, .*)$")
AMOUNTS = re.compile(r"\w+: +[\d.]+ s: amounts: (?P<amounts>.*)$")
ERROR = re.compile(r"load_\w+(\.py)?: error: (?P<problem>.+)$")
WARNING = re.compile(r"\w+: +[\d.]+ s: warning: (?P<warning>.*)")
INFERRED = re.compile(r"(?P<members>\d+) inferred members of (?P<dimension>\w+)$")
#: Java and Spark say this at every start; nobody has to do anything about it.
NOISE = (
    "Using incubator modules",
    "package sun.security.action not in java.base",
    "Unable to load native-hadoop library",
)
#: The counts that tell whether a load changed its table.
CHANGES = ("new", "changed", "expired", "deleted")


def job_module(name: str) -> Any:
    """A module of the jobs' package. Never called at parse time: its imports would slow down every parse."""
    if str(SPARK_APPS) not in sys.path:
        sys.path.insert(0, str(SPARK_APPS))
    return importlib.import_module(f"dvdrental_etl.{name}")


def numbers(result: str, amounts: str) -> dict[str, Any]:
    """The numbers of a result line: rows by kind; for a fact also rows and, as text, amounts on each side."""
    found = RESULT.match(result)
    assert found, result
    rows: dict[str, Any] = {kind: int(count) for count, kind in re.findall(r"(\d+) (\w+)", found["rows"])}
    for side, amount, count in re.findall(r"(\w+) (\S+) \((\d+) rows\)", amounts):
        rows |= {f"{side}_amount": amount, f"{side}_rows": int(count)}
    return rows


def changes(
    table: str, loaded: Mapping[str, Any], inferred: Mapping[str, int]
) -> dict[str, Mapping[str, Any]]:
    """The tables that a load with these numbers changed, and how: its own, and dimensions that got inferred members."""
    changed: dict[str, Mapping[str, Any]] = {
        dimension: {"inferred": members} for dimension, members in inferred.items()
    }
    return changed | ({table: loaded} if any(loaded[kind] for kind in CHANGES) else {})


class JobLog:
    """Takes the place of the Spark hook's logger: gives a job's lines their level, and keeps those that matter."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.result = self.amounts = self.problem = ""
        #: Members that a fact made in its dimensions, by dimension.
        self.inferred: dict[str, int] = {}

    def info(self, line: str, *values: object) -> None:
        """One line of the job's output, or of the hook."""
        if error := ERROR.match(line):
            self.problem = error["problem"]  # shown last: see failures.py
        elif warned := WARNING.match(line):
            if found := INFERRED.search(warned["warning"]):
                self.inferred[found["dimension"]] = int(found["members"])
            self._log.warning(line, *values)
        elif not any(noise in line for noise in NOISE):
            self.result = line if RESULT.match(line) else self.result
            self.amounts = found["amounts"] if (found := AMOUNTS.match(line)) else self.amounts
            self._log.info(line, *values)

    def __getattr__(self, level: str) -> Any:
        return getattr(self._log, level)
