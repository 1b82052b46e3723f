"""Keys of a source table by ranges of KEY_RANGE_SIZE: counted at each load, so that the next one finds deletions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dvdrental_etl.model.contract import KEY_RANGE_BITS, KEY_RANGE_SIZE

#: (lowest key, highest key), both included.
KeySpan = tuple[int, int]
ALL_KEYS: KeySpan = (-(2**63), 2**63 - 1)


@dataclass(frozen=True)
class RangeCount:
    """The rows whose keys lie in one range: how many, and the sum of their keys' hashes."""

    rows: int
    key_sum: int


#: number of the range (key >> KEY_RANGE_BITS) -> its rows
RangeCounts = Mapping[int, RangeCount]


def row_count(counts: RangeCounts) -> int:
    """How many rows lie in the ranges."""
    return sum(one.rows for one in counts.values())


def spans_covering(numbers: Iterable[int]) -> list[KeySpan]:
    """The keys of ranges, given by their numbers; neighbouring ranges are joined."""
    spans: list[KeySpan] = []
    for number in sorted(numbers):
        low = number << KEY_RANGE_BITS
        high = low + KEY_RANGE_SIZE - 1
        if spans and spans[-1][1] == low - 1:
            low = spans.pop()[0]
        spans.append((low, high))
    return spans


def changed_spans(before: RangeCounts, now: RangeCounts) -> list[KeySpan]:
    """The keys of the ranges whose rows are not the same as before."""
    return spans_covering(number for number in {*before, *now} if before.get(number) != now.get(number))
