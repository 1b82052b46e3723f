"""A fact's first load on PostgreSQL: rows are written once, to a table that takes the empty partition's place."""

import datetime as dt

import pytest

from dvdrental_etl.db.cursor import Cursor
from dvdrental_etl.staging import copy
from dvdrental_etl.warehouse.postgres_partition import PartitionLoad
from tests.support.environment import Environment

PARTITION = "SELECT oid FROM pg_class WHERE oid = 'fact_sales_rows'::regclass"
LEFT = "SELECT relname FROM pg_class WHERE relname LIKE 'stg%%' AND relnamespace = 'dw'::regnamespace"

#: A table's indexes: what each is on, whether it is the primary key, whether it is complete.
INDEXES = """
    SELECT regexp_replace(pg_get_indexdef(indexrelid), '^.* USING ', ''), indisprimary, indisvalid FROM pg_index
    WHERE indrelid = %s::regclass ORDER BY 1
"""


@pytest.fixture
def many(empty: Environment) -> None:
    """Executors send the few payments of a test, as they do with many."""
    empty.limit(rows_sent_by_driver=0)


def check_indexes(env: Environment) -> None:
    """The partition has what its fact has, and where to find what later batches write."""
    batch = env.warehouse.value("SELECT min(batch_id) FROM fact_sales")
    later = (f"btree (batch_id) WHERE (batch_id > {batch})", False, True)
    assert env.warehouse(INDEXES, "fact_sales_rows") == sorted([*env.warehouse(INDEXES, "fact_sales"), later])
    assert len(env.warehouse(INDEXES, "fact_sales")) >= 2


def load_dimensions(env: Environment) -> None:
    for table in ("dim_customer", "dim_movie", "dim_store", "dim_staff"):
        env.load(table)


@pytest.mark.usefixtures("many")
def test_the_new_partition_replaces_the_old_and_the_fact_keeps_its_identity(empty: Environment) -> None:
    load_dimensions(empty)
    empty.warehouse("CREATE VIEW takings AS SELECT sum(sales_amount) AS total FROM fact_sales")
    fact, partition = empty.warehouse.value("SELECT 'fact_sales'::regclass::oid"), empty.warehouse(PARTITION)
    empty.load("fact_sales")
    assert empty.warehouse.value("SELECT 'fact_sales'::regclass::oid") == fact
    assert empty.warehouse(PARTITION) != partition
    assert empty.warehouse.value("SELECT total FROM takings") == empty.source.value(
        "SELECT sum(amount) FROM payment"
    )
    check_indexes(empty)
    assert empty.warehouse(LEFT) == []
    empty.check_equals_source()


def test_few_rows_sent_by_the_driver_take_the_same_way(empty: Environment) -> None:
    load_dimensions(empty)
    before = empty.warehouse(PARTITION)
    empty.load("fact_sales")
    assert empty.warehouse(PARTITION) != before
    check_indexes(empty)
    assert empty.warehouse(LEFT) == []
    empty.check_equals_source()


def test_a_closed_version_keys_the_facts_of_its_time(empty: Environment) -> None:
    """Customers were loaded, moved and loaded again, all before the first load of the fact."""
    load_dimensions(empty)
    moved = dt.datetime(2007, 4, 10)
    payments = "SELECT count(*) FROM payment WHERE customer_id <= 5 AND payment_date"
    empty.source(
        "UPDATE customer SET store_id = 3 - store_id, last_update = %s WHERE customer_id <= 5", moved
    )
    empty.load("dim_customer")
    empty.load("fact_sales")
    assert empty.warehouse(
        "SELECT is_current, count(*), min(valid_from), max(valid_to) FROM fact_sales"
        " JOIN dim_customer USING (customer_key) WHERE customer_id <= 5 GROUP BY 1 ORDER BY 1"
    ) == [
        (False, empty.source.value(f"{payments} < %s", moved), dt.datetime(1900, 1, 1), moved),
        (True, empty.source.value(f"{payments} >= %s", moved), moved, dt.datetime(9999, 12, 31)),
    ]
    empty.check_equals_source()


