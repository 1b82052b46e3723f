"""Versions (SCD2): each test changes the source, loads, and looks at the history of one member."""

from collections.abc import Callable

import pytest

from tests.support.environment import Environment
from tests.support.jobs import counts, expected_counts

BEGIN, OPEN = "1900-01-01 00:00:00", "9999-12-31 00:00:00"
DAY_1, DAY_2, DAY_3 = "2007-07-01 00:00:00", "2007-07-02 00:00:00", "2007-07-03 00:00:00"
Change = Callable[..., None]


@pytest.fixture
def aged(env: Environment) -> Environment:
    """Customer 3's rows were last changed long ago: dvdrental dates all customers years after all payments."""
    env.source("UPDATE customer SET last_update = '2006-03-01' WHERE customer_id = 3")
    return env


def move(env: Environment, customer: int, address: str, when: str | None) -> None:
    """Change the customer's address; the source dates it, or does not."""
    dated = "" if when is None else f", last_update = '{when}'"
    env.source(
        f"UPDATE address SET address = %s{dated} "
        "WHERE address_id = (SELECT address_id FROM customer WHERE customer_id = %s)",
        *(address, customer),
    )


def home(env: Environment, customer: int) -> str:
    query = "SELECT address FROM address JOIN customer USING (address_id) WHERE customer_id = %s"
    return str(env.source.value(query, customer))


def test_version_begins_when_the_source_changed_it(aged: Environment) -> None:
    old = home(aged, 3)
    move(aged, 3, "New Street 1", "2007-06-10 08:30:00.5")
    outcome = aged.load("dim_customer", as_of=DAY_1)
    assert counts(outcome) == expected_counts(changed=1, expired=1)
    assert aged.versions("dim_customer", 3, "address", "is_current") == [
        (old, False, BEGIN, "2007-06-10 08:30:00.5"),
        ("New Street 1", True, "2007-06-10 08:30:00.5", OPEN),
    ]
    # Both rows were written by this run, and no other was.
    batch = aged.last_load("dim_customer")["batch_id"]
    query = "SELECT customer_id, count(*) FROM dim_customer WHERE batch_id = %s GROUP BY 1"
    assert aged.warehouse(query, batch) == [(3, 2)]
    aged.check_invariants()


def test_change_exactly_at_as_of(aged: Environment) -> None:
    move(aged, 3, "New Street 1", DAY_1)
    aged.load("dim_customer", as_of=DAY_1)
    assert [row[1:] for row in aged.versions("dim_customer", 3, "address")] == [(BEGIN, DAY_1), (DAY_1, OPEN)]


@pytest.mark.parametrize("when", [None, "2030-01-01"], ids=["not dated", "dated after as_of"])
def test_version_begins_at_as_of_when_the_source_cannot_date_it(aged: Environment, when: str | None) -> None:
    old = home(aged, 3)
    move(aged, 3, "New Street 1", "2007-06-10")
    aged.load("dim_customer", as_of=DAY_1)
    move(aged, 3, "New Street 2", when)  # not dated: 2007-06-10 still, where the version before began
    aged.load("dim_customer", as_of=DAY_2)
    assert aged.versions("dim_customer", 3, "address") == [
        (old, BEGIN, "2007-06-10 00:00:00"),
        ("New Street 1", "2007-06-10 00:00:00", DAY_2),
        ("New Street 2", DAY_2, OPEN),
    ]
    aged.check_invariants()


