"""Prints what the simulator did, as a table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from sandbox.simulator.moves import MOVES
from sandbox.simulator.tally import Tally


def show(tally: Tally, console: Console) -> None:
    """Each attempted move: how often it was committed, rolled back, or found no suitable row."""
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
