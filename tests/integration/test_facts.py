"""fact_sales after anything that happens to payments and rentals; early facts; payments without a rental."""

from decimal import Decimal

from tests.support.environment import DIMENSIONS, Environment
from tests.support.jobs import counts, expected_counts, rows_read
from tests.support.servers import MakeEnvironment

DAY_1, DAY_2 = "2007-07-01T00:00:00", "2007-07-02T00:00:00"


def test_reload_equals_a_fresh_rebuild(env: Environment, make_environment: MakeEnvironment) -> None:
    gap = env.source.value("SELECT min(payment_id) FROM payment")
    open_rental = env.source.value(
        "SELECT min(r.rental_id) FROM rental r JOIN payment USING (rental_id) WHERE return_date IS NULL"
    )
    assert env.warehouse("SELECT return_date_key FROM fact_sales WHERE rental_id = %s", open_rental) == [
        (-2,)
    ]
    env.source(
        """
        UPDATE payment SET amount = 7.77 WHERE payment_id = 17600;            -- corrected
        UPDATE payment SET customer_id = 2 + customer_id % 2, payment_date = '2007-04-30 23:59:59.999999'
            WHERE payment_id = 17601;
        UPDATE payment SET staff_id = 3 - staff_id WHERE payment_id = 17602;
        DELETE FROM payment WHERE payment_id IN (17603, 17604);               -- deleted
        UPDATE rental SET rental_date = rental_date - interval '1 day'        -- and a rental's day corrected
            WHERE rental_id = (SELECT rental_id FROM payment WHERE payment_id = 17605);
        """
    )
    # Another copy lent, of another film and store.
    env.source(
        "UPDATE rental SET inventory_id = 230 - inventory_id WHERE rental_id = (SELECT rental_id "
        "FROM payment WHERE payment_id = 17606)"
    )
    env.source(
        "UPDATE rental SET return_date = '2007-05-30 10:00:00' WHERE rental_id = %s", open_rental
    )  # filled in
    env.source(
        "INSERT INTO payment VALUES (%s, 1, 1, 2, 3.21, '2007-02-20')", gap - 1
    )  # late, with a lower id

    outcome = env.load("fact_sales", as_of=DAY_1)

    assert counts(outcome)["new"] == 1
    assert counts(outcome)["deleted"] == 2
    # 17600 to 17602 themselves; 17605, 17606 and the open one by their rentals, each of which has one payment.
    assert counts(outcome)["changed"] == 6
    query = (
        "SELECT sales_amount, return_date_key FROM fact_sales "
        "WHERE sales_key = 17600 OR rental_id = %s ORDER BY 1"
    )
    found = env.warehouse(query, open_rental)
    assert Decimal("7.77") in [amount for amount, _ in found]
    assert 20070530 in [day for _, day in found]
    env.check_equals_source()

    fresh = Environment(env.source, make_environment("source_template").warehouse, env.config, env.secrets)
    fresh.config = env.config.with_name("fresh.json")
    text = env.config.read_text().replace(env.warehouse.database, fresh.warehouse.database)
    fresh.config.write_text(text)
    fresh.load_all(as_of=DAY_1)
    assert fresh.facts() == env.facts()
    for table in DIMENSIONS:
        assert fresh.current_members(table) == env.current_members(table)


def test_facts_before_their_members_get_inferred_members_that_are_completed_in_place(
    empty: Environment,
) -> None:
    # On an empty warehouse no dimension knows anybody: each member is inferred from its facts.
    empty.load("fact_sales", as_of=DAY_1)
    facts = empty.content()["fact_sales"]
    rented = "payment JOIN rental USING (rental_id) JOIN inventory USING (inventory_id)"
    expected = {
        "dim_customer": "SELECT count(DISTINCT customer_id) FROM payment",
        "dim_staff": "SELECT count(DISTINCT staff_id) FROM payment",
        "dim_store": f"SELECT count(DISTINCT store_id) FROM {rented}",
        "dim_movie": f"SELECT count(DISTINCT film_id) FROM {rented}",
    }
    for table, query in expected.items():
        key = DIMENSIONS[table][0]
        inferred = empty.warehouse.value(
            f"SELECT count(*) FROM {table} WHERE is_inferred AND is_current AND {key} > 0"
        )
        assert inferred == empty.source.value(query), table
    empty.check_invariants()
    assert empty.facts() == empty.source_facts()

    for table in DIMENSIONS:
        outcome = empty.load(table, as_of=DAY_2)
        members = rows_read(outcome)
        completed = empty.source.value(expected[table])
        assert counts(outcome) == expected_counts(new=members - completed, changed=completed)
    assert empty.warehouse.value("SELECT count(*) FROM dim_customer WHERE is_inferred") == 0
    empty.check_invariants()  # among them: no key changed, and a completed version still reaches back to 1900
    assert counts(empty.load("fact_sales", as_of=DAY_2)) == expected_counts()
    assert empty.content()["fact_sales"] == facts
    empty.check_equals_source()


