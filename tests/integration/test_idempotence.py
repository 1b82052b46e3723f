"""Run it twice and nothing changes; plan it and nothing changes at all."""

import json

from dvdrental_etl import config
from tests.support.environment import TABLES, Environment
from tests.support.jobs import counts, expected_counts


def test_second_run_changes_nothing(env: Environment) -> None:
    env.warehouse(
        "GRANT USAGE ON SCHEMA dw TO etl_reader; GRANT SELECT ON fact_sales, dim_customer TO etl_reader"
    )
    env.warehouse(
        "CREATE VIEW takings AS SELECT city, sales_amount FROM fact_sales JOIN dim_customer USING (customer_key)"
    )
    rights = (
        "SELECT relname, relacl::text, relowner, reloptions FROM pg_class "
        "WHERE relnamespace = 'dw'::regnamespace"
    )
    before = (
        env.content(),
        env.tables(),
        env.warehouse(rights),
        env.warehouse("SELECT * FROM takings ORDER BY 1, 2"),
    )

    outcomes = env.load_all(as_of="2007-06-02T00:00:00")

    after = (
        env.content(),
        env.tables(),
        env.warehouse(rights),
        env.warehouse("SELECT * FROM takings ORDER BY 1, 2"),
    )
    assert after == before
    for table, outcome in outcomes.items():
        assert counts(outcome) == expected_counts()
        load = env.last_load(table)
        zero = {load[f"rows_{what}"] for what in ("new", "changed", "expired", "deleted", "quarantined")}
        assert (load["status"], load["is_full"], load["rows_read"], zero) == ("published", False, 0, {0})
    assert env.warehouse.value("SELECT has_table_privilege('etl_reader', 'fact_sales', 'SELECT')")


def test_full_refresh_changes_nothing_that_is_right(env: Environment) -> None:
    before = env.content(), env.tables()
    env.load_all("--full-refresh")
    assert (env.content(), env.tables()) == before


def test_full_refresh_corrects_a_damaged_table(env: Environment) -> None:
    before = [row[:-1] for row in env.content()["fact_sales"]]
    env.warehouse("UPDATE fact_sales SET sales_amount = sales_amount + 1 WHERE sales_key % 10 = 0")
    env.warehouse("DELETE FROM fact_sales WHERE sales_key % 10 = 1")
    env.load("fact_sales", "--full-refresh")
    assert [row[:-1] for row in env.content()["fact_sales"]] == before


def test_plan_of_an_empty_warehouse(empty: Environment) -> None:
    before = empty.tables()
    for table in TABLES:
        source = {"dim_customer": "customer", "dim_movie": "film", "dim_store": "store", "dim_staff": "staff"}
        rows = empty.source.value(f"SELECT count(*) FROM {source.get(table, 'payment')}")
        outcome = empty.load(table, "--dry-run")
        assert "nothing written" in outcome.out
        assert counts(outcome) == expected_counts(new=rows)
    assert empty.tables() == before
    assert empty.warehouse.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'dw'") == 0


