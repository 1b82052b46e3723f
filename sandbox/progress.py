"""What the sandbox tells while it works: a live line on a terminal, one plain line a step elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console


@dataclass(frozen=True)
class Progress:
    """Tells of each step with its rows and seconds; without a console it is silent."""

    console: Console | None

    @staticmethod
    def silent() -> Progress:
        """For tests and other programs."""
        return Progress(None)

    @staticmethod
    def to_stderr() -> Progress:
        """For people; stdout stays free for what they asked for."""
        return Progress(Console(file=sys.stderr, highlight=False))

    @contextmanager
    def step(self, name: str, unit: str = "rows") -> Iterator[Callable[[int], None]]:
        """A step of the work: call what you get with the number of rows (or `unit`) just written."""
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
