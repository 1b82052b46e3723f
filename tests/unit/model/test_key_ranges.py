"""Key ranges: which of them changed, and the keys that they are made of."""

import pytest

from dvdrental_etl.model.key_ranges import RangeCount, changed_spans


@pytest.mark.parametrize(
    ("then", "now", "spans"),
    [
        ({}, {}, []),
        ({0: RangeCount(2, 7)}, {0: RangeCount(2, 7)}, []),
        ({0: RangeCount(2, 7)}, {0: RangeCount(3, 9)}, [(0, 1023)]),
        ({0: RangeCount(2, 7)}, {0: RangeCount(2, 9)}, [(0, 1023)]),  # as many keys, and not the same
        ({0: RangeCount(2, 7)}, {}, [(0, 1023)]),
        ({}, {-1: RangeCount(1, 1), 0: RangeCount(1, 1), 2: RangeCount(1, 1)}, [(-1024, 1023), (2048, 3071)]),
        ({}, {3_000_000: RangeCount(1, 1)}, [(3_072_000_000, 3_072_001_023)]),
    ],
)
def test_ranges_whose_keys_changed(then, now, spans):
    assert changed_spans(then, now) == spans
