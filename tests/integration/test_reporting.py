"""What analysts see: views, comments, keys and rights, made by the loads and kept up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from psycopg2.errors import InsufficientPrivilege
from pyspark.sql import SparkSession

from redshift_emulator.emulator import Emulator
from sandbox.server import Sandbox
from tests.support.database import DatabaseClient
from tests.support.engines import give_workers
from tests.support.environment import DIMENSIONS, TABLES, Environment
from tests.support.jobs import counts, expected_counts
from tests.support.paths import SQL_SCRIPTS
from tests.support.redshift import to_redshift
from tests.support.servers import LOADED_AT, MakeEnvironment, needs_18

VIEWS = ["v_sales", *(f"{table}_current" for table in DIMENSIONS)]


def made_views(env: Environment) -> dict[str, tuple[int, str]]:
    """Name -> OID and the transaction that last wrote its definition."""
    found = env.warehouse(
        "SELECT c.relname, c.oid, r.xmin::text FROM pg_class c JOIN pg_rewrite r ON r.ev_class = c.oid"
        " WHERE relnamespace = 'dw'::regnamespace AND relname = ANY(%s)",
        VIEWS,
    )
    return {name: (oid, xmin) for name, oid, xmin in found}


def uncommented(env: Environment) -> list[str]:
    """Tables, views and columns without a comment."""
    found = env.warehouse(
        """
        SELECT c.relname, a.attname FROM pg_class c
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = 'dw'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
            AND col_description(c.oid, a.attnum) IS NULL
        UNION ALL
        SELECT c.relname, NULL FROM pg_class c
        WHERE c.relnamespace = 'dw'::regnamespace AND c.relkind IN ('r', 'p', 'v')
            AND obj_description(c.oid, 'pg_class') IS NULL
        """
    )
    return [f"{table}.{column}" for table, column in found]


def test_everything_has_a_comment(env: Environment) -> None:
    assert uncommented(env) == []
    assert (
        env.warehouse.value("SELECT obj_description('fact_sales_rows'::regclass, 'pg_class')")
        == "The rows of fact_sales: read fact_sales instead."
    )


def test_joins_are_declared_but_not_enforced(env: Environment) -> None:
    needs_18(
        int(env.warehouse.value("SHOW server_version_num")),
        "keys that are not enforced came with PostgreSQL 18",
    )
    keys = env.warehouse(
        "SELECT a.attname, confrelid::regclass::text, conenforced FROM pg_constraint c"
        " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]"
        " WHERE contype = 'f' AND conrelid = 'fact_sales'::regclass ORDER BY 1"
    )
    assert keys == [
        ("customer_key", "dim_customer", False),
        ("movie_key", "dim_movie", False),
        ("payment_date_key", "dim_date", False),
        ("rental_date_key", "dim_date", False),
        ("return_date_key", "dim_date", False),
        ("staff_key", "dim_staff", False),
        ("store_key", "dim_store", False),
    ]


def test_the_wide_view_has_each_sale_once_as_it_was_and_as_it_is(env: Environment) -> None:
    env.source("UPDATE address SET district = 'Moved', last_update = '2007-06-15'")
    env.load_all(as_of="2007-07-01T00:00:00")
    assert env.warehouse("SELECT count(*), sum(sales_amount) FROM v_sales") == env.source(
        "SELECT count(*), sum(amount) FROM payment"
    )
    assert env.warehouse.value("SELECT count(*) FROM v_sales WHERE customer_district = 'Moved'") == 0
    assert env.warehouse.value("SELECT count(*) FROM v_sales WHERE customer_district_now <> 'Moved'") == 0
    for table, (_, natural) in DIMENSIONS.items():
        members = f"SELECT count(*), count(DISTINCT {natural}) FROM {table}"
        ((rows, known),) = env.warehouse(f"{members}_current")
        assert rows == known == env.warehouse(members)[0][1], table


def test_what_is_unknown_has_a_label_that_no_filter_loses(env: Environment) -> None:
    ((payment,),) = env.source("SELECT min(payment_id) FROM payment WHERE rental_id IS NOT NULL")
    env.source("ALTER TABLE payment ALTER rental_id DROP NOT NULL")
    env.source("UPDATE payment SET rental_id = NULL WHERE payment_id = %s", payment)
    env.source(
        "DELETE FROM rental WHERE rental_id NOT IN (SELECT rental_id FROM payment WHERE rental_id > 0)"
    )
    env.source("UPDATE customer SET email = NULL WHERE customer_id = (SELECT min(customer_id) FROM customer)")
    env.source(
        "INSERT INTO customer SELECT 9000, store_id, 'New', 'One', email, address_id FROM customer LIMIT 1"
    )
    env.source("UPDATE payment SET customer_id = 9000 WHERE payment_id = %s", payment)
    env.load("fact_sales")
    assert env.warehouse(
        "SELECT movie_title, movie_category, store_city, rental_year_month, return_year_month, customer_name,"
        " customer_district_now FROM v_sales WHERE sales_key = %s",
        payment,
    ) == [("Unknown",) * 5 + ("Not yet known",) * 2]
    assert env.warehouse.value("SELECT count(*) FROM v_sales WHERE movie_title <> 'Chicago North'") == 730
    env.load("dim_customer")
    assert env.warehouse.value("SELECT count(*) FROM dim_customer_current WHERE email = '(none)'") == 1
    assert env.warehouse.value("SELECT customer_name FROM v_sales WHERE sales_key = %s", payment) == "New One"


def test_a_night_without_a_change_makes_nothing_again(env: Environment) -> None:
    before = made_views(env)
    assert sorted(before) == sorted(VIEWS)
    env.load("dim_store")
    assert made_views(env) == before


def test_a_warehouse_of_the_version_before_gets_them_without_a_comparison(env: Environment) -> None:
    needs_18(
        int(env.warehouse.value("SHOW server_version_num")),
        "keys that are not enforced came with PostgreSQL 18",
    )
    env.warehouse(f"DROP VIEW {', '.join(VIEWS)}; COMMENT ON TABLE etl_lock IS NULL")
    env.warehouse(
        "ALTER INDEX dim_store_current_version RENAME TO dim_store_current; DROP INDEX dim_store_end;"
        "ALTER TABLE fact_sales DROP CONSTRAINT fact_sales_store_key_fkey"
    )
    assert counts(env.load("dim_store")) == expected_counts()
    assert env.last_load("dim_store")["is_full"] is False
    assert sorted(made_views(env)) == sorted(VIEWS)
    assert uncommented(env) == []
    assert env.warehouse.value(
        "SELECT count(*) FROM pg_constraint WHERE conname = 'fact_sales_store_key_fkey'"
    )


def test_a_view_of_other_columns_is_replaced(env: Environment) -> None:
    env.warehouse("DROP VIEW v_sales; CREATE VIEW v_sales AS SELECT 1 AS something_else")
    env.warehouse("COMMENT ON TABLE etl_lock IS NULL")
    env.load("dim_store")
    assert env.warehouse.value("SELECT count(*) FROM v_sales WHERE payment_year = 2007") == 730


def test_a_lock_on_the_fact_delays_no_load(env: Environment, caplog: pytest.LogCaptureFixture) -> None:
    env.warehouse("COMMENT ON TABLE etl_lock IS NULL")
    with env.warehouse.connect() as connection, connection.cursor() as cursor:
        connection.autocommit = False
        cursor.execute("LOCK TABLE fact_sales IN SHARE UPDATE EXCLUSIVE MODE")
        env.load("dim_store")
        connection.rollback()
    assert "views and comments are not up to date" in caplog.text
    assert "[reporting" not in (env.warehouse.value("SELECT obj_description('etl_lock'::regclass)") or "")


@contextmanager
def analyst(env: Environment, sandbox: Sandbox) -> Iterator[DatabaseClient]:
    """A member of the group reporting."""
    del sandbox
    with env.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute((SQL_SCRIPTS / "reporting_group.sql").read_text(encoding="utf-8"))
        cursor.execute("CREATE ROLE analyst LOGIN PASSWORD 'analyst' IN ROLE reporting")
        cursor.execute(f"GRANT CONNECT ON DATABASE {env.warehouse.database} TO analyst")
    try:
        yield DatabaseClient(env.warehouse.port, "analyst", env.warehouse.database, "dw", role="analyst")
    finally:
        env.warehouse("DROP OWNED BY analyst, reporting; DROP ROLE analyst; DROP ROLE reporting")


def test_the_group_reads_the_star_and_not_the_record(env: Environment, server: Sandbox) -> None:
    with analyst(env, server):
        env.load("dim_store")
        for table in (*TABLES, *VIEWS, "dim_date", "dim_payment_date"):
            assert env.warehouse.value("SELECT has_table_privilege('analyst', %s, 'SELECT')", table), table
        for table in ("etl_load", "etl_reject", "etl_batch", "fact_sales_rows"):
            assert not env.warehouse.value("SELECT has_table_privilege('analyst', %s, 'SELECT')", table), (
                table
            )
        with pytest.raises(InsufficientPrivilege):
            env.warehouse("SET ROLE analyst; SELECT 1 FROM etl_load")
        assert env.warehouse("SET ROLE analyst; SELECT count(*) FROM v_sales") == [(730,)]


def test_on_redshift(
    emulator: Emulator,
    server: Sandbox,
    spark: SparkSession,
    make_environment: MakeEnvironment,
    source_template: str,
) -> None:
    give_workers(spark, emulator.environment())
    env = to_redshift(make_environment(source_template), emulator, server)
    env.load_all(as_of=LOADED_AT)
    assert env.warehouse("SELECT count(*), sum(sales_amount) FROM v_sales") == env.source(
        "SELECT count(*), sum(amount) FROM payment"
    )
    assert uncommented(env) == []
    before = made_views(env)
    emulator.statements.clear()
    env.load("dim_store")
    assert made_views(env) == before
    assert not [sql for sql in emulator.statements if "CREATE OR REPLACE VIEW" in sql or "COMMENT ON" in sql]
