"""Draw the saved results: python -m benchmarks.chart. Needs the environment of the contenders, for matplotlib."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results import Result

ROOT = Path(__file__).resolve().parents[1]
RESULTS, TARGET = ROOT / "benchmarks" / "results", ROOT / "docs" / "benchmark.svg"
OURS, THEIRS, INK, FAINT = "#2a6f97", "#b8c4ce", "#222222", "#6b7680"
#: Scenarios in the order of the chart; within one, few payments come before many.
ORDER = ("full", "dag", "night", "dag-night")
BAR, HEAD, WIDTH = 0.3, 0.62, 8.6  # inches


@dataclass(frozen=True)
class Bar:
    """One contender: median seconds, None if no run succeeded, and the text beside the bar."""

    title: str
    seconds: float | None
    note: str
    is_ours: bool


@dataclass(frozen=True)
class Panel:
    """One result: a heading and its bars, the fastest first."""

    title: str
    bars: Sequence[Bar]


def panel(result: Result) -> Panel:
    """The part of a result that is drawn."""
    bars = []
    for one in result.summaries():
        is_ours = one.contender in ("suite", "sail") or result.what == "dag-night"
        if one.seconds is None:
            bars.append(Bar(one.title, None, one.ended, is_ours))
            continue
        memory = f"{(one.peak_bytes or 0) / 1e9:.1f} GB"
        bars.append(Bar(one.title, one.seconds, f"{one.seconds:,.1f} s, {memory}", is_ours))
    bars.sort(key=lambda bar: (bar.seconds is None, bar.seconds))
    changed = f", {result.changed:,} rows changed" if result.changed else ""
    return Panel(f"{result.about}: {result.rows:,} payments{changed}", bars)


def footer(results: Sequence[Result]) -> str:
    """The meaning of the numbers, and the machine."""
    machines = {
        f"{r.machine['cores']} cores, {r.machine['memory_gb']:.0f} GB, {r.machine['cpu']}" for r in results
    }
    return (
        "Whole runs, start to exit: median seconds, and peak memory of the contender's processes.\n"
        + "; ".join(sorted(machines))
    )


def read(folder: Path) -> list[Result]:
    """The results in a folder, in the order of the chart."""
    found = [Result.read(json.loads(path.read_text())) for path in folder.glob("*.json")]
    return sorted(found, key=lambda result: (ORDER.index(result.what), result.rows))


def draw(results: Sequence[Result], target: Path) -> None:
    """Write the chart: a panel for each result, each with its own scale of seconds."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update({"svg.hashsalt": "benchmark", "font.size": 9, "font.family": "DejaVu Sans"})
    panels = [panel(result) for result in results]
    heights = [HEAD + BAR * len(one.bars) for one in panels]
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.5), facecolor="white")
    top = sum(heights) + 0.5
    for one, height in zip(panels, heights, strict=True):
        bottom = (top - height + 0.1) / (sum(heights) + 0.5)
        axes = figure.add_axes((0.27, bottom, 0.55, BAR * len(one.bars) / (sum(heights) + 0.5)))
        _draw(axes, one)
        top -= height
    figure.text(0.02, 0.1 / (sum(heights) + 0.5), footer(results), color=FAINT, fontsize=7, va="bottom")
    figure.savefig(target, metadata={"Date": None})


def _draw(axes, one: Panel) -> None:  # type: ignore[no-untyped-def] # matplotlib is not in the environment of mypy
    longest = max((bar.seconds or 0 for bar in one.bars), default=0) or 1
    places = range(len(one.bars), 0, -1)
    for pair, bar in zip(places, one.bars, strict=True):
        axes.barh(pair, bar.seconds or 0, color=OURS if bar.is_ours else THEIRS, height=0.66)
        axes.text((bar.seconds or 0) + longest * 0.012, pair, bar.note, va="center", color=INK, fontsize=8)
    axes.set_yticks(list(places), [bar.title for bar in one.bars])
    for label, bar in zip(axes.get_yticklabels(), one.bars, strict=True):
        label.set_fontweight("bold" if bar.is_ours else "normal")
    axes.set_xlim(0, longest)
    axes.set_ylim(0.4, len(one.bars) + 0.6)
    axes.set_xticks([])
    axes.tick_params(length=0)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["left"].set_color(FAINT)
    axes.set_title(one.title, loc="left", x=-0.46, fontsize=10, fontweight="bold", color=INK)


def main() -> None:
    """Draw all saved results."""
    results = read(RESULTS)
    if not results:
        sys.exit(f"there is no result in {RESULTS.relative_to(ROOT)}: run `make bench` first")
    draw(results, TARGET)


if __name__ == "__main__":
    main()
