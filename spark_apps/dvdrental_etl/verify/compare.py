"""Pure: the rows of one query on the source held against those of its namesake on the warehouse, key by key.

The first column is the key. Columns of these names are no values, but say what a difference may come from:
is_young  the source wrote some part of the row after the load
gone      a part that the row refers to and that is not there: "table.column key"
is_early  the warehouse made the row for a fact that came before it; the source need not have it
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

#: A range holds 2^10 keys, as in etl_range.
RANGE_BITS = 10
SIGNS = ("is_young", "gone", "is_early")


class Row(NamedTuple):
    """A row's key, its values and their names, and its signs by name."""

    key: Any
    names: tuple[str, ...]
    values: tuple[object, ...]
    signs: Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """A row that one side alone has, or a column of it that differs. source, warehouse: the row or value there."""

    key: Any
    column: str | None
    source: Any
    warehouse: Any

    def __str__(self) -> str:
        if self.column:
            return f"{self.key}: {self.column} is {self.warehouse!r}, in the source {self.source!r}"
        if self.source is None:
            return f"{self.key} is not in the source"
        if self.warehouse is None:
            return f"{self.key} is missing, the source has it"
        return f"{self.key} occurs {self.warehouse} times, in the source {self.source}"

    @property
    def is_absent(self) -> bool:
        """Whether the warehouse alone has the row."""
        return self.column is None and self.source is None

    @property
    def is_doubled(self) -> bool:
        """Whether both sides have the row, but not equally often."""
        return self.column is None and isinstance(self.source, int)


def rows_of(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[Row]:
    """What a query gave, values and signs apart."""
    places = [place for place, name in enumerate(names) if place and name not in SIGNS]
    signs = [(name, place) for place, name in enumerate(names) if name in SIGNS]
    valued = tuple(names[place] for place in places)
    for row in rows:
        yield Row(
            row[0], valued, tuple([row[place] for place in places]), {n: row[place] for n, place in signs}
        )


def by_range(source: Iterable[Row], warehouse: Iterable[Row]) -> Iterator[tuple[int, list[Row], list[Row]]]:
    """Two streams in order of key, cut into the ranges that either has: number, the source's rows, the warehouse's."""
    ours, theirs = _ranges(source), _ranges(warehouse)
    left, right = next(ours, None), next(theirs, None)
    while left or right:
        number = min(side[0] for side in (left, right) if side)
        source_rows, warehouse_rows = [], []
        if left and left[0] == number:
            source_rows, left = left[1], next(ours, None)
        if right and right[0] == number:
            warehouse_rows, right = right[1], next(theirs, None)
        yield number, source_rows, warehouse_rows


def _ranges(rows: Iterable[Row]) -> Iterator[tuple[int, list[Row]]]:
    for number, group in groupby(rows, key=lambda row: row.key >> RANGE_BITS):
        yield number, list(group)


def differences(source: Sequence[Row], warehouse: Sequence[Row]) -> Iterator[Difference]:
    """All differences between two sets of rows, in order of key where the keys have one."""
    ours, theirs = {row.key: row for row in source}, {row.key: row for row in warehouse}
    for key in dict.fromkeys([*ours, *theirs]):
        mine, other = ours.get(key), theirs.get(key)
        if mine and other:
            assert mine.names == other.names, f"{mine.names} against {other.names}"
            if mine.values != other.values:
                for name, value, held in zip(mine.names, mine.values, other.values, strict=True):
                    if value != held:
                        yield Difference(key, name, value, held)
        else:
            yield Difference(key, None, mine, other)
    yield from _doubled(source, warehouse)


def _doubled(source: Sequence[Row], warehouse: Sequence[Row]) -> Iterator[Difference]:
    """Keys that both sides have, but not equally often."""
    ours, theirs = Counter(row.key for row in source), Counter(row.key for row in warehouse)
    for key in ours:
        if key in theirs and ours[key] != theirs[key]:
            yield Difference(key, None, ours[key], theirs[key])
