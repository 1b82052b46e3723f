"""What a run wrote, as text of SQL: predicates, and tables narrowed by them."""

import pytest

from dvdrental_etl.model.contract import script, tables_in
from dvdrental_etl.verify.checks import CHECKS
from dvdrental_etl.verify.written import (
    DIMENSIONS,
    FACT,
    Written,
    among,
    narrowed,
    numbers_in,
    spans_of,
    within,
)

CUSTOMER = DIMENSIONS[0]
FACTS = Written(FACT, '"dw"', 18, (7, 17), (5, 2000), ((0, 1023),))
MEMBERS = Written(CUSTOMER, '"dw"', 18, (7, 17), (3, 4), ())


@pytest.mark.parametrize(
    ("numbers", "spans"),
    [
        ((), []),
        ((0,), [(0, 1023)]),
        ((2, 1, 4), [(1024, 3071), (4096, 5119)]),
        ((-1, 0), [(-1024, 1023)]),
    ],
)
def test_neighbouring_ranges_are_one_span(numbers, spans):
    assert spans_of(numbers) == spans
    assert sorted(numbers_in(spans)) == sorted(numbers)


def test_predicates():
    assert within("k", [(0, 1023), (4096, 5119)]) == "k BETWEEN 0 AND 1023 OR k BETWEEN 4096 AND 5119"
    assert within("k", []) == among("k", []) == "1 = 0"
    assert among("k", [3, 4]) == "k IN (3, 4)"
    assert FACTS.rows == "batch_id IN (7, 17)"
    same = 'sales_key IN (SELECT sales_key FROM "dw".fact_sales WHERE batch_id IN (7, 17))'
    assert FACTS.members == FACTS.sharing("sales_key") == same
    assert MEMBERS.members == "customer_id IN (3, 4)"
    assert FACTS.strays == "batch_id > 18"
    assert FACTS.keyed == FACTS.rows


def test_a_table_is_narrowed_by_an_expression_of_its_name():
    told = narrowed("-- What must hold.\nSELECT 1 FROM etl_lock", '"dw"', {"etl_lock": "nothing = 1"})
    assert told == (
        'WITH etl_lock AS (SELECT nothing FROM "dw".etl_lock WHERE nothing = 1)\n'
        "-- What must hold.\nSELECT 1 FROM etl_lock"
    )
    assert narrowed("SELECT 1", '"dw"', {}) == "SELECT 1"


def test_expressions_of_a_query_s_own_come_after():
    told = narrowed("-- A.\nWITH own AS (SELECT 1) SELECT 2", '"dw"', {"etl_lock": "1 = 0"})
    assert told.endswith("WHERE 1 = 0)\n-- A.\n, own AS (SELECT 1) SELECT 2")


@pytest.mark.parametrize("check", CHECKS)
def test_a_narrowed_check_names_the_tables_that_it_reads(check):
    text = script(f"verify/{check}.sql")
    parts = {"fact_sales": FACTS, "dim_customer": MEMBERS}
    for table in CHECKS[check](parts):
        assert f" {table}" in text, table
        assert table in parts or table in tables_in("etl_audit")
