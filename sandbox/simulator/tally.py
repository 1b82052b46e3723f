"""Counts of what the simulator did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts by move: committed, rolled back, and attempted without finding a suitable row."""

    done: Counter[str] = field(default_factory=Counter)
    undone: Counter[str] = field(default_factory=Counter)
    idle: Counter[str] = field(default_factory=Counter)
    committed: int = 0
    rolled_back: int = 0