def test_change_of_a_city_reaches_all_customers_in_it(aged: Environment) -> None:
    city = aged.source.value(
        "SELECT city_id FROM address JOIN customer USING (address_id) WHERE customer_id = 3"
    )
    aged.source("UPDATE address SET city_id = %s WHERE address_id = 1", city)  # store 1's
    old = aged.versions("dim_customer", 3, "city")[0][0]
    lived = aged.source.value(
        "SELECT count(*) FROM customer JOIN address USING (address_id) WHERE city_id = %s", city
    )
    aged.load("dim_store", as_of="2007-06-05T00:00:00")
    aged.source("UPDATE city SET city = 'Renamed', last_update = '2007-06-12' WHERE city_id = %s", city)
    assert counts(aged.load("dim_customer", as_of=DAY_1)) == expected_counts(changed=lived, expired=lived)
    assert counts(aged.load("dim_store", as_of=DAY_1)) == expected_counts(changed=1, expired=1)
    assert aged.versions("dim_customer", 3, "city") == [
        (old, BEGIN, "2007-06-12 00:00:00"),
        ("Renamed", "2007-06-12 00:00:00", OPEN),
    ]
    assert aged.versions("dim_store", 1, "city")[-1] == ("Renamed", "2007-06-12 00:00:00", OPEN)
    aged.check_invariants()


def test_untracked_change_is_made_on_every_version(aged: Environment) -> None:
    move(aged, 3, "New Street 1", "2007-06-10")
    aged.load("dim_customer", as_of=DAY_1)
    before = aged.versions("dim_customer", 3, "customer_key", "address")
    untouched = aged.warehouse("SELECT * FROM dim_customer WHERE customer_id <> 3 ORDER BY 1")
    aged.source(
        "UPDATE customer SET email = 'new@example.org', last_update = '2007-06-20' WHERE customer_id = 3"
    )
    assert counts(aged.load("dim_customer", as_of=DAY_2)) == expected_counts(changed=1)
    assert aged.versions("dim_customer", 3, "customer_key", "address") == before
    assert [row[0] for row in aged.versions("dim_customer", 3, "email")] == ["new@example.org"] * 2
    assert aged.warehouse("SELECT * FROM dim_customer WHERE customer_id <> 3 ORDER BY 1") == untouched
    aged.check_invariants()


def test_both_kinds_of_change_at_once(aged: Environment) -> None:
    old = home(aged, 3)
    aged.source("UPDATE customer SET first_name = 'Renamed' WHERE customer_id = 3")
    move(aged, 3, "New Street 1", "2007-06-10")
    assert counts(aged.load("dim_customer", as_of=DAY_1)) == expected_counts(changed=1, expired=1)
    assert aged.versions("dim_customer", 3, "first_name", "address") == [
        ("Renamed", old, BEGIN, "2007-06-10 00:00:00"),
        ("Renamed", "New Street 1", "2007-06-10 00:00:00", OPEN),
    ]
    aged.check_invariants()


def test_null_to_a_value_and_back(env: Environment) -> None:
    # rating is tracked, length is not; films are dated 2013, after every as_of here.
    for rating, length, as_of in ((None, None, DAY_1), ("PG", 90, DAY_2), (None, None, DAY_3)):
        env.source("UPDATE film SET rating = %s, length = %s WHERE film_id = 1", rating, length)
        assert counts(env.load("dim_movie", as_of=as_of))["changed"] == 1
        env.check_invariants()
    first = env.versions("dim_movie", 1, "rating", "length")[0]
    assert env.versions("dim_movie", 1, "rating", "length") == [
        (first[0], None, BEGIN, DAY_1),
        (None, None, DAY_1, DAY_2),
        ("PG", None, DAY_2, DAY_3),
        (None, None, DAY_3, OPEN),
    ]
    assert first[0] is not None


def test_an_empty_string_is_not_null(env: Environment) -> None:
    address = env.source.value("SELECT address_id FROM customer WHERE customer_id = 3")
    for value, as_of in (("", DAY_1), (None, DAY_2), ("", DAY_3)):
        env.source("UPDATE address SET address2 = %s WHERE address_id = %s", value, address)
        env.load("dim_customer", as_of=as_of)
    assert [row[0] for row in env.versions("dim_customer", 3, "address2")][-2:] == [None, ""]


