"""Facts get the surrogate keys of the versions that were valid at their event. Expected keys are written by hand."""

import datetime as dt
import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvdrental_etl.staging.surrogate_keys import Keying, Versions

FIRST, LAST = dt.datetime(1900, 1, 1), dt.datetime(9999, 12, 31)
MARCH, JUNE = dt.datetime(2007, 3, 1), dt.datetime(2007, 6, 1, 12, 30)
MICROSECOND = dt.timedelta(microseconds=1)

Version = tuple[int, int, dt.datetime, dt.datetime]


def versions(*rows: Version, **options: int) -> Versions:
    """From (key, natural key, valid_from, valid_to)."""
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    keys, natural_keys = (np.array(column, np.int64) for column in columns[:2])
    valid_from, valid_to = (
        np.array([int((each - dt.datetime(2000, 1, 1)) / MICROSECOND) for each in column], np.int64)
        for column in columns[2:]
    )
    return Versions.of(
        keys=keys, natural_keys=natural_keys, valid_from=valid_from, valid_to=valid_to, **options
    )


def keying(customers: Versions, movies: Versions) -> Keying:
    return Keying(
        "sold_at",
        {"customer_id": customers, "film_id": movies},
        ("sales_key", "customer_key", "movie_key", "sold_at", "batch_id"),
        7,
    )


def facts(*rows: tuple[int, int | None, int | None, dt.datetime | None]) -> pa.RecordBatch:
    kinds = {
        "sales_key": pa.int64(),
        "customer_id": pa.int32(),
        "film_id": pa.int32(),
        "sold_at": pa.timestamp("us"),
    }
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds.values(), strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=list(kinds))


#: Natural keys as they come out of a sequence, and as a service of random ids would make them.
@pytest.fixture(params=[8, 3_000_000], ids=["dense", "sparse"])
def last(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def customers(last: int) -> Versions:
    """Customer 5 has three versions, not in order; 8 (or so) has one; -1 is the unknown one."""
    return versions(
        (52, 5, JUNE, LAST),
        (80, last, FIRST, LAST),
        (-1, -1, FIRST, LAST),
        (51, 5, MARCH, JUNE),
        (50, 5, FIRST, MARCH),
    )


MOVIES = versions((1, 1, FIRST, LAST), (2, 2, JUNE, LAST))


@pytest.mark.parametrize(
    ("at", "key"),
    [
        (FIRST, 50),
        (MARCH - MICROSECOND, 50),
        (MARCH, 51),
        (JUNE - MICROSECOND, 51),
        (JUNE, 52),
        (dt.datetime(2300, 1, 1), 52),
    ],
)
def test_the_version_of_its_time(customers: Versions, at: dt.datetime, key: int) -> None:
    found, early = keying(customers, MOVIES).with_keys(facts((1, 5, 1, at)))
    assert found.to_pylist() == [
        {"sales_key": 1, "customer_key": key, "movie_key": 1, "sold_at": at, "batch_id": 7}
    ]
    assert early.num_rows == 0


def test_a_batch_keeps_its_order_and_types(customers: Versions, last: int) -> None:
    found, early = keying(customers, MOVIES).with_keys(
        facts((1, last, 1, JUNE), (2, 5, 2, JUNE), (3, None, 1, MARCH), (4, 5, None, MARCH))
    )
    assert found.column("sales_key").to_pylist() == [1, 2, 3, 4]
    assert found.column("customer_key").to_pylist() == [80, 52, -1, 51]
    assert found.column("movie_key").to_pylist() == [1, 2, 1, -1]
    assert found.schema.field("customer_key").type == pa.int64()
    assert early.num_rows == 0


def test_facts_before_their_members_keep_natural_keys(customers: Versions, last: int) -> None:
    """Without its member below, among and above those that are there; before its version; without a timestamp."""
    late = [(2, -7, 1, JUNE), (3, 4, 1, JUNE), (4, last + 9, 1, JUNE), (5, 5, 2, MARCH), (6, 5, 1, None)]
    found, early = keying(customers, MOVIES).with_keys(facts((1, 5, 1, JUNE), *late, (7, -1, 1, JUNE)))
    assert found.column("sales_key").to_pylist() == [1, 7]
    assert found.column("customer_key").to_pylist() == [52, -1]
    assert early.equals(facts(*late))


def test_a_dimension_without_rows() -> None:
    nobody = versions()
    found, early = keying(nobody, MOVIES).with_keys(facts((1, 5, 1, JUNE), (2, None, 1, JUNE)))
    assert found.column("customer_key").to_pylist() == [-1]
    assert early.equals(facts((1, 5, 1, JUNE)))


def test_the_largest_natural_keys_are_distinguished() -> None:
    most = 2**63 - 1
    found, is_valid = versions((1, 1, FIRST, LAST), (2, 2, FIRST, LAST)).at(
        np.array([most, 2, -most]), np.array([0, 0, 0])
    )
    assert is_valid.tolist() == [False, True, False]
    assert found[1] == 2


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    """Members with one to five versions each, without gaps: (key, natural key, valid_from, valid_to), in any order."""
    rows = []
    for member in draw(st.lists(st.integers(-3, 60), unique=True)):
        cuts = sorted(draw(st.sets(st.integers(0, 20), min_size=2, max_size=6)))
        rows += [(member, *span) for span in itertools.pairwise(cuts)]
    return [(key, *row) for key, row in enumerate(draw(st.permutations(rows)), 1)]


@given(histories(), st.lists(st.tuples(st.integers(-5, 65), st.integers(-2, 22)), min_size=1), st.booleans())
def test_it_finds_what_a_walk_through_all_versions_finds(
    rows: Sequence[tuple[int, int, int, int]], asked: Sequence[tuple[int, int]], is_sparse: bool
) -> None:
    columns = [np.array(column, np.int64) for column in zip(*rows, strict=True)] or [
        np.array([], np.int64)
    ] * 4
    keys, natural_keys, valid_from, valid_to = columns
    made = Versions.of(
        keys=keys,
        natural_keys=natural_keys,
        valid_from=valid_from,
        valid_to=valid_to,
        numbers_per_version=0 if is_sparse else 1000,
    )
    assert (made.starts is None) == (is_sparse or not rows)
    members, events = (np.array(column, np.int64) for column in zip(*asked, strict=True))
    found, is_valid = made.at(members, events)
    by_walking = [
        [key for key, natural, low, high in rows if natural == member and low <= event < high]
        for member, event in asked
    ]
    assert [[int(key)] if valid else [] for key, valid in zip(found, is_valid, strict=True)] == by_walking
