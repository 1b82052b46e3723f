"""Check the published star in plain SQL that shares no code with the loads: by itself, and against the source.

sql_scripts/verify/*.sql         each one query on the warehouse; its first line, a comment, says what must hold, and
                                 its rows are what breaks that
sql_scripts/verify/source,       pairs of queries of one name and shape; their rows must be equal, but for those that
sql_scripts/verify/warehouse     the source has changed since the last load of the table (see since.py)
"""

import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dvdrental_etl import settings
from dvdrental_etl.compare import RANGE_BITS, Difference, Row, by_range, differences, rows_of
from dvdrental_etl.contract import script
from dvdrental_etl.errors import EtlError, SourceError, WarehouseError
from dvdrental_etl.moment import Moment
from dvdrental_etl.settings import Settings
from dvdrental_etl.since import Mark, Since, mark_of

CHECKS = (
    "tables_name_their_last_load",
    "loads_count_up",
    "fact_joins_every_dimension",
    "fact_is_keyed_by_the_version_of_its_time",
    "fact_agrees_with_its_last_load",
    "rows_name_known_batches",
    "members_have_one_current_version",
    "members_are_deleted_once",
    "versions_follow_each_other",
    "versions_share_what_has_no_history",
    "inferred_members_are_known_by_key_only",
    "row_hash_fits_what_is_tracked",
    "every_dimension_has_unknown",
    "calendar_is_right",
    "keys_are_unique",
    "keys_are_dense",
    "dimensions_agree_with_their_last_load",
    "ranges_hold_what_their_load_counted",
)
#: Pairs of queries that give one row a member: name -> (table, the source table of its members).
MEMBERS = {
    "dim_customer": ("dim_customer", "customer"),
    "dim_movie": ("dim_movie", "film"),
    "movie_categories": ("dim_movie", "film"),
    "dim_store": ("dim_store", "store"),
    "dim_staff": ("dim_staff", "staff"),
}
#: The fact is big: sums of ranges say where its rows are worth a look.
RANGES, ROWS, DAYS = "facts_by_range", "facts", "payments_per_day"
FACT = "fact_sales", "payment"
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

    def add(self, check: str, details: Iterator[str]) -> None:
        """Note what a check found: the first SHOWN of it, and how much there is in all."""
        self.checks += 1
        count = 0
        for count, detail in enumerate(details, start=1):
            if count <= SHOWN:
                self.findings.append(Finding(check, detail))
        if count > SHOWN:
            self.findings.append(Finding(check, f"these are the first {SHOWN} of {count} differences"))

    def summary(self) -> list[str]:
        """What to say at the end."""
        waits = f"{self.waiting} rows changed at the source since the load; the next load brings them"
        total = f"verify: {self.checks} checks, {len(self.findings)} findings"
        return [waits, total] if self.waiting else [total]


def run(configured: Settings) -> list[Finding]:
    """All findings, a few of each check; an empty list is a sound warehouse. The log gets the summary."""
    report = examine(configured)
    for line in report.summary():
        log.info(line)
    return report.findings


def examine(configured: Settings) -> Report:
    """Run all checks. The warehouse's moment comes first: a load that ends meanwhile only makes the source older."""
    report = Report()
    with (
        Moment(configured.warehouse, "warehouse", WarehouseError) as warehouse,
        Moment(configured.source, "source", SourceError) as source,
    ):
        for check in CHECKS:
            report.add(check, _broken(warehouse, check))
        for name, (table, grain) in MEMBERS.items():
            if mark := mark_of(source, warehouse, table, grain):
                _compare_members(report, _Pair(name, source, warehouse, mark))
        if mark := mark_of(source, warehouse, *FACT):
            _compare_facts(report, source, warehouse, mark)
    return report


def _broken(warehouse: Moment, check: str) -> Iterator[str]:
    """What breaks one promise of the warehouse."""
    text = script(f"verify/{check}.sql")
    promise = text.splitlines()[0].removeprefix("-- ")
    names, rows = warehouse.stream(text)
    for row in rows:
        yield f"{promise} But: " + ", ".join(
            f"{name} {value}" for name, value in zip(names, row, strict=True)
        )


class _Pair:
    """Two queries of one name, and the load that they are held against."""

    def __init__(self, name: str, source: Moment, warehouse: Moment, mark: Mark) -> None:
        self.name, self.mark = name, mark
        self._source, self._warehouse = source, warehouse
        self.key = ""

    def streams(self, **parameters: object) -> tuple[Iterator[Row], Iterator[Row]]:
        """The rows of the source's query and of the warehouse's."""
        bound: Mapping[str, object] = {"horizon": self.mark.horizon, **parameters}
        text = script(f"verify/source/{self.name}.sql")
        if self.mark.horizon is None:  # views and foreign tables have no xmin; and nothing is excused then
            text = re.sub(r"age\(\w+\.xmin\)", "CAST(NULL AS integer)", text)
        names, rows = self._source.stream(text, bound)
        ours = rows_of(names, rows)
        names, rows = self._warehouse.stream(script(f"verify/warehouse/{self.name}.sql"), bound)
        self.key = names[0]
        return ours, rows_of(names, rows)

    def judged(self, waiting: set[int], **parameters: object) -> Iterator[str]:
        """Findings in words, range by range; the keys that wait for the next load go to `waiting`."""
        since = Since(self._source, self._warehouse, self.mark)
        for number, ours, theirs in by_range(*self.streams(**parameters)):
            judged = since.judge(number, ours, theirs)
            waiting |= judged.waiting
            yield from map(self.told, judged.found)

    def told(self, difference: Difference) -> str:
        return f"{self.mark.table}: {self.key} {difference}"


def _compare_members(report: Report, pair: _Pair) -> None:
    waiting: set[int] = set()
    report.add(pair.name, pair.judged(waiting))
    report.changed |= {(pair.mark.table, key) for key in waiting}


def _compare_facts(report: Report, source: Moment, warehouse: Moment, mark: Mark) -> None:
    """Ranges by their sums; row by row those that differ, or have rows in quarantine; money by day."""
    sums = _Pair(RANGES, source, warehouse, mark).streams()
    suspects = {difference.key for difference in differences(*map(list, sums))} | {*mark.quarantined}
    waiting: set[int] = set()
    found: Iterator[str] = iter(())
    if suspects:
        low, high = min(suspects) << RANGE_BITS, ((max(suspects) + 1) << RANGE_BITS) - 1
        rows = _Pair(ROWS, source, warehouse, mark)
        found = rows.judged(waiting, low=low, high=high, ranges=tuple(suspects))
    report.add(ROWS, found)
    report.changed |= {(mark.table, key) for key in waiting}
    if len(waiting) <= MOST_LEFT_OUT:
        days = _Pair(DAYS, source, warehouse, mark)
        left_out = tuple(waiting) or (-(2**63),)  # an empty list is no SQL
        report.add(DAYS, map(days.told, differences(*map(list, days.streams(left_out=left_out)))))


def main(argv: Sequence[str]) -> int:
    """`python -m dvdrental_etl.verify [CONFIG]`: print findings; exit code 5 if there are any."""
    import os

    try:
        report = examine(settings.load(Path(argv[0]) if argv else None, os.environ))
    except EtlError as error:
        print(f"verify: error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    for finding in report.findings:
        print(f"{finding.check}: {finding.detail}")  # noqa: T201
    for line in report.summary():
        print(line)  # noqa: T201
    return 5 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