def test_change_and_change_back_between_loads_is_nothing(aged: Environment) -> None:
    before = aged.content()
    old = home(aged, 3)
    move(aged, 3, "New Street 1", "2007-06-10")
    move(aged, 3, old, "2007-06-11")
    assert counts(aged.load("dim_customer", as_of=DAY_1)) == expected_counts()
    assert aged.content() == before


def test_flapping_over_three_loads(aged: Environment) -> None:
    old = home(aged, 3)
    move(aged, 3, "Away 1", "2007-06-10")
    aged.load("dim_customer", as_of=DAY_1)
    aged.check_invariants()
    move(aged, 3, old, "2007-07-01 12:00:00")
    aged.load("dim_customer", as_of=DAY_2)
    aged.check_invariants()
    move(aged, 3, "Away 1", "2007-07-02 12:00:00")
    aged.load("dim_customer", as_of=DAY_3)
    aged.check_invariants()
    assert aged.versions("dim_customer", 3, "address") == [
        (old, BEGIN, "2007-06-10 00:00:00"),
        ("Away 1", "2007-06-10 00:00:00", "2007-07-01 12:00:00"),
        (old, "2007-07-01 12:00:00", "2007-07-02 12:00:00"),
        ("Away 1", "2007-07-02 12:00:00", OPEN),
    ]


def test_deletion_and_return(aged: Environment) -> None:
    columns = "is_deleted", "address", "is_current"
    old = home(aged, 3)
    aged.source("CREATE TABLE kept AS SELECT * FROM customer WHERE customer_id IN (3, 4)")
    aged.source("DELETE FROM customer WHERE customer_id IN (3, 4)")
    assert counts(aged.load("dim_customer", as_of=DAY_1)) == expected_counts(expired=2, deleted=2)
    deleted = [(False, old, False, BEGIN, DAY_1), (True, old, True, DAY_1, OPEN)]
    assert aged.versions("dim_customer", 3, *columns) == deleted
    aged.check_invariants()

    before = aged.content()
    assert counts(aged.load("dim_customer", as_of="2007-07-01T12:00:00")) == expected_counts()
    assert aged.content() == before

    # 3 returns as it was; 4 returns elsewhere, at a date that the source gives.
    aged.source("INSERT INTO customer SELECT * FROM kept")
    move(aged, 4, "New Street 4", "2007-07-01 18:00:00")
    aged.source("UPDATE customer SET last_update = '2006-03-01' WHERE customer_id = 4")
    assert counts(aged.load("dim_customer", as_of=DAY_2)) == expected_counts(changed=2, expired=2)
    assert aged.versions("dim_customer", 3, *columns) == [
        (False, old, False, BEGIN, DAY_1),
        (True, old, False, DAY_1, DAY_2),
        (False, old, True, DAY_2, OPEN),
    ]
    assert aged.versions("dim_customer", 4, *columns)[-1] == (
        *(False, "New Street 4", True),
        *("2007-07-01 18:00:00", OPEN),
    )
    aged.check_invariants()


def test_same_as_of_twice_corrects_in_place(aged: Environment) -> None:
    old = home(aged, 3)
    move(aged, 3, "Typing Error 1", "2007-07-02")  # after as_of, so the version begins at as_of
    aged.load("dim_customer", as_of=DAY_1)
    before = aged.versions("dim_customer", 3, "customer_key")
    move(aged, 3, "Right 1", "2007-07-02")
    assert counts(aged.load("dim_customer", as_of=DAY_1)) == expected_counts(changed=1)
    assert aged.versions("dim_customer", 3, "customer_key") == before
    assert aged.versions("dim_customer", 3, "address") == [(old, BEGIN, DAY_1), ("Right 1", DAY_1, OPEN)]
    # Gone and back at that same time: marked and unmarked, without a version of no length.
    aged.source(
        "CREATE TABLE kept AS SELECT * FROM customer WHERE customer_id = 3; DELETE FROM customer "
        "WHERE customer_id = 3"
    )
    assert counts(aged.load("dim_customer", as_of=DAY_1)) == expected_counts(deleted=1)
    assert aged.versions("dim_customer", 3, "is_deleted") == [(False, BEGIN, DAY_1), (True, DAY_1, OPEN)]
    aged.source("INSERT INTO customer SELECT * FROM kept")
    assert counts(aged.load("dim_customer", as_of=DAY_1)) == expected_counts(changed=1)
    assert aged.versions("dim_customer", 3, "customer_key", "is_deleted")[-1][1] is False
    assert aged.versions("dim_customer", 3, "customer_key") == before
    aged.check_invariants()


