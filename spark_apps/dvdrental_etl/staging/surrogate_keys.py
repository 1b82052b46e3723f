"""Pure: facts get the surrogate keys of the versions that were valid at their event.

By numpy, a batch at once: 60 nanoseconds a row for a dimension of a million members. A join in Spark, row by row, takes
many times as long.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dvdrental_etl.staging import copy_format

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dvdrental_etl.staging.copy_format import Numbers

    Flags = np.ndarray[Any, np.dtype[np.bool_]]

#: Natural keys mostly come from a sequence. Up to this many numbers a version, each number has an entry in `starts`.
NUMBERS_PER_VERSION = 8
#: The key of a fact without a natural key.
UNKNOWN = -1
LAST = 2**63 - 1


@dataclass(frozen=True)
class Versions:
    """All versions of a dimension's members, in order of natural key and time. They neither overlap nor leave gaps.

    Timestamps are numbers, on the same scale as those of events. One additional version, the last, is never valid.
    starts: for each number from the lowest natural key on, its first version; None where there are too many numbers.
    """

    natural_keys: "Numbers"
    keys: "Numbers"
    valid_from: "Numbers"
    valid_to: "Numbers"
    starts: "Numbers | None"

    @classmethod
    def of(
        cls,
        *,
        keys: "Numbers",
        natural_keys: "Numbers",
        valid_from: "Numbers",
        valid_to: "Numbers",
        numbers_per_version: int = NUMBERS_PER_VERSION,
    ) -> "Versions":
        """From versions in any order.

        numbers_per_version: with more numbers between the lowest and the highest natural key, versions are searched.
        """
        import numpy as np

        order = np.lexsort((valid_from, natural_keys))
        members = natural_keys[order]
        starts = None
        if len(members) and int(members[-1]) - int(members[0]) < numbers_per_version * len(members):
            # Two more entries: one for all numbers that are not among them, one for where its versions would end.
            starts = np.searchsorted(members, np.arange(members[0], members[-1] + 3))
        return cls(
            members,
            np.append(keys[order], UNKNOWN),
            np.append(valid_from[order], LAST),
            np.append(valid_to[order], LAST),
            starts,
        )

    def at(self, natural_keys: "Numbers", events: "Numbers") -> "tuple[Numbers, Flags]":
        """The key of each member's version at its event, and whether there is one."""
        import numpy as np

        place, ends = self._spans(natural_keys)
        if (ends - place > 1).any():  # members of most batches never changed
            while (is_over := (place < ends) & (self.valid_to[place] <= events)).any():
                place = place + is_over
        place = np.where(place < ends, place, len(self.natural_keys))
        is_valid = (self.valid_from[place] <= events) & (events < self.valid_to[place])
        return self.keys[place], is_valid

    def _spans(self, natural_keys: "Numbers") -> "tuple[Numbers, Numbers]":
        """Where the versions of each natural key begin and end."""
        import numpy as np

        if self.starts is None:
            sides = (np.searchsorted(self.natural_keys, natural_keys, side) for side in ("left", "right"))
            return next(sides), next(sides)
        low, high = self.natural_keys[0], self.natural_keys[-1]
        is_near = (low <= natural_keys) & (natural_keys <= high)
        number = np.where(is_near, natural_keys - low, high - low + 1)
        return self.starts[number], self.starts[number + 1]


@dataclass(frozen=True)
class Keying:
    """How the facts of a batch get their surrogate keys.

    event: the column of when a fact happened. versions: those of the dimension, by column that holds its natural key.
    names: the resulting columns in their order, surrogate keys in place of natural ones, and batch_id.
    """

    event: str
    versions: Mapping[str, Versions]
    names: Sequence[str]
    batch_id: int

    def with_keys(self, facts: "pa.RecordBatch") -> "tuple[pa.RecordBatch, pa.RecordBatch]":
        """The facts with their keys, -1 where there is no natural key; and, unchanged, facts without a member.

        Such a fact names a member that its dimension does not have yet, or not at that time.
        """
        import numpy as np
        import pyarrow as pa

        columns = dict(zip(facts.schema.names, facts.columns, strict=True))
        is_known = _is_valid(columns[self.event])
        events = copy_format.timestamps(columns[self.event])
        for natural_key, versions in self.versions.items():
            is_named = _is_valid(columns[natural_key])
            members = copy_format.numbers(columns[natural_key]).astype(np.int64)
            keys, is_valid = versions.at(members, events)
            is_known &= is_valid | ~is_named
            columns[natural_key] = _column(np.where(is_named, keys, UNKNOWN))
        columns["batch_id"] = _column(np.full(facts.num_rows, self.batch_id))
        found = pa.RecordBatch.from_arrays(list(columns.values()), names=list(self.names))
        if is_known.all():
            return found, facts.slice(0, 0)
        return found.filter(_flags(is_known)), facts.filter(_flags(~is_known))


def _column(values: "Numbers") -> "pa.Array":
    """As an Arrow column. pa.array() would import pandas."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])


def _flags(values: "Flags") -> "pa.Array":
    import numpy as np
    import pyarrow as pa

    bits = np.packbits(values, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])


def _is_valid(column: "pa.Array") -> "Flags":
    flags: Flags = copy_format.numbers(column.is_valid()).view(bool)
    return flags
