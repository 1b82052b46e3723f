"""The gate: quarantine with its reasons, and the loads that it stops."""

from decimal import Decimal

import pytest

from tests.support.lab import Lab, counts, planned


def loosen(lab: Lab) -> None:
    """A source as siblings have it: text without limits, and columns that may be NULL."""
    lab.source(
        """
        ALTER TABLE payment ALTER amount DROP NOT NULL, ALTER payment_date DROP NOT NULL;
        ALTER TABLE customer ALTER first_name TYPE text;
        """
    )


def test_broken_rows_are_quarantined_with_reason_and_value(lab: Lab) -> None:
    loosen(lab)
    lab.source(
        """
        INSERT INTO payment VALUES (90001, 1, 1, 1, NULL, '2007-05-20'), (90002, 1, 1, 1, 4.56, NULL),
            (90003, 1, 1, 1, 7.89, '2007-05-20');
        """
    )
    outcome = lab.load("fact_sales")
    assert counts(outcome) == planned(new=1, quarantined=2)
    rejects = lab.warehouse(
        "SELECT table_name, natural_key, rule, column_name, value, batch_id, load_id "
        "FROM etl_reject ORDER BY natural_key"
    )
    load = lab.last_load("fact_sales")
    whence = load["batch_id"], load["load_id"]
    assert rejects == [
        ("fact_sales", "90001", "not null", "sales_amount", None, *whence),
        ("fact_sales", "90002", "not null", "payment_ts", None, *whence),
    ]
    # loaded + quarantined = read, in rows and in money
    total = lab.source.value("SELECT sum(amount) FROM payment")
    assert (load["rows_read"], load["rows_quarantined"]) == (3, 2)
    assert load["source_rows"] == load["warehouse_rows"] == 733
    assert Decimal(str(load["source_amount"])) == Decimal(str(load["warehouse_amount"])) == total
    assert lab.warehouse("SELECT count(*), sum(sales_amount) FROM fact_sales") == [
        (731, total - Decimal("4.56"))
    ]
    amount = lab.warehouse.value(
        "SELECT (row_json::jsonb)->>'sales_amount' FROM etl_reject WHERE natural_key = '90002'"
    )
    assert amount == "4.56"

    # Mended at the source, they come in.
    lab.source(
        "UPDATE payment SET amount = 1, payment_date = '2007-05-21' WHERE payment_id IN (90001, 90002)"
    )
    assert counts(lab.load("fact_sales")) == planned(new=2)
    lab.check_mirrors_source()


def test_length_is_counted_in_bytes(lab: Lab) -> None:
    loosen(lab)
    # dim_customer.first_name is varchar(180): 45 characters of four bytes fit, 46 do not.
    lab.source(
        "INSERT INTO customer (customer_id, store_id, first_name, last_name, address_id, active) "
        "VALUES (801, 1, %s, 'x', 1, 1)",
        "😀" * 45,
    )
    lab.source(
        "INSERT INTO customer (customer_id, store_id, first_name, last_name, address_id, active) "
        "VALUES (802, 1, %s, 'x', 1, 1)",
        "😀" * 46,
    )
    assert counts(lab.load("dim_customer")) == planned(new=1, quarantined=1)
    assert lab.warehouse("SELECT first_name FROM dim_customer WHERE customer_id > 800") == [("😀" * 45,)]
    query = "SELECT natural_key, rule, column_name, value FROM etl_reject"
    assert lab.warehouse(query) == [("802", "at most 180 bytes", "first_name", "😀" * 46)]
    lab.check_invariants()


def test_strings_that_csv_could_spoil(lab: Lab) -> None:
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
        lab.source(
            "INSERT INTO customer (customer_id, store_id, first_name, last_name, address_id, active) "
            "VALUES (%s, 1, %s, %s, 1, 1)",
            customer,
            name,
            name,
        )
    lab.load("dim_customer")
    assert (
        dict(lab.warehouse("SELECT customer_id, first_name FROM dim_customer WHERE customer_id > 800")) == odd
    )


def test_too_much_quarantine_stops_the_load(lab: Lab) -> None:
    loosen(lab)
    before = lab.content()
    # Ten are let pass, however small the load; eleven of 730 are more than a hundredth.
    lab.source("UPDATE payment SET amount = NULL WHERE payment_id < 17503 + 11")
    refused = lab.load("fact_sales", code=5)
    assert "11 of 730" in refused.error
    assert "sales_amount" in refused.error
    assert lab.content() == before
    assert lab.warehouse.value("SELECT count(*) FROM etl_reject") == 0
    assert lab.staging_tables() == []
    assert lab.last_load("fact_sales")["status"] == "failed"
    assert lab.warehouse.value("SELECT status FROM etl_batch ORDER BY batch_id DESC LIMIT 1") == "failed"
    lab.source("UPDATE payment SET amount = 1 WHERE payment_id = 17503")
    assert counts(lab.load("fact_sales"))["quarantined"] == 10


def test_mass_delete_needs_a_flag(lab: Lab) -> None:
    before = lab.content()
    lab.source("DELETE FROM payment WHERE payment_id < 17503 + 147")  # 146 is a fifth of 730
    refused = lab.load("fact_sales", code=5)
    assert "147 of 730" in refused.error
    assert "--allow-mass-delete" in refused.error
    assert lab.content() == before
    assert "147 of 730" in lab.load("fact_sales", "--dry-run", code=5).error
    assert counts(lab.load("fact_sales", "--allow-mass-delete")) == planned(deleted=147)
    lab.check_mirrors_source()


def test_what_is_quarantined_was_published_as_well(lab: Lab) -> None:
    loosen(lab)
    lab.source("DELETE FROM payment WHERE payment_id < 17503 + 147")
    lab.source("UPDATE payment SET amount = NULL WHERE payment_id BETWEEN 18000 AND 18001")
    assert "147 of 730" in lab.load("fact_sales", code=5).error


def test_a_fifth_may_go(lab: Lab) -> None:
    lab.source("DELETE FROM payment WHERE payment_id < 17503 + 146")
    assert counts(lab.load("fact_sales"))["deleted"] == 146


def test_mass_delete_of_members(lab: Lab) -> None:
    lab.source("DELETE FROM customer WHERE customer_id <= 7")  # a fifth of 30 are 6
    assert "7 of 30" in lab.load("dim_customer", code=5).error
    assert counts(lab.load("dim_customer", "--allow-mass-delete")) == planned(expired=7, deleted=7)
    lab.check_invariants()


@pytest.mark.parametrize(("table", "source"), [("fact_sales", "payment"), ("dim_store", "store")])
def test_empty_source_stops_the_load(lab: Lab, table: str, source: str) -> None:
    before = lab.content()
    lab.source(f"DELETE FROM {source}")
    refused = lab.load(table, code=5)
    assert "empty" in refused.error
    assert lab.content() == before
    outcome = lab.load(table, "--allow-mass-delete")
    rows = len(before[table]) - (table == "dim_store")  # the member Unknown stays
    assert counts(outcome)["deleted"] == rows
    lab.check_invariants()


def test_empty_source_and_empty_warehouse(empty: Lab) -> None:
    empty.source("DELETE FROM payment")
    assert counts(empty.load("fact_sales")) == planned()
