"""Charts of a report as inline SVG. Their colours are CSS variables of the page, so that they follow light and dark."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pygal
from pygal.style import Style

from dvdrental_etl.report.run_report import PastLoad, Sales

STYLE = Style(
    background="transparent",
    plot_background="transparent",
    foreground="var(--quiet)",
    foreground_strong="var(--ink)",
    foreground_subtle="var(--quiet)",
    guide_stroke_color="var(--line)",
    major_guide_stroke_color="var(--line)",
    guide_stroke_dasharray="1,0",
    major_guide_stroke_dasharray="1,0",
    opacity="1",
    colors=tuple(f"var(--chart-{number})" for number in range(1, 6)),
    font_family="inherit",
    label_font_size=12,
    major_label_font_size=12,
    value_font_size=12,
    value_colors=("var(--ink)",),
    transition="0s",
)
#: The size of a drawing, so that its text can be read at the width of a phone; the height of one bar and its margin.
WIDTH, HEIGHT, BAR, MARGIN = 440, 240, 22, 45
FEW_RUNS = 8


def durations(past: Sequence[PastLoad]) -> str:
    """Seconds of the last runs, stacked by table."""
    return _stacked({(load.batch_id, load.table): float(load.seconds) for load in past}, "{:,.0f} s")


def rows_written(past: Sequence[PastLoad]) -> str:
    """Rows that the last runs wrote, stacked by table."""
    return _stacked({(load.batch_id, load.table): load.written for load in past}, "{:,.0f}")


def bars(sales: Sequence[Sales]) -> str:
    """Amounts of one part of the business, the largest first, as horizontal bars with their values."""
    chart = pygal.HorizontalBar(**_options("{:,.0f}"), width=WIDTH, height=MARGIN + BAR * len(sales))
    upwards = [*reversed(sales)]  # the first bar is drawn at the bottom
    chart.x_labels = [f"{sale.label} {sale.amount:,.2f}" for sale in upwards]
    chart.add("amount", [float(sale.amount) for sale in upwards])
    return _svg(chart)


def months(sales: Sequence[Sales]) -> str:
    """Amounts by month, in order of time."""
    chart = pygal.Bar(
        **_options("{:,.0f}"), width=WIDTH, height=HEIGHT, print_values=True, print_values_position="top"
    )
    chart.x_labels = [f"{s.label[:4]}-{s.label[4:]}" if s.label.isdigit() else s.label for s in sales]
    chart.add("amount", [float(sale.amount) for sale in sales])
    return _svg(chart)


def _stacked(values: Mapping[tuple[int, str], float], unit: str) -> str:
    batches = sorted({batch for batch, _ in values})
    empty = [""] * (FEW_RUNS - len(batches))  # few runs are few bars, not broad ones
    chart = pygal.StackedBar(**_options(unit), width=WIDTH, height=HEIGHT)
    chart.x_labels = [*map(str, batches), *empty]
    for table in tables(values):
        chart.add(table, [values.get((batch, table), 0) for batch in batches])
    return _svg(chart)


def tables(values: Iterable[tuple[int, str]]) -> list[str]:
    """The tables of a stacked chart, in the order of their colours."""
    return sorted({table for _, table in values})


def _options(unit: str) -> dict[str, object]:
    """What all charts share. No script: the default one would be fetched from the network."""
    return {
        "style": STYLE,
        "js": [],
        "disable_xml_declaration": True,
        "show_legend": False,
        "truncate_label": -1,
        "min_scale": 3,
        "max_scale": 5,
        "margin": 8,
        "spacing": 12,
        "value_formatter": unit.format,
        "no_data_text": "nothing yet",
    }


def _svg(chart: Any) -> str:
    chart.add_xml_filter(_without_scripts)
    return str(chart.render(is_unicode=True))


def _without_scripts(root: Any) -> Any:
    """The drawing without comments, and without the script with pygal's settings for tooltips: the page has none."""
    for parent in [*root.iter()]:
        for child in [child for child in parent if not isinstance(child.tag, str) or child.tag == "script"]:
            parent.remove(child)
    return root
