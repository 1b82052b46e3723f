"""Random numbers that depend only on seed, purpose and row number, and so not on the size of chunks."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Draw:
    """Random numbers of one seed."""

    seed: int

    def below(self, limit: int, purpose: str, rows: Ints) -> Ints:
        """For each row number an integer from 0 to `limit` - 1. Each `purpose` has its own sequence."""
        start = (self.seed * 0x9E3779B97F4A7C15 + zlib.crc32(purpose.encode()) * 0xD1B54A32D192ED03) % 2**64
        # SplitMix64 (Steele, Lea, Flood 2014): full avalanche, so neighbouring rows get unrelated numbers.
        mixed = rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(start)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
        return ((mixed >> np.uint64(32)) * np.uint64(limit) >> np.uint64(32)).astype(np.int64)


def spread(count: int, first: int, last: int) -> Ints:
    """`count` different numbers, evenly spread over first <= n < last. The range must be at least as long."""
    assert 0 <= count <= last - first, (count, first, last)
    return first + np.arange(count, dtype=np.int64) * (last - first) // max(count, 1)


def is_among(rows: Ints, chosen: Ints) -> Bools:
    """Whether each row number is one of `chosen`, which is sorted."""
    if not len(chosen):
        return np.zeros(len(rows), dtype=np.bool_)
    place = np.minimum(np.searchsorted(chosen, rows), len(chosen) - 1)
    return np.asarray(chosen[place] == rows)


def nth_other(ranks: Ints, left_out: Ints) -> Ints:
    """For each rank (from 0) the number of that rank in 0, 1, 2, ... without `left_out`, which is sorted."""
    return ranks + np.searchsorted(left_out - np.arange(len(left_out)), ranks, side="right")