def test_one_fact_with_an_inferred_customer_and_film(env: Environment) -> None:
    env.source(
        """
        INSERT INTO customer (customer_id, store_id, first_name, last_name, address_id, active, last_update)
            VALUES (701, 1, 'Early', 'Bird', 5, 1, '2007-06-15');
        INSERT INTO film (film_id, title, language_id, fulltext) VALUES (801, 'Unheard Of', 1, '');
        INSERT INTO inventory VALUES (901, 801, 2);
        INSERT INTO rental VALUES (90001, '2007-06-20', 901, 701, NULL, 1);
        INSERT INTO payment VALUES (90001, 701, 1, 90001, 2.99, '2007-06-20 10:00:00');
        """
    )
    before = env.content()
    assert counts(env.load("fact_sales", as_of=DAY_1)) == expected_counts(new=1)
    inferred = env.versions("dim_customer", 701, "customer_key", "is_inferred", "first_name")
    assert inferred == [(31, True, None, "1900-01-01 00:00:00", "9999-12-31 00:00:00")]
    # Loading another dimension, or this one while the member still is missing, leaves it as it is.
    fact = env.warehouse("SELECT customer_key, movie_key FROM fact_sales WHERE sales_key = 90001")
    assert counts(env.load("dim_customer", as_of=DAY_2)) == expected_counts(changed=1)
    assert env.versions("dim_customer", 701, "customer_key", "is_inferred", "first_name", "country") == [
        (
            31,
            False,
            "Early",
            *env.source(
                "SELECT country FROM address JOIN city USING (city_id) JOIN country USING (country_id) "
                "WHERE address_id = 5"
            )[0],
            "1900-01-01 00:00:00",
            "9999-12-31 00:00:00",
        )
    ]
    assert counts(env.load("dim_movie", as_of=DAY_2))["changed"] == 1
    assert env.warehouse("SELECT customer_key, movie_key FROM fact_sales WHERE sales_key = 90001") == fact
    assert [row for row in env.content()["dim_customer"] if row[1] != 701] == before["dim_customer"]
    env.check_invariants()


def test_member_that_never_arrives_stays_inferred(env: Environment) -> None:
    env.source("INSERT INTO payment VALUES (90001, 702, 1, 1, 2.99, '2007-05-20')")
    env.load("fact_sales", as_of=DAY_1)
    before = env.content()
    assert counts(env.load("dim_customer", as_of=DAY_2)) == expected_counts()
    assert counts(env.load("fact_sales", as_of=DAY_2)) == expected_counts()
    assert env.content() == before
    # When it arrives after its inferred version was seen by a delete-like absence, it is completed all the same.
    env.source(
        "INSERT INTO customer (customer_id, store_id, first_name, last_name, address_id) "
        "VALUES (702, 1, 'At', 'Last', 5)"
    )
    assert counts(env.load("dim_customer", as_of=DAY_2)) == expected_counts(changed=1)
    assert env.versions("dim_customer", 702, "first_name", "is_inferred")[0][:2] == ("At", False)


def test_payment_without_rental_belongs_to_the_unknown(env: Environment) -> None:
    env.source("ALTER TABLE payment ALTER rental_id DROP NOT NULL")
    env.source("INSERT INTO payment VALUES (90001, 1, 1, NULL, 5.00, '2007-05-20')")
    env.source(
        "INSERT INTO payment VALUES (90002, 1, 1, 999999, 6.00, '2007-05-20')"
    )  # a rental that is not there
    assert counts(env.load("fact_sales", as_of=DAY_1)) == expected_counts(new=2)
    query = (
        "SELECT store_key, movie_key, rental_date_key, return_date_key, rental_id, s.city, m.title "
        "FROM fact_sales JOIN dim_store s USING (store_key) JOIN dim_movie m USING (movie_key) "
        "WHERE sales_key > 90000 ORDER BY sales_key"
    )
    assert env.warehouse(query) == [
        (-1, -1, -1, -1, None, "Unknown", "Unknown"),
        (-1, -1, -1, -1, 999999, "Unknown", "Unknown"),
    ]
    env.check_equals_source()
    # NULL equals NULL: the next run sees no change.
    assert counts(env.load("fact_sales", as_of=DAY_2)) == expected_counts()


def test_extreme_timestamps_and_amounts(env: Environment) -> None:
    rows = {
        90001: ("1969-12-31 23:59:59.999999", Decimal("999.99"), -1),  # before the calendar
        90002: ("1970-01-01 00:00:00", Decimal("-999.99"), 19700101),
        90003: ("2069-12-31 23:59:59.999999", Decimal("0.00"), 20691231),
        90004: ("2070-01-01 00:00:00", Decimal("0.01"), -1),
        90005: ("2008-02-29 12:00:00.000001", Decimal("1.10"), 20080229),
    }
    for payment, (moment, amount, _) in rows.items():
        env.source("INSERT INTO payment VALUES (%s, 1, 1, 1, %s, %s)", payment, amount, moment)
    env.load("fact_sales", as_of=DAY_1)
    query = (
        "SELECT sales_key, payment_ts::text, sales_amount, payment_date_key FROM fact_sales "
        "WHERE sales_key > 90000"
    )
    assert {row[0]: row[1:] for row in env.warehouse(query)} == rows


def test_large_keys(empty: Environment) -> None:
    empty.source(
        "ALTER TABLE payment ALTER payment_id TYPE bigint; ALTER TABLE payment ALTER rental_id TYPE bigint"
    )
    empty.source("UPDATE payment SET payment_id = payment_id + 3000000000 WHERE payment_id % 2 = 0")
    empty.load("fact_sales", as_of=DAY_1)
    assert empty.facts() == empty.source_facts()
    assert empty.warehouse.value("SELECT max(sales_key) FROM fact_sales") > 3_000_000_000
