"""The real dvdrental: every number is known from counting the source by hand."""

from decimal import Decimal

import pytest

from dvdrental_etl import config
from dvdrental_etl.verify import run
from tests.support.environment import DIMENSIONS, TABLES, Environment
from tests.support.paths import ROOT
from tests.support.questions import ANSWERS, SOURCE

JOINED = """
    FROM fact_sales f
    JOIN dim_customer USING (customer_key) JOIN dim_staff USING (staff_key)
    JOIN dim_store s USING (store_key) JOIN dim_movie USING (movie_key)
    JOIN dim_payment_date p ON p.date_key = payment_date_key
    JOIN dim_rental_date r ON r.date_key = rental_date_key
    JOIN dim_return_date t ON t.date_key = return_date_key
"""


def test_total(real: Environment) -> None:
    query = "SELECT count(*), sum(sales_amount), count(*) FILTER (WHERE sales_amount = 0.00) FROM fact_sales"
    assert real.warehouse(query) == [(14_596, Decimal("61312.04"), 24)]


def test_by_month(real: Environment) -> None:
    query = f"SELECT p.year, p.month, sum(sales_amount), count(*) {JOINED} GROUP BY 1, 2 ORDER BY 1, 2"
    assert real.warehouse(query) == [
        (2007, 2, Decimal("8351.84"), 2_016),
        (2007, 3, Decimal("23886.56"), 5_644),
        (2007, 4, Decimal("28559.46"), 6_754),
        (2007, 5, Decimal("514.18"), 182),
    ]


def test_by_store_that_owns_the_copy(real: Environment) -> None:
    query = f"SELECT s.store_id, sum(sales_amount) {JOINED} GROUP BY 1 ORDER BY 1"
    assert real.warehouse(query) == [(1, Decimal("30628.91")), (2, Decimal("30683.13"))]


def test_open_rentals_have_the_member_not_yet(real: Environment) -> None:
    query = f"SELECT count(*), sum(sales_amount), min(t.day_name) {JOINED} WHERE return_date_key = -2"
    assert real.warehouse(query) == [(183, Decimal("518.17"), "Not yet happened")]


def test_joins_lose_nothing(real: Environment) -> None:
    assert real.warehouse(f"SELECT count(*), sum(sales_amount) {JOINED}") == [(14_596, Decimal("61312.04"))]


def test_days(real: Environment) -> None:
    query = f"""
        SELECT count(DISTINCT payment_date_key), min(p.year), max(p.year), count(DISTINCT rental_date_key),
            min(r.date)::text, max(r.date)::text, count(*) FILTER (WHERE p.date = r.date) {JOINED}
    """
    ((payment_days, first, last, _, first_rental, last_rental, same),) = real.warehouse(query)
    assert (payment_days, first, last, same) == (32, 2007, 2007, 0)
    assert first_rental[:4] == "2005"
    assert last_rental[:4] == "2006"


def test_no_key_is_unknown(real: Environment) -> None:
    query = """
        SELECT count(*) FROM fact_sales WHERE customer_key = -1 OR staff_key = -1 OR store_key = -1 OR movie_key = -1
            OR payment_date_key < 0 OR rental_date_key < 0 OR return_date_key = -1
    """
    assert real.warehouse.value(query) == 0


def test_no_key_may_be_null(real: Environment) -> None:
    query = """
        SELECT attrelid::regclass::text, attname FROM pg_attribute
        WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'dw'::regnamespace AND relkind = 'r')
            AND attnum > 0 AND NOT attisdropped AND NOT attnotnull AND attname LIKE '%%_key'
            AND attrelid::regclass::text NOT LIKE 'etl_%%'
    """
    assert real.warehouse(query.replace("%%", "%")) == []


@pytest.mark.parametrize("table", DIMENSIONS)
def test_member_unknown(real: Environment, table: str) -> None:
    key, natural = DIMENSIONS[table]
    query = (
        f"SELECT {natural}, city, valid_from::text, valid_to::text, is_current FROM {table} WHERE {key} = -1"
    )
    query = query.replace("city", "title" if table == "dim_movie" else "city")
    assert real.warehouse(query) == [(-1, "Unknown", "1900-01-01 00:00:00", "9999-12-31 00:00:00", True)]


