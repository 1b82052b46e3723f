"""Check the published star in plain SQL that shares no code with the loads: by itself, and against the source.

sql_scripts/verify/*.sql         each one query on the warehouse; its first line, a comment, says what must hold, and
                                 its rows are what breaks that (see checks.py)
sql_scripts/verify/source,       pairs of queries of one name and shape; their rows must be equal, but for those that
sql_scripts/verify/warehouse     the source has changed since the last load of the table (see pairs.py, since.py)

After a run, what it wrote is checked (see written.py): all of a table whose load compared everything.
"""

import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from dvdrental_etl import config
from dvdrental_etl.config import Settings
from dvdrental_etl.errors import EtlError, SourceError, WarehouseError
from dvdrental_etl.verify import written
from dvdrental_etl.verify.checks import CHECKS, Parts, applies, broken
from dvdrental_etl.verify.compare import Row, differences
from dvdrental_etl.verify.pairs import Pair
from dvdrental_etl.verify.reader import Moment
from dvdrental_etl.verify.source_changes import mark_of
from dvdrental_etl.verify.written import FACT, TABLES, Table, Written, numbers_in, spans_of

#: Pairs of queries that give one row a member: name -> table.
MEMBERS = {table.name: table for table in written.DIMENSIONS} | {"movie_categories": TABLES["dim_movie"]}
#: The fact is big: sums of ranges say where its rows are worth a look.
RANGES, ROWS, DAYS = "facts_by_range", "facts", "payments_per_day"
log = logging.getLogger("dvdrental_etl")
SHOWN = 5
#: With more rows that wait for the next load, the days are not compared: every row of them has been.
MOST_LEFT_OUT = 100_000


@dataclass(frozen=True)
class Finding:
    """What must hold, and a row that breaks it."""

    check: str
    detail: str


@dataclass
class Report:
    """What verify found. changed: table and key of rows that differ because the source changed since the load."""

    findings: list[Finding] = field(default_factory=list)
    checks: int = 0
    changed: set[tuple[str, int]] = field(default_factory=set)

    @property
    def waiting(self) -> int:
        """How many rows wait for the next load."""
        return len(self.changed)

    def add(self, check: str, details: Iterable[str], count: int | None = None) -> None:
        """Note what a check found: the first SHOWN of it, and how much there is in all.

        count: how much that is, where the details are but the first of it.
        """
        self.checks += 1
        number = 0
        for number, detail in enumerate(details, start=1):
            if number <= SHOWN:
                self.findings.append(Finding(check, detail))
        if (count or number) > SHOWN:
            self.findings.append(
                Finding(check, f"these are the first {SHOWN} of {count or number} differences")
            )

    def summary(self) -> list[str]:
        """What to say at the end."""
        waits = f"{self.waiting} rows changed at the source since the load; the next load brings them"
        total = f"verify: {self.checks} checks, {len(self.findings)} findings"
        return [waits, total] if self.waiting else [total]


def run(configured: Settings, run_id: str | None = None) -> list[Finding]:
    """All findings, a few of each check; an empty list is a sound warehouse. The log gets the summary.

    run_id: the run whose writing is checked; None for everything.
    """
    report = examine(configured, run_id)
    for line in report.summary():
        log.info(line)
    return report.findings


def examine(configured: Settings, run_id: str | None = None) -> Report:
    """Run the checks. The warehouse's moment comes first: a load that ends meanwhile only makes the source older."""
    report = Report()
    with (
        Moment(configured.warehouse, "warehouse", WarehouseError) as warehouse,
        Moment(configured.source, "source", SourceError) as source,
    ):
        parts = {} if run_id is None else written.of_run(warehouse, run_id)
        with ThreadPoolExecutor(max_workers=1) as beside:
            facts = _pairs(source, warehouse, FACT)
            # What takes longest goes on in the source while the warehouse is checked by itself.
            sums = beside.submit(facts[RANGES].read_source) if facts and FACT.name not in parts else None
            _check(report, warehouse, parts)
            if facts:
                _compare_facts(report, facts, parts.get(FACT.name), sums)
            for table in written.DIMENSIONS:
                for pair in _pairs(source, warehouse, table).values():
                    _compare_members(report, pair, parts.get(table.name))
    return report


def _pairs(source: Moment, warehouse: Moment, table: Table) -> dict[str, Pair]:
    """The pairs of queries on a table by name; none if it was never loaded."""
    mark = mark_of(source, warehouse, table.name, table.grain)
    names = (RANGES, ROWS, DAYS) if table is FACT else (name for name in MEMBERS if MEMBERS[name] is table)
    return {name: Pair(name, table, source, warehouse, mark) for name in names} if mark else {}


def _check(report: Report, warehouse: Moment, parts: Parts) -> None:
    for check in CHECKS:
        if applies(check, parts):
            report.add(check, *broken(warehouse, check, parts, SHOWN))


def _compare_members(report: Report, pair: Pair, part: Written | None) -> None:
    """All members row by row; of a part, those of ranges where the keys or a member that was written differ."""
    waiting: set[int] = set()
    spans = None if part is None else spans_of({*numbers_in(part.spans), *pair.unequal(part)})
    report.add(pair.name, pair.judged(waiting, spans))
    report.changed |= {(pair.table.name, key) for key in waiting}


def _compare_facts(
    report: Report, pairs: Mapping[str, Pair], part: Written | None, sums: "Future[list[Row]] | None"
) -> None:
    """Ranges by their sums; row by row those that differ, or have rows in quarantine; money by day.

    Of a part, only ranges whose keys changed; and elsewhere the facts that were written, row by row.
    """
    rows = pairs[ROWS]
    if part is None:
        assert sums
        unequal = differences(sums.result(), pairs[RANGES].read_warehouse())
        suspects = {difference.key for difference in unequal} | {*rows.mark.quarantined}
    else:
        suspects = pairs[RANGES].unequal_sums(part.spans) | rows.unequal(part)
    waiting: set[int] = set()
    report.add(ROWS, rows.judged(waiting, spans_of(suspects)))
    report.changed |= {(FACT.name, key) for key in waiting}
    if part is None and len(waiting) <= MOST_LEFT_OUT:
        days, left_out = pairs[DAYS], tuple(waiting) or (-(2**63),)  # an empty list is no SQL
        report.add(DAYS, map(days.told, days.differences(left_out=left_out)))


def main(argv: Sequence[str]) -> int:
    """`python -m dvdrental_etl.verify [CONFIG]`: print findings; exit code 5 if there are any."""
    import os

    try:
        report = examine(config.load(Path(argv[0]) if argv else None, os.environ))
    except EtlError as error:
        print(f"verify: error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    for finding in report.findings:
        print(f"{finding.check}: {finding.detail}")  # noqa: T201
    for line in report.summary():
        print(line)  # noqa: T201
    return 5 if report.findings else 0
