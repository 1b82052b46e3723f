"""What happened in the source, as a table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from sandbox.simulator.days import Tally
from sandbox.simulator.moves import MOVES


def show(tally: Tally, console: Console) -> None:
    """Each move that was tried: how often it was committed, undone, or had nothing to do."""
    table = Table("move", title="what happened", title_justify="left", title_style="bold")
    for heading in ("done", "undone", "nothing to do"):
        table.add_column(heading, justify="right")
    for move in MOVES:
        counts = tally.done[move], tally.undone[move], tally.idle[move]
        if any(counts):
            table.add_row(move.replace("_", " "), *(f"{count:,}" for count in counts))
    console.print(table)
    console.print(
        f"{tally.committed:,} transactions committed, {tally.rolled_back:,} rolled back", highlight=False
    )
