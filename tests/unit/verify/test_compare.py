"""Rows compared with rows: split into ranges of keys, and each difference described. Expected values are by hand."""

from decimal import Decimal

import pytest

from dvdrental_etl.verify.compare import Difference, Row, by_range, differences, rows_of


def row(key, /, **values):
    return Row(key, tuple(values), tuple(values.values()), {})


def test_rows_have_values_and_signs_by_name():
    names = ("film_id", "title", "written_since_load", "missing_reference")
    assert list(rows_of(names, [(7, "ACE", True, None), (8, None, False, "language.language_id 3")])) == [
        Row(7, ("title",), ("ACE",), {"written_since_load": True, "missing_reference": None}),
        Row(
            8,
            ("title",),
            (None,),
            {"written_since_load": False, "missing_reference": "language.language_id 3"},
        ),
    ]


def test_a_flag_can_be_a_value_and_a_sign():
    assert list(rows_of(("film_id", "is_inferred", "is_inferred_member"), [(7, True, True)])) == [
        Row(7, ("is_inferred",), (True,), {"is_inferred_member": True})
    ]


def keys(ranges):
    return [(number, [r.key for r in ours], [r.key for r in theirs]) for number, ours, theirs in ranges]


@pytest.mark.parametrize(
    ("source", "warehouse", "expected"),
    [
        ([], [], []),
        ([1, 2], [], [(0, [1, 2], [])]),
        ([], [1024], [(1, [], [1024])]),
        ([1, 1023, 1024], [1023, 1024, 2047], [(0, [1, 1023], [1023]), (1, [1024], [1024, 2047])]),
        ([5000], [1], [(0, [], [1]), (4, [5000], [])]),
        ([1], [5000], [(0, [1], []), (4, [], [5000])]),
        ([-1025, -1, 0], [-1024], [(-2, [-1025], []), (-1, [-1], [-1024]), (0, [0], [])]),
        ([3, 3], [3], [(0, [3, 3], [3])]),
        (
            [0, 2048, 2**40],
            [1024, 2**40],
            [(0, [0], []), (1, [], [1024]), (2, [2048], []), (2**30, [2**40], [2**40])],
        ),
    ],
)
def test_two_streams_are_split_into_the_same_ranges(source, warehouse, expected):
    assert keys(by_range(map(row, source), map(row, warehouse))) == expected


def test_one_range_is_in_memory_at_a_time():
    read = []

    def stream():
        for key in range(0, 10 * 1024, 512):
            read.append(key)
            yield row(key)

    ranges = by_range(stream(), iter(()))
    assert next(ranges)[0] == 0
    # by_range has read one range ahead: all of its rows, and the first row after them.
    assert read == [0, 512, 1024, 1536, 2048]


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (None, ""),
        ("", None),
        (None, 0),
        (Decimal("1.00"), Decimal("1.01")),
        ("a", "a "),
        (-1, -2),
        (True, None),
    ],
)
def test_values_that_differ(value, other):
    assert list(differences([row(1, a=value, b=2)], [row(1, a=other, b=2)])) == [
        Difference(1, "a", value, other)
    ]


@pytest.mark.parametrize("value", [None, "", "a", 5, Decimal("1.50"), True])
def test_values_that_are_equal(value):
    assert list(differences([row(1, a=value)], [row(1, a=value)])) == []


def test_all_differences_are_found():
    source = [row(1, a=1, b=1), row(2, a=2, b=2), row(4, a=4, b=4), row(5, a=5, b=5)]
    warehouse = [row(1, a=1, b=0), row(2, a=0, b=0), row(3, a=3, b=3), row(5, a=5, b=5), row(5, a=5, b=5)]
    assert list(differences(source, warehouse)) == [
        Difference(1, "b", 1, 0),
        Difference(2, "a", 2, 0),
        Difference(2, "b", 2, 0),
        Difference(4, None, source[2], None),
        Difference(3, None, None, warehouse[2]),
        Difference(5, None, 1, 2),
    ]


def test_rows_without_order_are_compared_too():
    assert list(differences([row("b", n=1), row(None, n=2)], [row(None, n=3), row("b", n=1)])) == [
        Difference(None, "n", 2, 3)
    ]


def test_rows_with_different_columns_are_not_compared():
    with pytest.raises(AssertionError, match=r"'a'.* against .*'b'"):
        list(differences([row(1, a=1)], [row(1, b=1)]))


@pytest.mark.parametrize(
    ("difference", "text", "is_only_in_warehouse", "is_duplicate"),
    [
        (Difference(7, "city", "Here", None), "7: city is None, in the source 'Here'", False, False),
        (Difference(7, None, None, row(7)), "7 is not in the source", True, False),
        (Difference(7, None, row(7), None), "7 is missing, the source has it", False, False),
        (Difference(7, None, 1, 2), "7 occurs 2 times, in the source 1", False, True),
    ],
)
def test_a_difference_is_described(difference, text, is_only_in_warehouse, is_duplicate):
    assert str(difference) == text
    assert (difference.is_only_in_warehouse, difference.is_duplicate) == (is_only_in_warehouse, is_duplicate)
