"""How verify reads days and timestamps that Python does not have."""

import datetime as dt

import pytest

from dvdrental_etl.verify import reader


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (None, None),
        ("2007-05-14", dt.date(2007, 5, 14)),
        ("9999-12-31", dt.date(9999, 12, 31)),
        ("2007-05-14 13:44:29.000001", dt.datetime(2007, 5, 14, 13, 44, 29, 1)),
        ("infinity", "infinity"),  # psycopg2 makes 9999-12-31 of it
        ("-infinity", "-infinity"),
        ("0044-03-15 BC", "0044-03-15 BC"),
        ("10000-01-01", "10000-01-01"),
        ("294276-12-31 23:59:59.999999", "294276-12-31 23:59:59.999999"),
    ],
)
def test_a_day_or_a_timestamp_is_its_text_where_python_has_none(text, value):
    assert reader._time(text, None) == value
