"""Prints a result as a table."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.results import DONE, Result, Summary

MB = 1_000_000
HEADINGS = ("seconds", "from - to", "ratio", "CPU s", "PG CPU s", "peak MB", "rows/s")


def table(result: Result) -> Table:
    """One row per contender."""
    shown = Table(title=title(result), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    shown.add_column("", no_wrap=True)
    for heading in HEADINGS:
        shown.add_column(heading, justify="right", no_wrap=True)
    for one in result.summaries():
        shown.add_row(one.title, *_cells(one))
    return shown


def title(result: Result) -> str:
    """The title of the table: work and amount of data."""
    changed = f", {result.changed:,} rows changed" if result.changed else ""
    return f"{result.about}, {result.data}: {result.rows:,} payments{changed}"


def _cells(one: Summary) -> tuple[str, ...]:
    if one.seconds is None:
        return ("-",)
    return (
        f"{one.seconds:.1f}",
        f"{one.fastest:.1f} - {one.slowest:.1f}",
        "" if one.ratio is None else f"{one.ratio:.2f}",
        f"{one.cpu:.1f}",
        f"{one.server_cpu:.1f}",
        f"{(one.peak_bytes or 0) / MB:,.0f}",
        "" if one.rows_per_second is None else f"{one.rows_per_second:,}",
    )


def show(result: Result, console: Console) -> None:
    """Print the table, and the meaning of its numbers."""
    console.print(table(result))
    for one in result.summaries():
        if one.ended != DONE:
            console.print(f"{one.title}: {one.ended}")
    console.print(
        "Medians of whole runs, start to exit. Ratio: median of the seconds divided by those of "
        f"{result.titles[result.base]!r} "
        f"in the same round. CPU seconds and peak memory ({result.memory}) are those of all processes of the "
        "contender; PostgreSQL's are separate.",
        style="dim",
    )