@pytest.mark.usefixtures("many")
def test_where_no_customer_is_known_yet_all_facts_come_by_way_of_staging(empty: Environment) -> None:
    empty.load("dim_store")
    before = empty.warehouse(PARTITION)
    empty.load("fact_sales")
    assert empty.warehouse(PARTITION) == before
    check_indexes(empty)
    assert empty.warehouse(LEFT) == []
    assert empty.facts() == empty.source_facts()


def test_a_first_load_after_one_that_failed(empty: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    load_dimensions(empty)
    with monkeypatch.context() as broken:
        broken.setattr(copy, "staged", None)
        with pytest.raises(TypeError):
            empty.load("fact_sales")
    empty.load("fact_sales")
    assert len(empty.warehouse(INDEXES, "fact_sales_rows")) == len(empty.warehouse(INDEXES, "fact_sales")) + 1
    empty.check_equals_source()


@pytest.mark.usefixtures("many")
def test_a_row_lost_on_its_way_is_the_warehouses_fault(
    empty: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_dimensions(empty)
    attach = PartitionLoad.attach

    def attach_one_row_less(load: PartitionLoad, cursor: Cursor) -> None:
        cursor.execute(f"DELETE FROM {load.table} WHERE sales_key = 17503")
        attach(load, cursor)

    monkeypatch.setattr(PartitionLoad, "attach", attach_one_row_less)
    assert "729 rows are in staging, 730 were sent" in empty.load("fact_sales", code=7).error
    assert empty.warehouse.value("SELECT count(*) FROM fact_sales") == 0


def test_a_fact_with_rows_is_compared_and_not_taken_over(empty: Environment) -> None:
    empty.load_all()
    partition = empty.warehouse(PARTITION)
    empty.source("UPDATE payment SET amount = 9.99 WHERE payment_id = 17503")
    empty.load("fact_sales", "--full-refresh")
    assert empty.warehouse(PARTITION) == partition
    empty.check_equals_source()


@pytest.mark.usefixtures("many")
def test_facts_before_their_members_are_published_through_staging(empty: Environment) -> None:
    load_dimensions(empty)
    empty.source(
        "INSERT INTO customer SELECT 9001, store_id, 'ZOE', 'NEW', NULL, address_id, TRUE, create_date, last_update,"
        " active FROM customer LIMIT 1;"
        "INSERT INTO payment SELECT 90001, 9001, staff_id, rental_id, 1.25, payment_date FROM payment LIMIT 1"
    )
    empty.load("fact_sales")
    assert empty.warehouse(
        "SELECT sales_amount, c.is_inferred FROM fact_sales JOIN dim_customer c USING (customer_key)"
        " WHERE customer_id = 9001"
    ) == [(empty.source.value("SELECT 1.25::numeric(5,2)"), True)]
    empty.load("dim_customer")
    empty.check_equals_source()


@pytest.mark.usefixtures("many")
def test_a_key_that_occurs_twice_is_the_sources_fault_also_where_one_row_waits_for_its_member(
    empty: Environment,
) -> None:
    """One of both is written to the new partition, the other one comes by way of staging."""
    load_dimensions(empty)
    empty.source(
        "ALTER TABLE payment DROP CONSTRAINT payment_pkey, DROP CONSTRAINT payment_customer_id_fkey;"
        "INSERT INTO payment SELECT payment_id, 9999, staff_id, rental_id, amount, payment_date FROM payment"
        " WHERE payment_id = 17503"
    )
    assert "does not reconcile" in empty.load("fact_sales", code=5).error
    assert empty.warehouse.value("SELECT count(*) FROM fact_sales") == 0


@pytest.mark.usefixtures("many")
def test_a_key_that_occurs_twice_is_refused_and_nothing_is_left(empty: Environment) -> None:
    load_dimensions(empty)
    empty.source(
        "ALTER TABLE payment DROP CONSTRAINT payment_pkey;"
        " INSERT INTO payment SELECT * FROM payment WHERE payment_id = 17503"
    )
    assert "sales_key 17503 occurs 2 times" in empty.load("fact_sales", code=5).error
    assert empty.warehouse.value("SELECT count(*) FROM fact_sales") == 0
    assert empty.warehouse(LEFT) == []