@pytest.mark.parametrize(
    ("table", "members"), [("dim_customer", 599), ("dim_movie", 1_000), ("dim_store", 2), ("dim_staff", 2)]
)
def test_members(real: Environment, table: str, members: int) -> None:
    key, natural = DIMENSIONS[table]
    query = f"SELECT count(*), count(DISTINCT {natural}), min({key}), max({key}) FROM {table} WHERE {key} > 0"
    assert real.warehouse(query) == [(members, members, 1, members)]
    assert real.warehouse.value(f"SELECT count(*) FROM {table} WHERE {key} > 0 AND {key} <> {natural}") == 0


def test_active_customers(real: Environment) -> None:
    assert real.warehouse.value("SELECT sum(active) FROM dim_customer") == 584


def test_language_is_trimmed_and_features_are_sorted(real: Environment) -> None:
    assert real.warehouse("SELECT DISTINCT language FROM dim_movie WHERE movie_key > 0") == [("English",)]
    # film 1's array is {"Deleted Scenes","Behind the Scenes"}
    query = "SELECT title, special_features, category, rating, rental_rate FROM dim_movie WHERE film_id = 1"
    features = "Behind the Scenes, Deleted Scenes"
    assert real.warehouse(query) == [("Academy Dinosaur", features, "Documentary", "PG", Decimal("0.99"))]


def test_one_rental_five_payers(real: Environment) -> None:
    query = "SELECT count(*), count(DISTINCT customer_key) FROM fact_sales WHERE rental_id = 4591"
    assert real.warehouse(query) == [(5, 5)]


def test_no_secret_of_the_staff_arrives(real: Environment) -> None:
    columns = real.warehouse("SELECT attname FROM pg_attribute WHERE attrelid = 'dim_staff'::regclass")
    assert not {name for (name,) in columns} & {"username", "password", "picture"}
    ((hashes,),) = real.source("SELECT array_agg(password) FROM staff")
    assert not [row for row in real.warehouse("SELECT * FROM dim_staff") if set(row) & set(hashes)]


def test_every_row_as_the_source_has_it(real: Environment) -> None:
    real.check_invariants()
    real.check_equals_source()


def test_record(real: Environment) -> None:
    for table, rows, amount in zip(
        TABLES, (599, 1_000, 2, 2, 14_596), (None,) * 4 + (61_312.04,), strict=True
    ):
        load = real.last_load(table)
        assert load["status"] == "published"
        assert (load["rows_read"], load["rows_new"], load["rows_quarantined"]) == (rows, rows, 0)
        assert load["source_rows"] == load["warehouse_rows"] == rows
        assert load["source_amount"] == load["warehouse_amount"] == amount
    # One query leads from a row to run, code version and source snapshot.
    ((run, version, snapshot, lsn),) = real.warehouse(
        """
        SELECT run_id, l.code_version, source_snapshot, source_lsn FROM fact_sales f
        JOIN etl_batch USING (batch_id) JOIN etl_load l USING (batch_id) WHERE sales_key = 17503
        """
    )
    assert run.startswith("load_fact_sales ")
    assert version
    assert snapshot.count(":") == 2
    assert "/" in lsn


def test_verify_finds_nothing(real: Environment) -> None:
    report = run.examine(config.load(real.config, {}))
    assert (report.findings, report.waiting) == ([], 0)


@pytest.mark.parametrize(
    "question", sorted(path.stem for path in (ROOT / "examples/questions").glob("*.sql"))
)
def test_a_question_has_the_answer_of_the_source(real: Environment, question: str) -> None:
    text = (ROOT / "examples/questions" / f"{question}.sql").read_text(encoding="utf-8")
    answer = real.warehouse(text)
    assert sorted(answer, key=repr) == sorted(real.source(SOURCE[question]), key=repr)
    assert ANSWERS[question] in map(repr, answer)
    assert text.startswith("-- "), "a question opens with a sentence"
