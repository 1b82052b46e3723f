"""The report as text: the last lines of a task's log, and what `make report` prints."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from dvdrental_etl.report.run_report import RunReport

HEADINGS = (
    *("table", "status", "read", "new", "changed", "expired", "deleted", "quarantined", "warned", "seconds"),
)
NOTHING = "-"


def lines(report: RunReport) -> Iterator[str]:
    """The report, ending with its headline."""
    run = report.run
    if report.is_dry_run:
        yield "dry run, nothing was written: a run would do this"
    yield f"run {run.run_id} (batch {run.batch_id}, as of {run.as_of}, code {run.code_version})"
    yield from _table(
        HEADINGS, ([_shown(getattr(load, name)) for name in HEADINGS] for load in report.loads), texts=2
    )
    for load in report.loads:
        if load.extent or load.reason:
            yield f"{load.table}: " + "; ".join(filter(None, (load.extent, load.reason)))
    if report.money:
        money = report.money
        totals = {
            "source": money.source,
            "warehouse": money.warehouse,
            "quarantined": money.quarantined,
            "difference": money.difference,
        }
        yield from _table(
            ("money", "payments", "amount"),
            ((name, f"{total.payments:,}", f"{total.amount:,.2f}") for name, total in totals.items()),
            texts=1,
        )
    if report.rejects:
        yield from _table(
            ("in quarantine", "rule", "key", "column", "value"),
            ((r.table, r.rule, _shown(r.key), r.column, _shown(r.value)[:60]) for r in report.rejects),
            texts=5,
        )
    for finding in report.findings or ():
        yield f"finding: {finding}"
    yield report.headline


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], texts: int) -> Iterator[str]:
    """Columns as wide as their longest cell: the first `texts` of them to the left, numbers to the right."""
    cells = [headings, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        aligned = [
            cell.ljust(width) if number < texts else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(aligned).rstrip()


def _shown(value: object) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, Decimal):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
