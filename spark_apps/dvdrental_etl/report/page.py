"""The report as a page: one file without script, network or font, that a phone and a screen reader can read."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dvdrental_etl.report import charts
from dvdrental_etl.report.run_report import RunReport, Sales

NOTHING = "\N{EN DASH}"
#: So many months are drawn, the last ones.
MONTHS = 24
_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "number": lambda value: NOTHING if value is None else f"{value:,}",
    "seconds": lambda value: NOTHING if value is None else f"{value:,.1f}",
    "money": lambda value: f"{value:,.2f}",
    "time": lambda value: NOTHING if value is None else f"{value:%Y-%m-%d %H:%M}",
}


def html(report: RunReport) -> str:
    """The page of a report."""
    parts = {part: _part(report, part) for part in ("month", "store", "category", "film")}
    drawn = {
        "durations": charts.durations(report.past),
        "rows_written": charts.rows_written(report.past),
        "month": charts.months(parts["month"]),
    } | {part: charts.bars(parts[part]) for part in ("store", "category", "film")}
    return _environment.get_template("page.html").render(
        report=report,
        run=report.run,
        charts={name: Markup(svg) for name, svg in drawn.items()},  # noqa: S704 - pygal escapes labels
        parts=parts,
        tables=charts.tables((load.batch_id, load.table) for load in report.past),
        took=_took(report.run.started_at, report.run.finished_at),
        total=sum((sale.amount for sale in report.sales if sale.part == "month"), Decimal(0)),
    )


def write(report: RunReport, path: Path) -> None:
    """Write the page, in one step: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.write_text(html(report), encoding="utf-8")
    unfinished.replace(path)


def _part(report: RunReport, part: str) -> list[Sales]:
    """The lines of one part: the last months and films in their order, the others by amount."""
    found = [sale for sale in report.sales if sale.part == part]
    if part == "month":
        return sorted(found, key=lambda sale: sale.place)[-MONTHS:]
    return sorted(found, key=lambda sale: (-sale.amount, sale.place))


def _took(started: dt.datetime, finished: dt.datetime | None) -> str:
    if finished is None:
        return "not finished"
    minutes, seconds = divmod(round((finished - started).total_seconds()), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