def test_new_members_get_the_next_keys_in_order(env: Environment) -> None:
    # Two stores change places (all of a store is tracked), and three films whose ids do not come in order.
    env.source("UPDATE store SET address_id = 3 - address_id, last_update = '2007-06-20'")
    ((highest,),) = env.warehouse("SELECT max(movie_key) FROM dim_movie")
    env.source("UPDATE film SET rental_rate = 9.99 WHERE film_id = 2")
    for film in (9_003, 9_001, 9_002):
        env.source(
            "INSERT INTO film (film_id, title, language_id, fulltext) VALUES (%s, 'Late', 1, '')", film
        )
    assert counts(env.load("dim_movie", as_of=DAY_1))["new"] == 3
    env.load("dim_store", as_of=DAY_1)
    keys = env.warehouse("SELECT film_id, movie_key FROM dim_movie WHERE movie_key > %s ORDER BY 2", highest)
    assert keys == [(film, highest + n) for n, film in enumerate((2, 9_001, 9_002, 9_003), start=1)]
    assert [row[1:] for row in env.versions("dim_store", 1, "address")] == [
        (BEGIN, "2007-06-20 00:00:00"),
        ("2007-06-20 00:00:00", OPEN),
    ]
    env.check_invariants()
    env.load("fact_sales", as_of=DAY_1)
    env.check_equals_source()


def test_facts_find_the_version_of_their_time(aged: Environment) -> None:
    move(aged, 3, "New Street 1", "2007-06-10 12:00:00")
    aged.load("dim_customer", as_of=DAY_1)
    ((first,), (second,)) = aged.warehouse(
        "SELECT customer_key FROM dim_customer WHERE customer_id = 3 ORDER BY valid_from"
    )
    moments = {
        90_001: ("2007-06-10 11:59:59.999999", first),
        90_002: ("2007-06-10 12:00:00", second),  # valid_from is inclusive, valid_to is not
        90_003: ("2007-06-25 00:00:00", second),
        90_004: ("1999-01-01 00:00:00", first),
    }
    for payment, (moment, _) in moments.items():
        aged.source("INSERT INTO payment VALUES (%s, 3, 1, 1, 1.00, %s)", payment, moment)
    aged.load("fact_sales", as_of=DAY_1)
    keyed = aged.warehouse("SELECT sales_key, customer_key FROM fact_sales WHERE sales_key >= 90001")
    assert dict(keyed) == {payment: key for payment, (_, key) in moments.items()}
    older = aged.warehouse(
        "SELECT DISTINCT customer_key FROM fact_sales JOIN dim_customer USING (customer_key) "
        "WHERE customer_id = 3 AND sales_key < 90001"
    )
    assert older == [(first,)]

    # The source dates a change before facts that are loaded already: their keys follow it.
    move(aged, 3, "New Street 2", "2007-06-20")
    aged.load("dim_customer", as_of=DAY_2)
    assert counts(aged.load("fact_sales", as_of=DAY_2)) == expected_counts(changed=1)
    third = aged.warehouse.value("SELECT customer_key FROM dim_customer WHERE customer_id = 3 AND is_current")
    assert aged.warehouse.value("SELECT customer_key FROM fact_sales WHERE sales_key = 90003") == third
    aged.check_invariants()
    aged.check_equals_source()
