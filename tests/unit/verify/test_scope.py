"""The scope of a run's verify as text of SQL: predicates, and queries restricted by them."""

import pytest

from dvdrental_etl.model.contract import script, tables_in
from dvdrental_etl.verify.checks import CHECKS, applies
from dvdrental_etl.verify.predicates import in_keys, in_ranges, merged_ranges, range_numbers, restricted
from dvdrental_etl.verify.scope import RunScope
from dvdrental_etl.verify.tables import Dimension, Fact, Lookup

CUSTOMER = Dimension(
    "dim_customer", "customer_key", "customer_id", "customer", "customer_id", ("dim_customer",)
)
SALES = Fact(
    "fact_sales",
    "sales_key",
    "sales_key",
    "payment",
    "payment_id",
    event_date_key="payment_date_key",
    lookups=(Lookup("payer_key", "dim_customer", "customer_key"),),
)
FACTS = RunScope(SALES, '"dw"', 18, (7, 17), keys=(5, 2000), key_ranges=((0, 1023),))
MEMBERS = RunScope(CUSTOMER, '"dw"', 18, (7, 17), keys=(3, 4))


@pytest.mark.parametrize(
    ("numbers", "ranges"),
    [
        ((), []),
        ((0,), [(0, 1023)]),
        ((2, 1, 4), [(1024, 3071), (4096, 5119)]),
        ((-1, 0), [(-1024, 1023)]),
    ],
)
def test_adjoining_ranges_are_merged(numbers, ranges):
    assert merged_ranges(numbers) == ranges
    assert sorted(range_numbers(ranges)) == sorted(numbers)


def test_predicates():
    assert in_ranges("k", [(0, 1023), (4096, 5119)]) == "k BETWEEN 0 AND 1023 OR k BETWEEN 4096 AND 5119"
    assert in_ranges("k", []) == in_keys("k", []) == "1 = 0"
    assert in_keys("k", [3, 4]) == "k IN (3, 4)"


def test_predicates_of_a_scope():
    assert FACTS.written_rows == "batch_id IN (7, 17)"
    same = 'sales_key IN (SELECT sales_key FROM "dw".fact_sales WHERE batch_id IN (7, 17))'
    assert FACTS.affected_rows == FACTS.rows_with_same("sales_key") == same
    assert MEMBERS.affected_rows == "customer_id IN (3, 4)"
    assert FACTS.rows_of_unknown_batches == "batch_id > 18"


def test_facts_of_versions_that_were_closed_before_the_event():
    assert FACTS.facts_of_changed_versions == FACTS.written_rows
    closed = RunScope(SALES, '"dw"', 18, (7,), first_closed_day=20070514)
    assert closed.facts_of_changed_versions == (
        "batch_id IN (7) OR ((payment_date_key >= 20070514 OR payment_date_key = -1)"
        ' AND (payer_key IN (SELECT customer_key FROM "dw".dim_customer WHERE batch_id IN (7) AND NOT is_current)))'
    )


def test_a_table_is_restricted_by_an_expression_of_its_name():
    query = restricted("-- What must hold.\nSELECT 1 FROM etl_lock", '"dw"', {"etl_lock": "nothing = 1"})
    assert query == (
        'WITH etl_lock AS (SELECT nothing FROM "dw".etl_lock WHERE nothing = 1)\n'
        "-- What must hold.\nSELECT 1 FROM etl_lock"
    )
    assert restricted("SELECT 1", '"dw"', {}) == "SELECT 1"


def test_the_expressions_of_the_query_follow():
    query = restricted("-- A.\nWITH own AS (SELECT 1) SELECT 2", '"dw"', {"etl_lock": "1 = 0"})
    assert query.endswith("WHERE 1 = 0)\n-- A.\n, own AS (SELECT 1) SELECT 2")


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_reads_the_tables_that_are_restricted(check):
    text = script(f"verify/{check}.sql")
    scopes = {"fact_sales": FACTS, "dim_customer": MEMBERS}
    for table in CHECKS[check](scopes):
        assert f" {table}" in text, table
        assert table in scopes or table in tables_in("etl_audit")


@pytest.mark.parametrize(
    ("check", "has_last_load", "is_possible"),
    [
        ("facts_are_as_many_as_their_load_wrote", True, True),
        ("facts_are_as_many_as_their_load_wrote", False, False),
        ("fact_agrees_with_its_last_load", True, False),
        ("keys_are_unique", False, True),
    ],
)
def test_totals_of_facts_are_checked_where_all_facts_are_in_scope(check, has_last_load, is_possible):
    scope = RunScope(SALES, '"dw"', 18, (7,), has_last_load=has_last_load)
    assert applies(check, {"fact_sales": scope}) is is_possible
    assert applies(check, {})