def test_plan_with_changes_pending(env: Environment) -> None:
    # Customers: 2 move (a version each), 1 gets a new e-mail (in place), 1 goes, 2 come.
    env.source(
        "UPDATE address SET address = 'Elsewhere 1' WHERE address_id IN (SELECT address_id FROM customer "
        "WHERE customer_id IN (3, 4))"
    )
    env.source("UPDATE customer SET email = 'new@example.org' WHERE customer_id = 5")
    env.source("DELETE FROM customer WHERE customer_id = 6")
    env.source(
        "INSERT INTO customer (store_id, first_name, last_name, address_id, active) "
        "SELECT 1, 'A', 'B', 1, 1 FROM generate_series(1, 2)"
    )
    # Payments: 3 corrected, 2 deleted, 1 new.
    env.source("UPDATE payment SET amount = amount + 0.01 WHERE payment_id IN (17503, 17504, 17505)")
    env.source("DELETE FROM payment WHERE payment_id IN (17506, 17507)")
    env.source(
        "INSERT INTO payment (customer_id, staff_id, rental_id, amount, payment_date) "
        "VALUES (1, 1, 1, 1.23, '2007-05-20')"
    )
    before = env.content(with_record=True), env.tables()

    customers = env.load("dim_customer", "--dry-run", as_of="2007-06-02T00:00:00")
    payments = env.load("fact_sales", "--dry-run", as_of="2007-06-02T00:00:00")

    assert counts(customers) == expected_counts(new=2, changed=3, expired=3, deleted=1)
    assert counts(payments) == expected_counts(new=1, changed=3, deleted=2)
    assert (env.content(with_record=True), env.tables()) == before

    # What was planned is what then happens.
    assert counts(env.load("dim_customer", as_of="2007-06-02T00:00:00")) == counts(customers)
    assert counts(env.load("fact_sales", as_of="2007-06-02T00:00:00")) == counts(payments)
    env.check_invariants()


def test_one_batch_joined_by_all(empty: Environment) -> None:
    for table in ("dim_store", "dim_staff"):
        empty.load(table, "--batch-id", "nightly 1", as_of="2007-06-01T12:00:00")
    assert empty.warehouse("SELECT run_id, as_of::text FROM etl_batch") == [
        ("nightly 1", "2007-06-01 12:00:00")
    ]
    assert empty.warehouse("SELECT DISTINCT batch_id FROM etl_load") == [(1,)]
    assert empty.warehouse("SELECT DISTINCT batch_id FROM dim_store WHERE store_key > 0") == [(1,)]
    refused = empty.load("dim_store", "--batch-id", "nightly 1", as_of="2007-06-01T13:00:00", code=2)
    assert "as_of" in refused.error


def test_clock_of_the_source_is_the_default(empty: Environment) -> None:
    empty.source(f"ALTER DATABASE {empty.source.database} SET timezone TO 'Asia/Tokyo'")
    before = empty.source.value("SELECT localtimestamp")
    empty.load("dim_store")
    after = empty.source.value("SELECT localtimestamp")
    assert before <= empty.warehouse.value("SELECT as_of FROM etl_batch") <= after


def test_rejects_keep_the_whole_row_as_json(env: Environment) -> None:
    env.source("ALTER TABLE payment ALTER amount DROP NOT NULL")
    env.source("UPDATE payment SET amount = NULL WHERE payment_id = 17503")
    env.load("fact_sales")
    row = json.loads(env.warehouse.value("SELECT row_json FROM etl_reject"))
    assert row["sales_key"] == 17503


def test_a_plan_compares_everything_where_the_load_would(env: Environment) -> None:
    env.warehouse("DELETE FROM fact_sales WHERE sales_key = 17600")
    before = env.content(with_record=True), env.tables()
    planned = env.load("fact_sales", "--dry-run")
    assert counts(planned) == expected_counts(new=1)
    assert (env.content(with_record=True), env.tables()) == before
    assert counts(env.load("fact_sales")) == expected_counts(new=1)


def test_a_plan_blames_the_side_that_failed(env: Environment) -> None:
    env.source(
        "ALTER TABLE film RENAME TO film_rows; CREATE VIEW film AS SELECT film_id, title, description, release_year,"
        " language_id, rental_duration, CAST(rental_rate / (film_id - 5) AS numeric(4,2)) AS rental_rate, length,"
        " replacement_cost, rating, last_update, special_features FROM film_rows; GRANT SELECT ON film TO PUBLIC"
    )
    assert "division by zero" in env.load("dim_movie", code=4).error
    planned = env.load("dim_movie", "--dry-run", code=4).error
    assert "division by zero" in planned
    assert planned.startswith(f"load_dim_movie: error: source {config.load(env.config, {}).source.place}: ")
