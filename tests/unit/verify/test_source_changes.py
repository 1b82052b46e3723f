"""What the source changed since the load is distinguished from what is wrong in the warehouse."""

from typing import Any

import pytest

from dvdrental_etl.verify.compare import Row
from dvdrental_etl.verify.source_changes import LastLoad, SourceChanges


class Counts:
    """A database that answers queries for (rows, sum of the key hashes), and records their parameters."""

    def __init__(self, *answers):
        self.answers, self.queries = list(answers), []

    def rows(self, query, parameters):  # noqa: ARG002 - the signature of SnapshotReader
        self.queries.append(parameters)
        return self.answers.pop(0)


def source_row(key, written_since=False, missing=None, **values):
    signs = {"written_since_load": written_since, "missing_reference": missing}
    return Row(key, tuple(values), tuple(values.values()), signs)


def warehouse_row(key, inferred=False, **values):
    return Row(key, tuple(values), tuple(values.values()), {"is_inferred_member": inferred})


def changes(source=None, warehouse=None, horizon="100", quarantined=frozenset()):
    load = LastLoad("dim_film", "film", 1, horizon, {0: quarantined} if quarantined else {})
    sides: tuple[Any, Any] = source or Counts(), warehouse or Counts()
    return SourceChanges(*sides, load)


def classified(since, source, warehouse, number=0):
    found = since.classify(number, source, warehouse)
    return [(d.key, d.column) for d in found.findings], set(found.waiting)


@pytest.mark.parametrize(
    ("horizon", "written_since", "expected"),
    [
        ("100", False, ([(1, "a")], set())),
        ("100", None, ([(1, "a")], set())),
        ("100", True, ([], {1})),
        (None, True, ([(1, "a")], set())),
    ],
)
def test_a_row_written_since_the_load_is_waiting(horizon, written_since, expected):
    since = changes(horizon=horizon)
    assert classified(since, [source_row(1, written_since, a=1)], [warehouse_row(1, a=2)]) == expected


@pytest.mark.parametrize(("written_since", "expected"), [(False, ([(1, None)], set())), (True, ([], {1}))])
def test_a_row_inserted_since_the_load_is_waiting(written_since, expected):
    assert classified(changes(), [source_row(1, written_since, a=1)], []) == expected


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ([(3, 600)], ([], {2})),  # the load counted 1, 2 and 5, so 2 was deleted later
        ([(2, 300)], ([(2, None)], set())),
        ([(3, 601)], ([(2, None)], set())),
        ([], ([(2, None)], set())),
    ],
)
def test_a_row_deleted_since_the_load_is_waiting_if_the_load_counted_its_keys(then, expected):
    source, warehouse = Counts([(3, 600)]), Counts(then)
    since = changes(source, warehouse)
    ours = [source_row(1, a=1), source_row(5, a=1), source_row(6, True, a=1)]
    theirs = [warehouse_row(1, a=1), warehouse_row(2, a=1), warehouse_row(5, a=1)]
    found, waiting = classified(since, ours, theirs)
    assert (found, waiting) == (expected[0], expected[1] | {6})
    assert source.queries == [{"keys": [1, 2, 5]}]
    assert warehouse.queries == [{"table": "dim_film", "source": "film", "number": 0}]


def test_the_load_counted_missing_and_quarantined_rows_too():
    source, warehouse = Counts([(4, 40)]), Counts([(4, 40)])
    since = changes(source, warehouse, quarantined={9})
    found, waiting = classified(
        since,
        [source_row(1, a=1), source_row(3, a=1), source_row(9, a=1)],
        [warehouse_row(1, a=1), warehouse_row(2, a=1), warehouse_row(4, inferred=True, a=1)],
    )
    assert (found, waiting) == ([(3, None)], {2})
    assert source.queries == [{"keys": [1, 2, 3, 9]}]


def test_another_source_explains_no_extra_row():
    since = changes(horizon=None)
    assert classified(since, [], [warehouse_row(2, a=1)]) == ([(2, None)], set())


def test_an_inferred_member_may_be_unknown_to_the_source_but_not_wrong():
    assert classified(changes(), [], [warehouse_row(2, inferred=True, a=1)]) == ([], set())
    assert classified(changes(), [source_row(2, a=2)], [warehouse_row(2, inferred=True, a=1)]) == (
        [(2, "a")],
        set(),
    )


@pytest.mark.parametrize(
    ("ours", "waiting"),
    [
        ([source_row(7, a=2)], set()),
        ([source_row(7, True, a=2)], {7}),  # corrected since
        ([], {7}),  # deleted since
    ],
)
def test_a_row_in_quarantine_is_not_compared(ours, waiting):
    assert classified(changes(quarantined={7}), ours, [warehouse_row(7, a=1)]) == ([], waiting)
    assert classified(changes(quarantined={7}, horizon=None), ours, [warehouse_row(7, a=1)]) == ([], set())


def test_a_duplicate_row_is_always_a_finding():
    since = changes()
    ours, theirs = [source_row(1, True, a=1)], [warehouse_row(1, a=1), warehouse_row(1, a=1)]
    assert classified(since, ours, theirs) == ([(1, None)], set())


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
def test_the_range_of_a_missing_reference_is_counted_once(then, now, expected):
    source, warehouse = Counts(now), Counts(then)
    since = changes(source, warehouse)
    missing = "film_category.film_id 3000"
    ours = [source_row(1, missing=missing, a=1), source_row(2, missing=missing, a=1)]
    assert classified(since, ours, [warehouse_row(1, a=2), warehouse_row(2, a=2)]) == expected
    assert source.queries == [{"low": 2048, "high": 3071}]
    assert warehouse.queries == [{"table": "dim_film", "source": "film_category", "number": 2}]
