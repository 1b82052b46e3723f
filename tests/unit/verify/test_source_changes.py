"""What the source did since the load is told from what the warehouse has wrong."""

from typing import Any

import pytest

from dvdrental_etl.verify.compare import Row
from dvdrental_etl.verify.source_changes import Mark, Since


class Counts:
    """A source or warehouse that is asked for (rows, sum of the keys) only; each question is noted."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def rows(self, query, parameters):  # noqa: ARG002 - as Moment has it
        self.asked.append(parameters)
        return self.answers.pop(0)


def source_row(key, young=False, gone=None, **values):
    return Row(key, tuple(values), tuple(values.values()), {"is_young": young, "gone": gone})


def warehouse_row(key, early=False, **values):
    return Row(key, tuple(values), tuple(values.values()), {"is_early": early})


def since(source=None, warehouse=None, horizon="100", quarantined=frozenset()):
    mark = Mark("dim_film", "film", 1, horizon, {0: quarantined} if quarantined else {})
    sides: tuple[Any, Any] = source or Counts(), warehouse or Counts()
    return Since(*sides, mark)


def judged(told, source, warehouse, number=0):
    found = told.judge(number, source, warehouse)
    return [(d.key, d.column) for d in found.found], set(found.waiting)


@pytest.mark.parametrize(
    ("horizon", "young", "expected"),
    [
        ("100", False, ([(1, "a")], set())),
        ("100", None, ([(1, "a")], set())),
        ("100", True, ([], {1})),
        (None, True, ([(1, "a")], set())),
    ],
)
def test_a_row_written_since_waits(horizon, young, expected):
    told = since(horizon=horizon)
    assert judged(told, [source_row(1, young, a=1)], [warehouse_row(1, a=2)]) == expected


@pytest.mark.parametrize(("young", "expected"), [(False, ([(1, None)], set())), (True, ([], {1}))])
def test_a_row_that_came_since_waits(young, expected):
    assert judged(since(), [source_row(1, young, a=1)], []) == expected


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ([(3, 600)], ([], {2})),  # the load saw 1, 2 and 5: so 2 went later
        ([(2, 300)], ([(2, None)], set())),
        ([(3, 601)], ([(2, None)], set())),
        ([], ([(2, None)], set())),
    ],
)
def test_a_row_that_went_since_waits_if_the_load_saw_its_keys(then, expected):
    source, warehouse = Counts([(3, 600)]), Counts(then)
    told = since(source, warehouse)
    ours = [source_row(1, a=1), source_row(5, a=1), source_row(6, True, a=1)]
    theirs = [warehouse_row(1, a=1), warehouse_row(2, a=1), warehouse_row(5, a=1)]
    found, waiting = judged(told, ours, theirs)
    assert (found, waiting) == (expected[0], expected[1] | {6})
    assert source.asked == [{"keys": [1, 2, 5]}]
    assert warehouse.asked == [{"table": "dim_film", "source": "film", "number": 0}]


def test_what_should_be_there_and_what_is_in_quarantine_was_seen_by_the_load_too():
    source, warehouse = Counts([(4, 40)]), Counts([(4, 40)])
    told = since(source, warehouse, quarantined={9})
    found, waiting = judged(
        told,
        [source_row(1, a=1), source_row(3, a=1), source_row(9, a=1)],
        [warehouse_row(1, a=1), warehouse_row(2, a=1), warehouse_row(4, early=True, a=1)],
    )
    assert (found, waiting) == ([(3, None)], {2})
    assert source.asked == [{"keys": [1, 2, 3, 9]}]


def test_nothing_that_another_source_lacks_is_excused():
    told = since(horizon=None)
    assert judged(told, [], [warehouse_row(2, a=1)]) == ([(2, None)], set())


def test_an_early_member_may_be_unknown_to_the_source_but_not_wrong():
    assert judged(since(), [], [warehouse_row(2, early=True, a=1)]) == ([], set())
    assert judged(since(), [source_row(2, a=2)], [warehouse_row(2, early=True, a=1)]) == ([(2, "a")], set())


@pytest.mark.parametrize(
    ("ours", "waiting"),
    [
        ([source_row(7, a=2)], set()),
        ([source_row(7, True, a=2)], {7}),  # mended since
        ([], {7}),  # deleted since
    ],
)
def test_a_row_in_quarantine_is_not_compared(ours, waiting):
    assert judged(since(quarantined={7}), ours, [warehouse_row(7, a=1)]) == ([], waiting)
    assert judged(since(quarantined={7}, horizon=None), ours, [warehouse_row(7, a=1)]) == ([], set())


def test_a_doubled_row_is_never_the_sources_doing():
    told = since()
    ours, theirs = [source_row(1, True, a=1)], [warehouse_row(1, a=1), warehouse_row(1, a=1)]
    assert judged(told, ours, theirs) == ([(1, None)], set())


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ([(5, 55)], [(4, 44)], ([], {1, 2})),
        ([(5, 55)], [(5, 54)], ([], {1, 2})),
        ([(5, 55)], [(5, 55)], ([(1, "a"), (2, "a")], set())),
        ([], [(0, None)], ([(1, "a"), (2, "a")], set())),
        ([], [(1, 3)], ([], {1, 2})),
    ],
)
def test_a_part_that_is_gone_is_looked_for_once_among_the_keys_around_it(then, now, expected):
    source, warehouse = Counts(now), Counts(then)
    told = since(source, warehouse)
    gone = "film_category.film_id 3000"
    ours = [source_row(1, gone=gone, a=1), source_row(2, gone=gone, a=1)]
    assert judged(told, ours, [warehouse_row(1, a=2), warehouse_row(2, a=2)]) == expected
    assert source.asked == [{"low": 2048, "high": 3071}]
    assert warehouse.asked == [{"table": "dim_film", "source": "film_category", "number": 2}]
