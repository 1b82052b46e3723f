"""Rows and money per day, added up."""

import datetime as dt
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dvdrental_etl.model.totals import add, all_days

MONDAY, TUESDAY = dt.date(2007, 5, 14), dt.date(2007, 5, 15)


def test_totals_are_added_day_by_day():
    assert add(
        {MONDAY: (2, Decimal("5.98")), None: (1, None)},
        {MONDAY: (1, None), TUESDAY: (1, Decimal("0.00"))},
        {None: (3, None)},
    ) == {MONDAY: (3, Decimal("5.98")), TUESDAY: (1, Decimal("0.00")), None: (4, None)}
    assert add() == {}


def test_the_whole_of_totals():
    assert all_days({MONDAY: (2, Decimal("5.98")), TUESDAY: (1, None)}) == (3, Decimal("5.98"))
    assert all_days({None: (4, None)}) == (4, None)
    assert all_days({MONDAY: (1, Decimal("0.00"))}) == (1, Decimal("0.00"))
    assert all_days({}) == (0, None)


days = st.none() | st.dates(dt.date(2007, 1, 1), dt.date(2007, 1, 4))
money = st.none() | st.decimals(-999, 999, places=2, allow_nan=False, allow_infinity=False)
totals = st.dictionaries(days, st.tuples(st.integers(1, 1000), money), max_size=5)


@given(totals, totals)
def test_adding_totals_does_not_mind_their_order(one, other):
    assert add(one, other) == add(other, one)


@given(totals, totals, totals)
def test_adding_totals_does_not_mind_their_grouping(one, two, three):
    left = add(add(one, two), three)
    right = add(one, add(two, three))
    assert left == right == add(one, two, three)


@given(totals, totals)
def test_adding_totals_keeps_the_whole(one, other):
    rows, amount = all_days(add(one, other))
    assert rows == all_days(one)[0] + all_days(other)[0]
    amounts = [part for part in (all_days(one)[1], all_days(other)[1]) if part is not None]
    assert amount == (sum(amounts) if amounts else None)


@given(totals)
def test_adding_nothing_changes_nothing(one):
    assert add(one, {}) == one
