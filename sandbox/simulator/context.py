"""What a move gets besides the database: random numbers, the business clock, and what earlier moves changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

MEMORY = 200  # the number of removals, and of changes, that are remembered; older ones are dropped


@dataclass(frozen=True)
class Removed:
    """Rows that were deleted together: per table a list of JSON objects, parents before children."""

    rows: tuple[tuple[str, list[str]], ...]


@dataclass(frozen=True)
class Change:
    """The values of the changed columns of one row before the change."""

    table: str
    key: int
    before: Mapping[str, Any]


@dataclass
class Context:
    """`now` is business time without zone, like the source's columns. (Triggers set last_update by the real clock.)"""

    random: Random
    now: datetime
    removed: list[Removed] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)

    def remember(self, event: Removed | Change) -> None:
        """Keep what a later move may undo, and drop the oldest of its kind."""
        memory: list[Any] = self.removed if isinstance(event, Removed) else self.changed
        memory.append(event)
        del memory[:-MEMORY]

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """An error drops what was remembered inside: use it around moves that are rolled back on error."""
        before = list(self.removed), list(self.changed)
        try:
            yield
        except BaseException:
            self.removed, self.changed = before
            raise
