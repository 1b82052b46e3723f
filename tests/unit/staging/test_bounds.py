"""The earliest and the latest timestamp of columns."""

import datetime as dt

import pyarrow as pa

from dvdrental_etl.staging.bounds import Bounds, bounds_in, merged, timestamp_text

EARLY, LATE = dt.datetime(850, 1, 2), dt.datetime(2007, 5, 14, 13, 44, 29, 996577)


def test_text_sorts_like_time():
    texts = [timestamp_text(value) for value in (EARLY, dt.date(2007, 5, 14), LATE)]
    assert texts == ["0850-01-02 00:00:00.000000", "2007-05-14 00:00:00.000000", "2007-05-14 13:44:29.996577"]
    assert sorted(texts) == texts


def test_only_moments_have_bounds_and_null_has_none():
    table = pa.table(
        {
            "n": pa.array([1, 2, 3]),
            "ts": pa.array([LATE, None, EARLY], pa.timestamp("us")),
            "day": pa.array([None, dt.date(2007, 5, 14), None], pa.date32()),
            "nothing": pa.array([None, None, None], pa.timestamp("us")),
        }
    )
    assert bounds_in(table) == {
        "ts": ("0850-01-02 00:00:00.000000", "2007-05-14 13:44:29.996577"),
        "day": ("2007-05-14 00:00:00.000000", "2007-05-14 00:00:00.000000"),
    }


def test_parts_are_merged():
    parts: list[Bounds] = [{"a": ("2", "3")}, {"a": ["1", "2"], "b": ("5", "5")}, {}]
    assert merged(parts) == {"a": ("1", "3"), "b": ("5", "5")}
