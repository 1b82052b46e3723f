"""The gate: quarantine with its reasons, and the loads that it stops."""

from decimal import Decimal

import pytest

from tests.support.environment import Environment
from tests.support.jobs import counts, expected_counts


def loosen(env: Environment) -> None:
    """A source as siblings have it: text without limits, and columns that may be NULL."""
    env.source(
        """
        ALTER TABLE payment ALTER amount DROP NOT NULL, ALTER payment_date DROP NOT NULL;
        ALTER TABLE customer ALTER first_name TYPE text;
        """
    )


def test_broken_rows_are_quarantined_with_reason_and_value(env: Environment) -> None:
    loosen(env)
    env.source(
        """
        INSERT INTO payment VALUES (90001, 1, 1, 1, NULL, '2007-05-20'), (90002, 1, 1, 1, 4.56, NULL),
            (90003, 1, 1, 1, 7.89, '2007-05-20');
        """
    )
    outcome = env.load("fact_sales")
    assert counts(outcome) == expected_counts(new=1, quarantined=2)
    rejects = env.warehouse(
        "SELECT table_name, natural_key, rule, column_name, value, batch_id, load_id "
        "FROM etl_reject ORDER BY natural_key"
    )
    load = env.last_load("fact_sales")
    whence = load["batch_id"], load["load_id"]
    assert rejects == [
        ("fact_sales", "90001", "not null", "sales_amount", None, *whence),
        ("fact_sales", "90002", "not null", "payment_ts", None, *whence),
    ]
    # loaded + quarantined = read, in rows and in money
    total = env.source.value("SELECT sum(amount) FROM payment")
    assert (load["rows_read"], load["rows_quarantined"]) == (3, 2)
    assert load["source_rows"] == load["warehouse_rows"] == 733
    assert Decimal(str(load["source_amount"])) == Decimal(str(load["warehouse_amount"])) == total
    assert env.warehouse("SELECT count(*), sum(sales_amount) FROM fact_sales") == [
        (731, total - Decimal("4.56"))
    ]
    amount = env.warehouse.value(
        "SELECT (row_json::jsonb)->>'sales_amount' FROM etl_reject WHERE natural_key = '90002'"
    )
    assert amount == "4.56"

    # Mended at the source, they come in.
    env.source(
        "UPDATE payment SET amount = 1, payment_date = '2007-05-21' WHERE payment_id IN (90001, 90002)"
    )
    assert counts(env.load("fact_sales")) == expected_counts(new=2)
    env.check_equals_source()


def test_length_is_counted_in_bytes(env: Environment) -> None:
    loosen(env)
    # dim_customer.first_name is varchar(180): 45 characters of four bytes fit, 46 do not.
    env.source(
        "INSERT INTO customer (customer_id, store_id, first_name, last_name, address_id, active) "
        "VALUES (801, 1, %s, 'x', 1, 1)",
        "😀" * 45,
    )
    env.source(
        "INSERT INTO customer (customer_id, store_id, first_name, last_name, address_id, active) "
        "VALUES (802, 1, %s, 'x', 1, 1)",
        "😀" * 46,
    )
    assert counts(env.load("dim_customer")) == expected_counts(new=1, quarantined=1)
    assert env.warehouse("SELECT first_name FROM dim_customer WHERE customer_id > 800") == [("😀" * 45,)]
    query = "SELECT natural_key, rule, column_name, value FROM etl_reject"
    assert env.warehouse(query) == [("802", "at most 180 bytes", "first_name", "😀" * 46)]
    env.check_invariants()


def test_strings_that_csv_could_spoil(env: Environment) -> None:
    odd = {
        811: 'quote " comma , and \\. backslash \\ end',
        812: "two\nlines\r\nand a tab\t",
        813: "NULL",
        814: "\\N",
        815: " leading and trailing ",
        816: "",
        817: "Zoë Łukasz 東京 \u200f\u202e",
        818: "\\.",
    }
    for customer, name in odd.items():
        env.source(
            "INSERT INTO customer (customer_id, store_id, first_name, last_name, address_id, active) "
            "VALUES (%s, 1, %s, %s, 1, 1)",
            customer,
            name,
            name,
        )
    env.load("dim_customer")
    assert (
        dict(env.warehouse("SELECT customer_id, first_name FROM dim_customer WHERE customer_id > 800")) == odd
    )


def test_too_much_quarantine_stops_the_load(env: Environment) -> None:
    loosen(env)
    before = env.content()
    # Ten are let pass, however small the load; eleven of 730 are more than a hundredth.
    env.source("UPDATE payment SET amount = NULL WHERE payment_id < 17503 + 11")
    refused = env.load("fact_sales", code=5)
    assert "11 of 730" in refused.error
    assert "sales_amount" in refused.error
    assert env.content() == before
    assert env.warehouse.value("SELECT count(*) FROM etl_reject") == 0
    assert env.staging_tables() == []
    assert env.last_load("fact_sales")["status"] == "failed"
    assert env.warehouse.value("SELECT status FROM etl_batch ORDER BY batch_id DESC LIMIT 1") == "failed"
    env.source("UPDATE payment SET amount = 1 WHERE payment_id = 17503")
    assert counts(env.load("fact_sales"))["quarantined"] == 10


def test_mass_delete_needs_a_flag(env: Environment) -> None:
    before = env.content()
    env.source("DELETE FROM payment WHERE payment_id < 17503 + 147")  # 146 is a fifth of 730
    refused = env.load("fact_sales", code=5)
    assert "147 of 730" in refused.error
    assert "--allow-mass-delete" in refused.error
    assert env.content() == before
    assert "147 of 730" in env.load("fact_sales", "--dry-run", code=5).error
    assert counts(env.load("fact_sales", "--allow-mass-delete")) == expected_counts(deleted=147)
    env.check_equals_source()


def test_what_is_quarantined_was_published_as_well(env: Environment) -> None:
    loosen(env)
    env.source("DELETE FROM payment WHERE payment_id < 17503 + 147")
    env.source("UPDATE payment SET amount = NULL WHERE payment_id BETWEEN 18000 AND 18001")
    assert "147 of 730" in env.load("fact_sales", code=5).error


def test_a_fifth_may_go(env: Environment) -> None:
    env.source("DELETE FROM payment WHERE payment_id < 17503 + 146")
    assert counts(env.load("fact_sales"))["deleted"] == 146


def test_mass_delete_of_members(env: Environment) -> None:
    env.source("DELETE FROM customer WHERE customer_id <= 7")  # a fifth of 30 are 6
    assert "7 of 30" in env.load("dim_customer", code=5).error
    assert counts(env.load("dim_customer", "--allow-mass-delete")) == expected_counts(expired=7, deleted=7)
    env.check_invariants()


@pytest.mark.parametrize(("table", "source"), [("fact_sales", "payment"), ("dim_store", "store")])
def test_empty_source_stops_the_load(env: Environment, table: str, source: str) -> None:
    before = env.content()
    env.source(f"DELETE FROM {source}")
    refused = env.load(table, code=5)
    assert "empty" in refused.error
    assert env.content() == before
    outcome = env.load(table, "--allow-mass-delete")
    rows = len(before[table]) - (table == "dim_store")  # the member Unknown stays
    assert counts(outcome)["deleted"] == rows
    env.check_invariants()


def test_empty_source_and_empty_warehouse(empty: Environment) -> None:
    empty.source("DELETE FROM payment")
    assert counts(empty.load("fact_sales")) == expected_counts()
