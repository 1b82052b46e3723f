"""What a move knows besides the database: the dice, the clock, and what was there before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

MEMORY = 200  # how many removals, and how many changes, are remembered: the newest


@dataclass(frozen=True)
class Removed:
    """Rows that were deleted together: per table a list of JSON objects, parents before children."""

    rows: tuple[tuple[str, list[str]], ...]


@dataclass(frozen=True)
class Change:
    """What the changed columns of one row held before."""

    table: str
    key: int
    before: Mapping[str, Any]


@dataclass
class Scene:
    """`now` is business time without zone, as the source's own columns are; last_update follows the real clock."""

    random: Random
    now: datetime
    removed: list[Removed] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)

    def remember(self, event: Removed | Change) -> None:
        """Keep what may be taken back later, and forget the oldest of its kind."""
        memory: list[Any] = self.removed if isinstance(event, Removed) else self.changed
        memory.append(event)
        del memory[:-MEMORY]

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """An error forgets what was remembered inside: for whoever rolls back what the moves did there."""
        before = list(self.removed), list(self.changed)
        try:
            yield
        except BaseException:
            self.removed, self.changed = before
            raise
