"""The generated business has the size, the rules and the oddities of the real dvdrental, at any scale."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.generator import trade
from sandbox.generator.draw import Draw, is_among, nth_other, spread
from sandbox.generator.generate import chunks, tables
from sandbox.generator.sizes import Sizes

SCALES = [0.01, 0.3, 1.0]


@lru_cache(maxsize=40)
def made(table: str, scale: float, seed: int = 1) -> list[dict]:
    """All rows of a table, as generated."""
    sizes = Sizes.of(scale)
    make_rows, count = tables(sizes)[table]
    return make_rows(sizes, Draw(seed), np.arange(count, dtype=np.int64)).to_pylist()


def csv(table: str, seed: int, size: int) -> bytes:
    sizes = Sizes.of(0.05)
    make_rows, count = tables(sizes)[table]
    return b"".join(rows for _, rows in chunks(make_rows, count, sizes, Draw(seed), size))


def test_scale_1_has_the_size_of_the_real_database():
    rows = {table: len(made(table, 1)) for table in tables(Sizes.of(1)) if table != "film_actor"}
    assert rows == {
        "language": 6, "category": 16, "actor": 200, "film": 1000, "film_category": 1000, "country": 109,
        "city": 600, "address": 603, "store": 2, "staff": 2, "customer": 599, "inventory": 4581,
        "rental": 16044, "payment": 14596,
    }  # fmt: skip
    assert 5000 < len(made("film_actor", 1)) < 6000  # 5,462 in the real one


@pytest.mark.parametrize("scale", [0, 0.009, 100_001, float("nan"), -1])
def test_a_scale_out_of_range_is_refused(scale):
    with pytest.raises(ValueError, match="the scale must lie between"):
        Sizes.of(scale)


def test_keys_are_smallint_as_in_dvdrental_until_they_outgrow_it():
    assert set(Sizes.of(50).key_types.values()) == {"smallint"}
    assert set(Sizes.of(100).key_types.values()) == {"integer"}


@pytest.mark.parametrize("table", [*tables(Sizes.of(1))])
def test_rows_depend_on_the_seed_alone_and_not_on_the_chunks(table):
    assert csv(table, seed=1, size=7) == csv(table, seed=1, size=100_000)
    if table in ("address", "customer", "film", "film_actor", "payment", "rental"):
        assert csv(table, seed=1, size=1000) != csv(table, seed=2, size=1000)


@pytest.mark.parametrize("scale", SCALES)
def test_every_reference_leads_to_a_row(scale):
    keys = {
        table: {row[f"{table}_id"] for row in made(table, scale)}
        for table in tables(Sizes.of(scale))
        if table not in ("film_actor", "film_category", "payment")
    }
    references = [
        ("address", "city_id"), ("city", "country_id"), ("customer", "address_id"), ("customer", "store_id"),
        ("film", "language_id"), ("film_actor", "actor_id"), ("film_actor", "film_id"),
        ("film_category", "film_id"), ("film_category", "category_id"), ("inventory", "film_id"),
        ("inventory", "store_id"), ("rental", "customer_id"), ("rental", "inventory_id"),
        ("rental", "staff_id"), ("payment", "customer_id"), ("payment", "rental_id"), ("payment", "staff_id"),
        ("staff", "address_id"), ("staff", "store_id"), ("store", "address_id"),
    ]  # fmt: skip
    for table, column in references:
        assert {row[column] for row in made(table, scale)} <= keys[column.removesuffix("_id")], (
            table,
            column,
        )
    managers = [row["manager_staff_id"] for row in made("store", scale)]
    assert set(managers) <= keys["staff"]
    assert len(set(managers)) == len(managers)


@pytest.mark.parametrize("scale", SCALES)
def test_one_rental_has_five_payments_four_of_them_by_others(scale):
    renter = {row["rental_id"]: row["customer_id"] for row in made("rental", scale)}
    payments = made("payment", scale)
    times = Counter(row["rental_id"] for row in payments)
    ((contested, five),) = [(rental, count) for rental, count in times.items() if count > 1]
    assert five == 5
    strangers = [row for row in payments if row["customer_id"] != renter[row["rental_id"]]]
    assert [row["rental_id"] for row in strangers] == [contested] * 4
    assert len({row["customer_id"] for row in strangers}) == 4
    assert len({row["payment_date"].date() for row in payments if row["rental_id"] == contested}) > 1


@pytest.mark.parametrize(("scale", "open_ones", "unpaid"), [(0.01, 2, 18), (1, 183, 1452), (3, 549, 4348)])
def test_open_rentals_are_paid_and_some_closed_ones_are_not(scale, open_ones, unpaid):
    rentals = made("rental", scale)
    paid = {row["rental_id"] for row in made("payment", scale)}
    still_out = [row for row in rentals if row["return_date"] is None]
    assert len(still_out) == open_ones
    assert {str(row["rental_date"]) for row in still_out} == {"2006-02-14 15:16:03"}
    assert {row["rental_id"] for row in still_out} <= paid
    assert sum(row["rental_id"] not in paid for row in rentals) == unpaid


@pytest.mark.parametrize("scale", SCALES)
def test_payments_and_rentals_have_no_day_in_common(scale):
    rented = {row["rental_date"].date() for row in made("rental", scale)}
    paid = {row["payment_date"].date() for row in made("payment", scale)}
    assert {day.year for day in rented} == {2005, 2006}
    assert {(day.year, day.month) for day in paid} == {(2007, 2), (2007, 3), (2007, 4), (2007, 5)}
    if scale >= 1:
        assert (len(rented), len(paid)) == (41, 32)


@pytest.mark.parametrize("scale", SCALES)
def test_a_copy_is_back_before_it_goes_out_again(scale):
    by_copy: dict[int, list[dict]] = {}
    for row in sorted(made("rental", scale), key=lambda row: row["rental_date"]):
        by_copy.setdefault(row["inventory_id"], []).append(row)
    for rentals in by_copy.values():
        for earlier, later in pairwise(rentals):
            assert earlier["return_date"] is not None
            assert earlier["return_date"] < later["rental_date"]


@pytest.mark.parametrize(("scale", "free"), [(0.01, 1), (1, 24), (3, 72)])
def test_amounts(scale, free):
    amounts = Counter(row["amount"] for row in made("payment", scale))
    assert amounts["0.00"] == free
    total = sum(amounts.values())
    if scale >= 1:
        # The commonest in the real one: 4.99 (23 %), 2.99 (22 %), 0.99 (19 %); all in all 4.20 each.
        assert {amount for amount, _ in amounts.most_common(3)} == {"0.99", "2.99", "4.99"}
        mean = sum(float(amount) * count for amount, count in amounts.items()) / total
        assert 4.0 < mean < 4.5


@pytest.mark.parametrize(("scale", "without_copies"), [(0.01, 1), (1, 42)])
def test_some_films_have_no_copy_and_every_store_has_some(scale, without_copies):
    copies = made("inventory", scale)
    films = {row["film_id"] for row in made("film", scale)}
    assert len(films - {row["film_id"] for row in copies}) == without_copies
    assert {row["store_id"] for row in copies} == {row["store_id"] for row in made("store", scale)}


def test_films_at_the_smallest_scale_have_every_oddity():
    films = made("film", 0.01)
    assert {row["rating"] for row in films} == {"G", "PG", "PG-13", "R", "NC-17"}
    assert {row["release_year"] for row in films} == {2006}
    features = [row["special_features"] for row in films]
    assert {None, "{}"} < set(features)
    sets = Counter(frozenset(text.strip("{}").split(",")) for text in set(features) - {None, "{}"})
    assert sets.most_common(1)[0][1] > 1, "no two films have the same features in another order"
    titles = "".join(row["title"] for row in films)
    assert all(odd in titles for odd in ('"', ",", "\\", "é", "北"))
    cast = Counter(row["film_id"] for row in made("film_actor", 0.01))
    assert len(films) - len(cast) == 1
    pairs = [(row["film_id"], row["actor_id"]) for row in made("film_actor", 0.01)]
    assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize(("scale", "inactive"), [(0.01, 1), (1, 15)])
def test_customers(scale, inactive):
    customers = made("customer", scale)
    assert sum(row["active"] == 0 for row in customers) == inactive
    assert all(row["activebool"] for row in customers)
    assert {str(row["last_update"]) for row in customers} == {"2013-05-26 14:49:45.738000"}
    names = "".join(row["first_name"] + row["last_name"] for row in customers)
    assert all(odd in names for odd in ('"', ",", "\\", "'", "é", "ü", "Ł", "北"))
    assert all(row["email"].isascii() and len(row["email"]) <= 50 for row in customers)


def test_addresses_at_the_smallest_scale_have_empty_and_missing_texts():
    addresses = made("address", 0.01)
    for column, odd in (("phone", ""), ("district", ""), ("address2", ""), ("address2", None)):
        assert odd in {row[column] for row in addresses}, (column, odd)
    assert {"", None} < {row["postal_code"] for row in addresses}


def test_an_empty_text_and_a_missing_one_differ_in_the_csv():
    table = pa.table({"number": [1, 2], "text": pa.array(["", None], pa.string())})
    ((columns, rows),) = chunks(lambda _sizes, _draw, _rows: table, 2, Sizes.of(1), Draw(1))
    assert (columns, rows) == (["number", "text"], b'1,""\n2,\n')


@given(st.integers(1, 3000), st.data())
def test_shuffled_is_a_permutation(count, data):
    places = np.arange(count, dtype=np.int64)
    assert sorted(trade.shuffled(places, count)) == list(range(count))


@given(st.sets(st.integers(0, 200)))
def test_nth_other_counts_what_is_not_left_out(left_out):
    expected = [number for number in range(400) if number not in left_out][:150]
    got = nth_other(np.arange(150, dtype=np.int64), np.array(sorted(left_out), dtype=np.int64))
    assert got.tolist() == expected


@given(st.integers(0, 50), st.integers(0, 100), st.integers(0, 100))
def test_spread_gives_different_numbers_in_range(count, first, more):
    numbers = spread(count, first, first + count + more)
    assert len(set(numbers.tolist())) == count
    assert all(first <= number < first + count + more for number in numbers)
    rows = np.arange(300, dtype=np.int64)
    assert rows[is_among(rows, numbers)].tolist() == numbers.tolist()
