"""Pure: the earliest and the latest timestamp of columns, to compare what was written with what a warehouse read."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

#: By column of timestamps or days: its earliest and its latest, as timestamp_text() writes them.
Bounds = Mapping[str, Sequence[str]]


def timestamp_text(value: dt.date) -> str:
    """A timestamp or a day as text that sorts like time: 2007-05-14 13:44:29.996577."""
    if isinstance(value, dt.datetime):
        return value.isoformat(" ", "microseconds")
    return f"{value.isoformat()} 00:00:00.000000"


def bounds_in(table: "pa.Table") -> Bounds:
    """The bounds of the rows of a table. A column without values has none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = {}
    for field in table.schema:
        if pa.types.is_temporal(field.type):
            ends = pc.min_max(table[field.name]).as_py()
            if ends["min"] is not None:
                found[field.name] = timestamp_text(ends["min"]), timestamp_text(ends["max"])
    return found


def merged(parts: Iterable[Bounds]) -> Bounds:
    """The bounds of all rows, from those of parts."""
    found: dict[str, tuple[str, str]] = {}
    for part in parts:
        for column, (low, high) in part.items():
            lowest, highest = found.get(column, (low, high))
            found[column] = min(low, lowest), max(high, highest)
    return found
