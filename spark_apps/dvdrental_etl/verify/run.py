"""Check the published star in plain SQL that shares no code with the loads: by itself, and against the source.

sql_scripts/verify/*.sql         one query on the warehouse each. Its first line is a comment that says what must hold;
                                 each row that it returns violates that (checks.py)
sql_scripts/verify/source,       pairs of queries of one name and shape. Their rows must be equal, except for what the
sql_scripts/verify/warehouse     source changed since the last load of the table (query_pair.py, source_changes.py)

After a run, only what it wrote is checked (run_scopes.py), and all of a table whose load compared everything.
"""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from dvdrental_etl import config
from dvdrental_etl.config import Settings
from dvdrental_etl.errors import EtlError, SourceError, WarehouseError
from dvdrental_etl.verify.checks import CHECKS, Scopes, applies, violations
from dvdrental_etl.verify.compare import Row, differences
from dvdrental_etl.verify.limits import DEFAULT_LIMITS, VerifyLimits
from dvdrental_etl.verify.predicates import merged_ranges, range_numbers
from dvdrental_etl.verify.query_pair import QueryPair, Snapshots
from dvdrental_etl.verify.reader import SnapshotReader
from dvdrental_etl.verify.report import Finding, Report
from dvdrental_etl.verify.run_scopes import scopes_of_run
from dvdrental_etl.verify.scope import RunScope
from dvdrental_etl.verify.source_changes import last_load
from dvdrental_etl.verify.tables import Dimension, Fact, declared_tables, require_source_queries

#: The fact is large: sums of ranges of keys show which rows to compare.
RANGES, ROWS, DAYS = FACT_QUERIES = ("facts_by_range", "facts", "payments_per_day")
NO_KEY = -(2**63)  # SQL has no empty list
log = logging.getLogger("dvdrental_etl")


def run(configured: Settings, run_id: str | None = None) -> list[Finding]:
    """All findings, a few of each check; an empty list means that the warehouse is correct. Logs the summary.

    run_id: the run whose rows are checked; None for everything.
    """
    report = examine(configured, run_id)
    for line in report.summary():
        log.info(line)
    return report.findings


def examine(configured: Settings, run_id: str | None = None, limits: VerifyLimits = DEFAULT_LIMITS) -> Report:
    """Run the checks.

    The snapshot of the warehouse is taken first: a load that ends in between is then not in it, and what it loaded
    counts as changed in the source since the last load.
    """
    tables = declared_tables()
    require_source_queries(tables)
    report = Report(shown=limits.findings_shown)
    with (
        SnapshotReader(configured.warehouse, "warehouse", WarehouseError, configured.limits) as warehouse,
        SnapshotReader(configured.source, "source", SourceError, configured.limits) as source,
    ):
        scopes = {} if run_id is None else scopes_of_run(warehouse, run_id, limits)
        snapshots = Snapshots(source, warehouse)
        with ThreadPoolExecutor(max_workers=1) as executor:
            facts = _pairs(snapshots, tables.fact)
            scope = scopes.get(tables.fact.name)
            # The longest query runs in the source while the warehouse is checked by itself.
            sums = executor.submit(facts[RANGES].read_source) if facts and scope is None else None
            _check_warehouse(report, warehouse, scopes)
            if facts and sums:
                _compare_all_facts(report, facts, sums, limits)
            elif facts and scope:
                _compare_written_facts(report, facts, scope, limits)
            for dimension in tables.dimensions:
                for pair in _pairs(snapshots, dimension).values():
                    _compare_members(report, pair, scopes.get(dimension.name), limits)
    return report


def _pairs(snapshots: Snapshots, table: Dimension | Fact) -> dict[str, QueryPair]:
    """The pairs of queries about a table by name; none if it was never loaded."""
    load = last_load(snapshots.source, snapshots.warehouse, table)
    names = FACT_QUERIES if isinstance(table, Fact) else table.queries
    return {name: QueryPair(name, table, snapshots, load) for name in names} if load else {}


def _check_warehouse(report: Report, warehouse: SnapshotReader, scopes: Scopes) -> None:
    for check in CHECKS:
        if applies(check, scopes):
            report.add(check, *violations(warehouse, check, scopes, report.shown))


def _compare_members(report: Report, pair: QueryPair, scope: RunScope | None, limits: VerifyLimits) -> None:
    """Compare members row by row: all, or those of ranges in which keys or written members differ."""
    ranges = None
    if scope is not None:
        wrong = pair.ranges_with_wrong_rows(scope, limits.keys_per_query)
        ranges = merged_ranges({*range_numbers(scope.key_ranges), *wrong})
    waiting: set[int] = set()
    report.add(pair.name, pair.findings(waiting, ranges))
    report.waiting_rows |= {(pair.table.name, key) for key in waiting}


def _compare_all_facts(
    report: Report, pairs: Mapping[str, QueryPair], source_sums: "Future[list[Row]]", limits: VerifyLimits
) -> None:
    """Compare ranges by their sums; row by row those that differ or have rows in quarantine; amounts by day."""
    different = differences(source_sums.result(), pairs[RANGES].read_warehouse())
    suspects = {difference.key for difference in different} | {*pairs[ROWS].load.quarantined}
    waiting = _compare_fact_rows(report, pairs[ROWS], suspects)
    if len(waiting) <= limits.excluded_keys:
        days, excluded = pairs[DAYS], tuple(waiting) or (NO_KEY,)
        report.add(DAYS, map(days.described, days.differences(left_out=excluded)))


def _compare_written_facts(
    report: Report, pairs: Mapping[str, QueryPair], scope: RunScope, limits: VerifyLimits
) -> None:
    """Compare only ranges whose keys changed, by their sums, and written facts elsewhere, row by row."""
    suspects = pairs[RANGES].ranges_with_wrong_sums(scope.key_ranges)
    suspects |= pairs[ROWS].ranges_with_wrong_rows(scope, limits.keys_per_query)
    _compare_fact_rows(report, pairs[ROWS], suspects)


def _compare_fact_rows(report: Report, rows: QueryPair, suspects: set[int]) -> set[int]:
    """Compare the facts of ranges row by row. Returns the keys that the next load will bring."""
    waiting: set[int] = set()
    report.add(rows.name, rows.findings(waiting, merged_ranges(suspects)))
    report.waiting_rows |= {(rows.table.name, key) for key in waiting}
    return waiting


def main(argv: Sequence[str]) -> int:
    """`python -m dvdrental_etl.verify [CONFIG]`: print findings; exit code 5 if there are any."""
    try:
        settings = config.load(Path(argv[0]) if argv else None, os.environ)
        report = examine(settings)
    except EtlError as error:
        print(f"verify: error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    for finding in report.findings:
        print(f"{finding.check}: {finding.detail}")  # noqa: T201
    for line in report.summary():
        print(line)  # noqa: T201
    for warning in settings.warnings:
        print(f"verify: warning: {warning}", file=sys.stderr)  # noqa: T201
    return 5 if report.findings else 0
