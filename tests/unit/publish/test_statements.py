"""differs(): a comparison of columns in which NULL is a value. Run by the SQL engine that comes with Python."""

import itertools
import sqlite3

import pytest

from dvdrental_etl.publish.statements import differs

VALUES = [None, 0, 1, "", "a", "A", "a "]


def found(left, right, columns):
    query = f"SELECT CASE WHEN {differs('l', 'r', columns)} THEN 1 ELSE 0 END FROM l CROSS JOIN r"
    names = ", ".join(columns)
    with sqlite3.connect(":memory:") as database:
        for table, row in (("l", left), ("r", right)):
            database.execute(f"CREATE TABLE {table} ({names})")
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        return bool(database.execute(query).fetchone()[0])


@pytest.mark.parametrize(("left", "right"), list(itertools.product(VALUES, VALUES)))
def test_null_equals_null_and_differs_from_every_value(left, right):
    # Python says the same of None: None == None, and None is no value.
    assert found([left], [right], ["a"]) is (left != right)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((1, None, "x"), (1, None, "x"), False),
        ((1, None, "x"), (1, "x", None), True),
        ((None, None, None), (None, None, None), False),
        ((None, None, None), (None, None, 0), True),
        ((2, None, None), (1, None, None), True),
        ((1, None, None), (None, None, None), True),
        ((1, 2, 3), (1, 9, 3), True),
        ((1, 2, 3), (1, None, 3), True),
        ((1, 2, 3), (1, 2, None), True),
    ],
)
def test_rows_differ_when_any_column_does(left, right, expected):
    assert found(left, right, ["a", "b", "c"]) is expected
