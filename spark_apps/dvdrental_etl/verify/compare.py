"""Pure: compares the rows of a query on the source with those of the query of the same name on the warehouse, by key.

The first column of both is the key. Columns of these names are not compared; they explain differences:
written_since_load   the source wrote a part of the row since the load
missing_reference    a row that the row refers to and that does not exist, as "table.column key"
is_inferred_member   the warehouse made the row for a fact without member; the source may not have it
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from dvdrental_etl.model.contract import KEY_RANGE_BITS

SIGNS = ("written_since_load", "missing_reference", "is_inferred_member")


class Row(NamedTuple):
    """A row: its key, the names and values that are compared, and its signs by name."""

    key: Any
    names: tuple[str, ...]
    values: tuple[object, ...]
    signs: Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """A difference between the source and the warehouse.

    column: the column whose values differ; None if only one side has the row, or both not equally often.
    source, warehouse: the value, the row or the number of rows there.
    """

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
    def is_only_in_warehouse(self) -> bool:
        """Whether the source does not have the row."""
        return self.column is None and self.source is None

    @property
    def is_duplicate(self) -> bool:
        """Whether both sides have the row, but not equally often."""
        return self.column is None and isinstance(self.source, int)


def rows_of(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[Row]:
    """The rows of a query, with values and signs separated."""
    positions = [position for position, name in enumerate(names) if position and name not in SIGNS]
    signs = [(name, position) for position, name in enumerate(names) if name in SIGNS]
    compared = tuple(names[position] for position in positions)
    for row in rows:
        values = tuple([row[position] for position in positions])
        yield Row(row[0], compared, values, {name: row[position] for name, position in signs})


def by_range(source: Iterable[Row], warehouse: Iterable[Row]) -> Iterator[tuple[int, list[Row], list[Row]]]:
    """Two streams in order of key, split into the ranges of keys of etl_range.

    Yields the number of each range that has rows, the rows of the source, and the rows of the warehouse.
    """
    source_ranges, warehouse_ranges = _ranges(source), _ranges(warehouse)
    left, right = next(source_ranges, None), next(warehouse_ranges, None)
    while left or right:
        number = min(side[0] for side in (left, right) if side)
        source_rows, warehouse_rows = [], []
        if left and left[0] == number:
            source_rows, left = left[1], next(source_ranges, None)
        if right and right[0] == number:
            warehouse_rows, right = right[1], next(warehouse_ranges, None)
        yield number, source_rows, warehouse_rows


def _ranges(rows: Iterable[Row]) -> Iterator[tuple[int, list[Row]]]:
    for number, group in groupby(rows, key=lambda row: row.key >> KEY_RANGE_BITS):
        yield number, list(group)


def differences(source: Sequence[Row], warehouse: Sequence[Row]) -> Iterator[Difference]:
    """All differences between two lists of rows, in the order of the source's rows."""
    ours, theirs = {row.key: row for row in source}, {row.key: row for row in warehouse}
    for key in dict.fromkeys([*ours, *theirs]):
        mine, other = ours.get(key), theirs.get(key)
        if mine and other:
            assert mine.names == other.names, f"{mine.names} against {other.names}"
            if mine.values != other.values:
                for name, value, found in zip(mine.names, mine.values, other.values, strict=True):
                    if value != found:
                        yield Difference(key, name, value, found)
        else:
            yield Difference(key, None, mine, other)
    yield from _duplicates(source, warehouse)


def _duplicates(source: Sequence[Row], warehouse: Sequence[Row]) -> Iterator[Difference]:
    """Keys that both sides have, but not equally often."""
    ours, theirs = Counter(row.key for row in source), Counter(row.key for row in warehouse)
    for key in ours:
        if key in theirs and ours[key] != theirs[key]:
            yield Difference(key, None, ours[key], theirs[key])
