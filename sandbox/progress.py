"""Progress messages: a live line on a terminal, elsewhere one plain line per step."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console


@dataclass(frozen=True)
class Progress:
    """Prints each step with its rows and seconds; without a console it prints nothing."""

    console: Console | None

    @staticmethod
    def silent() -> Progress:
        """Prints nothing: for tests and other programs."""
        return Progress(None)

    @staticmethod
    def to_stderr() -> Progress:
        """Prints to stderr; stdout stays free for results."""
        return Progress(Console(file=sys.stderr, highlight=False))

    @contextmanager
    def step(self, name: str, unit: str = "rows") -> Iterator[Callable[[int], None]]:
        """One step of the work. Call the yielded function with the number of rows (or `unit`) just written."""
        begin = time.monotonic()
        rows = 0
        if self.console is None:
            yield lambda _written: None
            return
        # On anything but a terminal, rich shows no live line and only the final line is printed.
        with self.console.status(f"{name} ...") as status:

            def add(written: int) -> None:
                nonlocal rows
                rows += written
                status.update(f"{name} {rows:,} {unit}, {time.monotonic() - begin:.0f} s ...")

            yield add
        counted = f"{rows:>12,} {unit}" if rows else " " * 17
        self.console.print(f"{name:<22}{counted} {time.monotonic() - begin:7.1f} s")
