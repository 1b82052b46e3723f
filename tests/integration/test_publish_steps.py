"""The publish statements on PostgreSQL, without Spark: what each kind of staged row makes of a table."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest

import load_dim_staff
import load_dim_store
import load_fact_sales
from dvdrental_etl.model import contract
from dvdrental_etl.model.targets import Target
from dvdrental_etl.publish import statements
from dvdrental_etl.publish.steps import steps
from sandbox.server import Sandbox

STAGING = "stg_of_this_test"
FIRST, FOREVER = "1900-01-01 00:00:00", "9999-12-31 00:00:00"
JANUARY, MARCH, MAY, JUNE = (
    "2007-01-01 00:00:00",
    "2007-03-01 00:00:00",
    "2007-05-01 00:00:00",
    "2007-06-01 00:00:00",
)
EVERYTHING = [(-(2**62), 2**62)]
Rows = list[tuple[Any, ...]]


class Warehouse:
    """The tables of the star, and the publish of one target from a staging table."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def __call__(self, statement: str, *parameters: object) -> Rows:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return list(cursor.fetchall()) if cursor.description else []

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        places = ", ".join("%s" for _ in columns)
        for row in rows:
            self(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", *row)

    def publish(
        self,
        target: Target,
        staged: Sequence[dict[str, object]],
        *,
        spans: Sequence[tuple[int, int]] = EVERYTHING,
        quarantined: Sequence[int] = (),
    ) -> dict[str, int]:
        """Run all steps as of JUNE in batch 7, load 9; what they counted."""
        columns = ", ".join(f"{column.name} {column.type}" for column in target.staging)
        self(f"CREATE TABLE {STAGING} ({columns})")
        for row in staged:
            self.insert(STAGING, list(row), [list(row.values())])
        self(f"CREATE TEMP TABLE {statements.spans_of(target.table)} (low bigint, high bigint)")
        self.insert(statements.spans_of(target.table), ["low", "high"], spans)
        self(f"CREATE TEMP TABLE {statements.quarantined_of(target.table)} (grain_key bigint)")
        self.insert(statements.quarantined_of(target.table), ["grain_key"], [[key] for key in quarantined])
        counted: dict[str, int] = {}
        with self.connection.cursor() as cursor:
            for step in steps(target, STAGING):
                cursor.execute(step.sql, {"as_of": JUNE, "batch_id": 7, "load_id": 9})
                numbers = cursor.fetchone() if cursor.description else [cursor.rowcount]
                counted |= zip(step.counts, numbers, strict=False)
        return counted

    def tables(self) -> Rows:
        """Every table with its OID, temporary ones included."""
        return self(
            "SELECT relname, oid FROM pg_class WHERE relkind IN ('r', 'p') AND relname ~ '^(dim|fact|etl)_' ORDER BY 1"
        )


@pytest.fixture(scope="module")
def connection(server: Sandbox) -> Iterator[Any]:
    """To a database with the tables of the star, empty."""
    server.create_database("publish_steps")
    with closing(server.connect("publish_steps")) as opened:
        with opened.cursor() as cursor:
            for name in contract.ddl_names():
                cursor.execute(contract.script(f"create_{name}.sql"))
        opened.commit()
        yield opened


@pytest.fixture
def warehouse(connection: Any) -> Iterator[Warehouse]:
    """Those tables, in a transaction that is rolled back after the test."""
    yield Warehouse(connection)
    connection.rollback()


# A dimension.

STAFF_COLUMNS = (
    *("staff_key", "staff_id", "last_name", "city", "valid_from", "valid_to"),
    *("is_current", "is_deleted", "is_inferred", "row_hash", "batch_id"),
)


def version(
    key: int, member: int, name: str, city: str, *, since: str = FIRST, until: str = FOREVER, **flags: Any
) -> list[object]:
    """A published version of a staff member, of batch 1."""
    current = until == FOREVER
    deleted, inferred = flags.get("deleted", False), flags.get("inferred", False)
    return [key, member, name, city, since, until, current, deleted, inferred, f"hash of {city}", 1]


def member(staff_id: int, name: str, city: str, changed_at: str | None = JANUARY) -> dict[str, object]:
    """A staged staff member: the city is tracked, the name is not."""
    return {
        "staff_id": staff_id,
        "last_name": name,
        "city": city,
        "changed_at": changed_at,
        "row_hash": f"hash of {city}",
    }


def versions(warehouse: Warehouse, *members: int) -> Rows:
    return warehouse(
        "SELECT staff_key, staff_id, last_name, city, valid_from::text, valid_to::text, is_current, is_deleted,"
        " is_inferred, batch_id FROM dim_staff WHERE staff_id = ANY(%s) ORDER BY staff_id, valid_from",
        list(members),
    )


def test_new_members_follow_the_highest_key_in_order_of_natural_key(warehouse: Warehouse) -> None:
    warehouse.insert("dim_staff", STAFF_COLUMNS, [version(3, 10, "A", "X"), version(8, 20, "B", "Y")])
    staged = [member(10, "A", "X"), member(30, "D", "X"), member(20, "B", "Y"), member(15, "C", "Y", MAY)]
    assert warehouse.publish(load_dim_staff.TARGET, staged) == {
        "new": 2,
        "changed": 0,
        "expired": 0,
        "deleted": 0,
    }
    assert versions(warehouse, 10, 15, 20, 30) == [
        (3, 10, "A", "X", FIRST, FOREVER, True, False, False, 1),
        (9, 15, "C", "Y", FIRST, FOREVER, True, False, False, 7),
        (8, 20, "B", "Y", FIRST, FOREVER, True, False, False, 1),
        (10, 30, "D", "X", FIRST, FOREVER, True, False, False, 7),
    ]


def test_the_first_member_of_all_gets_key_1(warehouse: Warehouse) -> None:
    warehouse.publish(load_dim_staff.TARGET, [member(5, "A", "X")])
    assert [row[0] for row in versions(warehouse, 5)] == [1]


@pytest.mark.parametrize(
    ("changed_at", "begins"),
    [
        (MAY, MAY),  # the source dates it
        (MARCH, JUNE),  # not after the begin of the version before
        ("2007-06-01 00:00:01", JUNE),  # after as_of
        (None, JUNE),
    ],
)
def test_a_tracked_change_opens_a_version(warehouse: Warehouse, changed_at: str | None, begins: str) -> None:
    before = [version(1, 10, "A", "X", until=MARCH), version(2, 10, "A", "Y", since=MARCH)]
    warehouse.insert("dim_staff", STAFF_COLUMNS, before)
    counted = warehouse.publish(load_dim_staff.TARGET, [member(10, "A", "Z", changed_at)])
    assert counted == {"new": 0, "changed": 1, "expired": 1, "deleted": 0}
    assert versions(warehouse, 10) == [
        (1, 10, "A", "X", FIRST, MARCH, False, False, False, 1),
        (2, 10, "A", "Y", MARCH, begins, False, False, False, 7),
        (3, 10, "A", "Z", begins, FOREVER, True, False, False, 7),
    ]


def test_a_tracked_change_at_the_begin_of_the_version_corrects_it(warehouse: Warehouse) -> None:
    before = [version(1, 10, "A", "X", until=JUNE), version(2, 10, "A", "Y", since=JUNE)]
    warehouse.insert("dim_staff", STAFF_COLUMNS, before)
    counted = warehouse.publish(load_dim_staff.TARGET, [member(10, "A", "Z")])
    assert counted == {"new": 0, "changed": 1, "expired": 0, "deleted": 0}
    assert versions(warehouse, 10) == [
        (1, 10, "A", "X", FIRST, JUNE, False, False, False, 1),
        (2, 10, "A", "Z", JUNE, FOREVER, True, False, False, 7),
    ]


def test_an_untracked_change_is_made_on_every_version(warehouse: Warehouse) -> None:
    before = [version(1, 10, "A", "X", until=MARCH), version(2, 10, "B", "Y", since=MARCH)]
    warehouse.insert("dim_staff", STAFF_COLUMNS, before)
    counted = warehouse.publish(load_dim_staff.TARGET, [member(10, "B", "Y")])
    assert counted == {
        "new": 0,
        "changed": 1,
        "expired": 0,
        "deleted": 0,
    }  # the older version had another value
    assert versions(warehouse, 10) == [
        (1, 10, "B", "X", FIRST, MARCH, False, False, False, 7),
        (2, 10, "B", "Y", MARCH, FOREVER, True, False, False, 1),
    ]
    assert (
        warehouse(f"DROP TABLE {STAGING}; DROP TABLE dim_staff_spans; DROP TABLE dim_staff_quarantined") == []
    )
    counted = warehouse.publish(load_dim_staff.TARGET, [member(10, "C", "Y")])
    assert counted == {"new": 0, "changed": 1, "expired": 0, "deleted": 0}
    assert versions(warehouse, 10) == [
        (1, 10, "C", "X", FIRST, MARCH, False, False, False, 7),
        (2, 10, "C", "Y", MARCH, FOREVER, True, False, False, 7),
    ]


def test_a_deleted_member_gets_a_last_version(warehouse: Warehouse) -> None:
    before = [version(1, 10, "A", "X"), version(2, 20, "B", "Y", since=JUNE), version(3, 30, "C", "Z")]
    warehouse.insert("dim_staff", STAFF_COLUMNS, before)
    counted = warehouse.publish(load_dim_staff.TARGET, [], spans=[(0, 25)])
    assert counted == {"new": 0, "changed": 0, "expired": 1, "deleted": 2}
    assert versions(warehouse, 10, 20, 30) == [
        (1, 10, "A", "X", FIRST, JUNE, False, False, False, 7),
        (4, 10, "A", "X", JUNE, FOREVER, True, True, False, 7),
        (2, 20, "B", "Y", JUNE, FOREVER, True, True, False, 7),  # its version only just began: no other one
        (3, 30, "C", "Z", FIRST, FOREVER, True, False, False, 1),  # outside of what was read
    ]


def test_a_member_that_returns_gets_a_version(warehouse: Warehouse) -> None:
    before = [version(1, 10, "A", "X", until=MARCH), version(2, 10, "A", "X", since=MARCH, deleted=True)]
    warehouse.insert("dim_staff", STAFF_COLUMNS, before)
    counted = warehouse.publish(load_dim_staff.TARGET, [member(10, "A", "X", MAY)])
    assert counted == {"new": 0, "changed": 1, "expired": 1, "deleted": 0}
    assert versions(warehouse, 10)[1:] == [
        (2, 10, "A", "X", MARCH, MAY, False, True, False, 7),
        (3, 10, "A", "X", MAY, FOREVER, True, False, False, 7),
    ]


def test_a_member_whose_row_is_quarantined_keeps_its_version(warehouse: Warehouse) -> None:
    warehouse.insert("dim_staff", STAFF_COLUMNS, [version(1, 10, "A", "X")])
    counted = warehouse.publish(load_dim_staff.TARGET, [], quarantined=[10, 40])
    assert counted == {"new": 0, "changed": 0, "expired": 0, "deleted": 0}
    assert versions(warehouse, 10, 40) == [(1, 10, "A", "X", FIRST, FOREVER, True, False, False, 1)]


def test_an_inferred_member_waits_and_is_completed_under_its_key(warehouse: Warehouse) -> None:
    before = [version(1, 10, "", "", inferred=True), version(2, 20, "", "", inferred=True)]
    warehouse.insert("dim_staff", STAFF_COLUMNS, before)
    counted = warehouse.publish(load_dim_staff.TARGET, [member(20, "B", "Y")])
    assert counted == {"new": 0, "changed": 1, "expired": 0, "deleted": 0}
    assert versions(warehouse, 10, 20) == [
        (1, 10, "", "", FIRST, FOREVER, True, False, True, 1),
        (2, 20, "B", "Y", FIRST, FOREVER, True, False, False, 7),
    ]


def test_a_dimension_whose_columns_are_all_tracked(warehouse: Warehouse) -> None:
    assert load_dim_store.TARGET.overwritten == ()
    row = {"store_id": 1, "city": "X", "changed_at": JANUARY, "row_hash": "x"}
    assert warehouse.publish(load_dim_store.TARGET, [row])["new"] == 1
    assert warehouse("SELECT store_key, city, batch_id FROM dim_store WHERE store_key > 0") == [(1, "X", 7)]


def test_the_member_unknown_is_left_alone(warehouse: Warehouse) -> None:
    before = warehouse("TABLE dim_staff")
    warehouse.publish(load_dim_staff.TARGET, [])
    assert warehouse("TABLE dim_staff") == before


def test_a_publish_leaves_nothing_but_its_rows(warehouse: Warehouse) -> None:
    before = warehouse.tables()
    warehouse.publish(load_dim_staff.TARGET, [member(10, "A", "X")])
    keys_of_the_caller = {"dim_staff_spans", "dim_staff_quarantined"}
    assert [row for row in warehouse.tables() if row[0] not in keys_of_the_caller] == before
    assert warehouse(f"SELECT staff_id, last_name, city FROM {STAGING}") == [(10, "A", "X")]


# The fact.

FACT_COLUMNS = (
    *("sales_key", "payment_date_key", "rental_date_key", "return_date_key", "customer_key", "staff_key"),
    *("store_key", "movie_key", "sales_amount", "rental_id", "payment_ts", "batch_id"),
)
APRIL = "2007-04-01 12:00:00"


def fact(key: int, amount: str = "1.00", staff_key: int = 1, at: str = APRIL) -> list[object]:
    """A published payment of batch 1, of the unknown customer, store and film."""
    return [key, 20070401, -1, -1, -1, staff_key, -1, -1, amount, None, at, 1]


def payment(key: int, amount: str = "1.00", staff_id: int | None = 10, at: str = APRIL) -> dict[str, object]:
    """The same, staged."""
    return {
        "sales_key": key,
        "payment_date_key": 20070401,
        "rental_date_key": -1,
        "return_date_key": -1,
        "staff_id": staff_id,
        "sales_amount": amount,
        "payment_ts": at,
    }


def facts(warehouse: Warehouse) -> Rows:
    return warehouse("SELECT sales_key, staff_key, sales_amount, batch_id FROM fact_sales ORDER BY 1")


@pytest.fixture
def with_staff(warehouse: Warehouse) -> Warehouse:
    """Staff member 10 lived in X until March, and lives in Y."""
    before = [version(1, 10, "A", "X", until=MARCH), version(2, 10, "A", "Y", since=MARCH)]
    warehouse.insert("dim_staff", STAFF_COLUMNS, before)
    return warehouse


def counts(**others: int) -> dict[str, int]:
    none = ("inferred dim_customer", "inferred dim_staff", "inferred dim_store", "inferred dim_movie")
    return dict.fromkeys((*none, "withdrawn", "deleted", "new", "changed"), 0) | others


def test_facts_are_added_changed_withdrawn_and_deleted(with_staff: Warehouse) -> None:
    published = [fact(n, staff_key=2) for n in (1, 2, 3, 4, 900)]
    with_staff.insert("fact_sales", FACT_COLUMNS, published)
    staged = [payment(1), payment(2, "5.00"), payment(5)]
    counted = with_staff.publish(load_fact_sales.TARGET, staged, spans=[(0, 3), (5, 10)], quarantined=[4])
    assert counted == counts(new=1, changed=1, deleted=1, withdrawn=1)
    assert facts(with_staff) == [
        (1, 2, Decimal("1.00"), 1),
        (2, 2, Decimal("5.00"), 7),
        (5, 2, Decimal("1.00"), 7),
        (900, 2, Decimal("1.00"), 1),  # outside of what was read
    ]


def test_a_fact_finds_the_version_of_its_time(with_staff: Warehouse) -> None:
    staged = [
        payment(1, at="1900-01-01 00:00:00"),
        payment(2, at="2007-02-28 23:59:59.999999"),
        payment(3, at=MARCH),
        payment(4, at="2007-12-01 00:00:00"),
    ]
    assert with_staff.publish(load_fact_sales.TARGET, staged) == counts(new=4)
    assert [(key, staff) for key, staff, *_ in facts(with_staff)] == [(1, 1), (2, 1), (3, 2), (4, 2)]


def test_a_fact_without_a_member_has_the_member_unknown(with_staff: Warehouse) -> None:
    with_staff.publish(load_fact_sales.TARGET, [payment(1, staff_id=None)])
    keys = with_staff("SELECT customer_key, staff_key, store_key, movie_key FROM fact_sales")
    assert keys == [(-1, -1, -1, -1)]


def test_a_missing_member_is_inferred_once(with_staff: Warehouse) -> None:
    staged = [payment(1, staff_id=40), payment(2, staff_id=30), payment(3, staff_id=40), payment(4)]
    assert with_staff.publish(load_fact_sales.TARGET, staged) == counts(new=4) | {"inferred dim_staff": 2}
    assert versions(with_staff, 30, 40) == [
        (3, 30, None, None, FIRST, FOREVER, True, False, True, 7),
        (4, 40, None, None, FIRST, FOREVER, True, False, True, 7),
    ]
    assert [(key, staff) for key, staff, *_ in facts(with_staff)] == [(1, 4), (2, 3), (3, 4), (4, 2)]


def test_facts_that_were_not_read_follow_a_version_that_was_closed_before_them(with_staff: Warehouse) -> None:
    """Batch 1 closed version 1 in March, in a load that no load of the fact has followed."""
    load = [
        "load_id",
        "batch_id",
        "table_name",
        "attempt",
        "status",
        "as_of",
        "code_version",
        "code_digest",
        "started_at",
    ]
    loads = [
        [5, 1, "dim_staff", "a", "published", JUNE, "", "", JUNE],
        [6, 1, "dim_movie", "b", "failed", JUNE, "", "", JUNE],
    ]
    with_staff.insert("etl_load", load, loads)
    with_staff.insert("fact_sales", FACT_COLUMNS, [fact(1), fact(2, at=JANUARY), fact(3, staff_key=2)])
    assert with_staff.publish(load_fact_sales.TARGET, [], spans=[]) == counts(changed=1)
    assert facts(with_staff) == [
        (1, 2, Decimal("1.00"), 7),
        (2, 1, Decimal("1.00"), 1),  # before the change
        (3, 2, Decimal("1.00"), 1),
    ]
    assert with_staff("SELECT load_id, keyed_by FROM etl_load ORDER BY 1") == [(5, 9), (6, None)]


def test_every_column_of_a_fact_is_compared(with_staff: Warehouse) -> None:
    """Each staged payment differs from its published one in one column only."""
    changes: list[dict[str, object]] = [
        {"payment_date_key": 20070402},
        {"rental_date_key": 20070101},
        {"return_date_key": -2},
        {"customer_id": 3},
        {"staff_id": None},
        {"store_id": 3},
        {"film_id": 3},
        {"sales_amount": "1.01"},
        {"rental_id": 5},
        {"payment_ts": "2007-04-01 12:00:00.000001"},
    ]
    numbers = range(1, len(changes) + 1)
    with_staff.insert("fact_sales", FACT_COLUMNS, [fact(n, staff_key=2) for n in (0, *numbers)])
    staged = [payment(0), *(payment(n) | change for n, change in zip(numbers, changes, strict=True))]
    assert with_staff.publish(load_fact_sales.TARGET, staged)["changed"] == len(changes)
    assert with_staff("SELECT sales_key FROM fact_sales WHERE batch_id = 1") == [(0,)]
    assert {column.name for column in load_fact_sales.TARGET.frame} - {"sales_key"} == {
        name for change in changes for name in change
    }


def test_dates_of_the_run_are_those_given_and_not_the_clock(warehouse: Warehouse) -> None:
    """Nothing that is published lies between as_of and the end of time."""
    before = [version(1, 10, "A", "X"), version(2, 20, "B", "Y")]
    warehouse.insert("dim_staff", STAFF_COLUMNS, before)
    warehouse.publish(load_dim_staff.TARGET, [member(10, "A", "Z", None)])
    found = warehouse(
        "SELECT DISTINCT valid_from FROM dim_staff UNION SELECT DISTINCT valid_to FROM dim_staff"
    )
    june = dt.datetime.fromisoformat(JUNE)
    assert {row[0] for row in found} == {dt.datetime(1900, 1, 1), june, dt.datetime(9999, 12, 31)}


def test_every_byte_of_a_text_counts(warehouse: Warehouse) -> None:
    """Redshift compares texts without blanks at their end. So does this server, with an operator of the test."""
    differs = statements.differs("s", "d", ["name"], {"name"})
    asked = "SELECT {} FROM (VALUES ('ANN')) s (name), (VALUES ('{}'::text)) d (name)"
    loose = (
        "CREATE SCHEMA loose; CREATE FUNCTION loose.ne(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT"
        " AS 'SELECT NOT texteq(rtrim($1), rtrim($2))';"
        " CREATE OPERATOR loose.<> (LEFTARG = text, RIGHTARG = text, PROCEDURE = loose.ne);"
        " SET search_path = loose, pg_catalog; "
    )
    warehouse(loose)
    assert warehouse(asked.format("s.name <> d.name", "ANN ")) == [(False,)]
    for other, is_other in (("ANN ", True), ("Ann", True), ("ANN", False)):
        assert warehouse(asked.format(differs, other)) == [(is_other,)]
