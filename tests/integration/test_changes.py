"""What a night reads: every change, however it came about, and little else; everything when no sign can be trusted."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from dvdrental_etl import config
from dvdrental_etl.errors import SourceError
from dvdrental_etl.extract import catalog, key_ranges
from dvdrental_etl.extract.source import Source
from dvdrental_etl.limits import DEFAULT_LIMITS
from dvdrental_etl.model.key_ranges import RangeCount, RangeCounts
from dvdrental_etl.model.source_tables import SourceTable
from dvdrental_etl.pipeline.job import Run
from dvdrental_etl.verify import run
from dvdrental_etl.verify.reader import SnapshotReader
from dvdrental_etl.verify.source_changes import source_identity
from tests.support.environment import DIMENSIONS, TABLES, Environment
from tests.support.jobs import counts, expected_counts, rows_read
from tests.support.servers import MakeEnvironment

DAY_1, DAY_2 = "2007-07-01T00:00:00", "2007-07-02T00:00:00"


def extent(env: Environment, table: str) -> str:
    return str(env.last_load(table)["extent"])


@contextmanager
def open_transaction(env: Environment) -> Iterator[Any]:
    """A cursor whose transaction the test commits, or not, when it likes."""
    with closing(env.source.connect()) as connection:
        connection.autocommit = False
        with connection.cursor() as cursor:
            yield cursor


# Ranges of keys.

#: What happens to payment, one after the other, and whether rows then have to be grouped to see it.
KEYS = (
    ("UPDATE payment SET amount = amount + 1 WHERE payment_id = 17600", False),
    ("INSERT INTO payment SELECT 30000, 1, 1, 1, 1.00, '2007-05-20'", False),
    ("INSERT INTO payment SELECT max(payment_id) + 1, 1, 1, 1, 1.00, '2007-05-20' FROM payment", False),
    ("DELETE FROM payment WHERE payment_id = (SELECT max(payment_id) FROM payment)", False),
    ("DELETE FROM payment WHERE payment_id = 17601", True),
    ("INSERT INTO payment SELECT -5, 1, 1, 1, 1.00, '2007-05-20'", True),
    # As many rows as before.
    ("UPDATE payment SET payment_id = 40000 WHERE payment_id = 17600", True),
    ("UPDATE payment SET payment_id = 17000 WHERE payment_id = 17602", True),
    ("DELETE FROM payment WHERE payment_id < 18432", True),
    ("DELETE FROM payment", True),
    ("INSERT INTO payment SELECT 5, 1, 1, 1, 1.00, '2007-05-20'", True),
)


def test_key_ranges_are_counted_only_where_keys_changed_before_the_last_range(
    empty: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = SourceTable("payment", "payment_id bigint", "payment_id")
    asked: list[Any] = []

    rows = Source.rows

    def recorded(*ask: Any) -> Any:
        asked.append(ask[1])
        return rows(*ask)

    monkeypatch.setattr(Source, "rows", recorded)

    def ranges(then: RangeCounts) -> RangeCounts:
        with Source(config.load(empty.config, {}).source) as source:
            source.begin()
            expected = key_ranges.with_new_last_range(source, payment, then)
            return key_ranges.count(source, payment, expected)

    def counted() -> dict[int, RangeCount]:
        return {
            number: RangeCount(count, int(key_sum))
            for number, count, key_sum in empty.source(
                "SELECT CAST(floor(payment_id / 1024.0) AS int), count(*),"
                " sum(CAST(hashint8extended(payment_id, 0) AS numeric)) FROM payment GROUP BY 1"
            )
        }

    empty.source(
        "INSERT INTO payment SELECT payment_id + 2048, customer_id, staff_id, rental_id, amount, payment_date"
        " FROM payment"
    )
    then = ranges({})
    assert then == counted()
    assert len(then) == 2
    for change, is_grouped in KEYS:
        empty.source(change)
        asked.clear()
        now = ranges(then)
        assert now == counted(), change
        everywhere = [query for query in asked if "GROUP BY" in query and ">=" not in query]
        assert len(everywhere) == is_grouped, change
        then = now


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ("INSERT INTO payment SELECT max(payment_id) + 1, 1, 1, 1, 1.00, '2007-05-20' FROM payment", "Spark"),
        ("DELETE FROM payment WHERE payment_id = (SELECT max(payment_id) FROM payment)", "scans"),
    ],
)
def test_spark_starts_before_the_scans_where_there_are_new_keys(
    env: Environment, monkeypatch: pytest.MonkeyPatch, change: str, first: str
) -> None:
    began: list[str] = []

    def recorded(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def begin(*arguments: Any) -> Any:
            began.append(name)
            return step(*arguments)

        return begin

    monkeypatch.setattr(Run, "_start_spark", recorded("Spark", Run._start_spark))
    monkeypatch.setattr(Source, "in_parallel", recorded("scans", Source.in_parallel))
    env.source(change)
    env.load("fact_sales", as_of=DAY_1)
    assert began[0] == first
    env.check_equals_source()


# What is read.


def test_a_quiet_night_reads_nothing_and_does_not_even_start_spark(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvdrental_etl.engine import session

    monkeypatch.setattr(session, "start", lambda _: pytest.fail("Spark was started"))
    for table in TABLES:
        outcome = env.load(table)
        assert rows_read(outcome) == 0
        assert counts(outcome) == expected_counts()
        assert env.last_load(table)["is_full"] is False


@pytest.mark.parametrize(
    ("table", "change", "rows", "counted"),
    [
        ("fact_sales", "UPDATE payment SET amount = amount + 1 WHERE payment_id = 17600", 1, {"changed": 1}),
        (
            "fact_sales",
            (
                "UPDATE rental SET return_date = '2007-06-02' WHERE rental_id = "
                "(SELECT min(rental_id) FROM payment GROUP BY rental_id HAVING count(*) = 1 LIMIT 1)"
            ),
            1,
            {"changed": 1},
        ),
        (
            "fact_sales",
            "UPDATE rental SET last_update = now() WHERE rental_id = (SELECT min(rental_id) FROM payment)",
            None,
            {},  # read again, and found to be as it was
        ),
        (
            "dim_movie",
            "UPDATE film SET rental_rate = 9.99 WHERE film_id = 7",
            1,
            {"changed": 1, "expired": 1},
        ),
        ("dim_movie", "UPDATE film SET title = 'Other' WHERE film_id = 7", 1, {"changed": 1}),
        (
            "dim_store",
            "UPDATE staff SET last_name = 'Other' WHERE staff_id = 1",
            1,
            {"changed": 1, "expired": 1},
        ),
        (
            "dim_staff",
            (
                "UPDATE city SET city = 'Other' WHERE city_id = "
                "(SELECT city_id FROM address JOIN staff USING (address_id) WHERE staff_id = 2)"
            ),
            1,
            {"changed": 1, "expired": 1},
        ),
    ],
)
def test_a_change_is_read_with_what_it_shows_in(
    env: Environment, table: str, change: str, rows: int | None, counted: dict[str, int]
) -> None:
    env.source(change)
    outcome = env.load(table, as_of=DAY_1)
    assert counts(outcome) == expected_counts(**counted)
    assert rows is None or rows_read(outcome) == rows
    assert rows_read(outcome) < 10
    if table in DIMENSIONS:
        assert env.current_members(table) == env.source_members(table)
    else:
        assert env.facts() == env.source_facts()
    env.check_invariants()


def test_a_changed_country_reaches_all_customers_in_it(env: Environment) -> None:
    env.source("UPDATE country SET country = 'Elsewhere' WHERE country_id = 1")
    who = "SELECT count(*) FROM {} JOIN address USING (address_id) JOIN city USING (city_id) WHERE country_id = 1"
    for table, name in (("dim_customer", "customer"), ("dim_staff", "staff"), ("dim_store", "store")):
        assert rows_read(env.load(table, as_of=DAY_1)) == env.source.value(who.format(name)), table
    env.check_equals_source()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM film_category WHERE film_id = 7",
        (
            "INSERT INTO film_category (film_id, category_id) SELECT 7, category_id FROM category "
            "WHERE category_id <> (SELECT category_id FROM film_category WHERE film_id = 7) LIMIT 1"
        ),
        "UPDATE film_category SET category_id = 1 + category_id % 16 WHERE film_id = 7",
        # As many rows, as many keys: only who wrote them tells.
        "DELETE FROM film_category WHERE film_id = 7; INSERT INTO film_category (film_id, category_id) VALUES (7, 3)",
        (
            "UPDATE category SET name = 'Other' WHERE category_id = "
            "(SELECT category_id FROM film_category WHERE film_id = 7)"
        ),
        "UPDATE language SET name = 'Other' WHERE language_id = 1",
    ],
)
def test_a_change_around_a_film_is_followed_to_it(env: Environment, change: str) -> None:
    env.source(change)
    env.load("dim_movie", as_of=DAY_1)
    assert env.last_load("dim_movie")["is_full"] is False
    env.check_equals_source()
    env.check_invariants()


def test_copies_and_rentals_that_go_or_change_are_followed_to_their_payments(env: Environment) -> None:
    # Foreign keys do not fire here: a sibling may have none.
    copy, lost = (
        env.source.value(
            "SELECT inventory_id FROM payment JOIN rental USING (rental_id) ORDER BY payment_id LIMIT 1 OFFSET %s",
            n,
        )
        for n in (10, 20)
    )
    rental = env.source.value("SELECT rental_id FROM payment ORDER BY payment_id LIMIT 1 OFFSET 30")
    env.source("UPDATE inventory SET store_id = 3 - store_id, film_id = 1 WHERE inventory_id = %s", copy)
    env.source("DELETE FROM inventory WHERE inventory_id = %s", lost)
    env.source("DELETE FROM rental WHERE rental_id = %s", rental)
    env.load("fact_sales", as_of=DAY_1)
    assert env.last_load("fact_sales")["is_full"] is False
    assert env.facts() == env.source_facts()


def test_keys_that_change_places_within_a_range(env: Environment) -> None:
    """As many rows as before, and the same sum of their keys."""
    a, b, c, d = (17_700 + n for n in (0, 3, 1, 2))
    env.source("CREATE TABLE kept AS SELECT * FROM payment WHERE payment_id IN (%s, %s)", c, d)
    env.source("DELETE FROM payment WHERE payment_id IN (%s, %s)", c, d)
    env.load("fact_sales", as_of=DAY_1)
    env.source("DELETE FROM payment WHERE payment_id IN (%s, %s)", a, b)
    env.source("INSERT INTO payment SELECT * FROM kept")
    assert counts(env.load("fact_sales", as_of=DAY_2)) == expected_counts(new=2, deleted=2)
    env.check_equals_source()


def test_keys_below_zero_and_far_away(env: Environment) -> None:
    env.source(
        "INSERT INTO payment SELECT k, customer_id, staff_id, rental_id, amount, payment_date FROM payment "
        "CROSS JOIN unnest(ARRAY[-1, -1024, -1025, 0, 1023, 1024, 2000000000]) AS k WHERE payment_id = 17600"
    )
    assert counts(env.load("fact_sales", as_of=DAY_1)) == expected_counts(new=7)
    env.source("DELETE FROM payment WHERE payment_id IN (-1024, 0, 1023, 2000000000)")
    assert counts(env.load("fact_sales", as_of=DAY_2)) == expected_counts(deleted=4)
    env.check_equals_source()


# Transactions that are committed in another order than they began.


def test_a_row_written_before_a_load_and_committed_after_it(env: Environment) -> None:
    with open_transaction(env) as late:
        late.execute("INSERT INTO payment VALUES (90001, 1, 1, 1, 1.11, '2007-05-20')")
        late.execute("UPDATE payment SET amount = 2.22 WHERE payment_id = 17600")
        late.execute("DELETE FROM payment WHERE payment_id = 17601")
        late.execute("UPDATE customer SET email = 'late@example.org' WHERE customer_id = 3")
        env.source(
            "INSERT INTO payment VALUES (90002, 1, 1, 1, 3.33, '2007-05-21')"
        )  # a later one, committed first
        env.source("UPDATE customer SET email = 'early@example.org' WHERE customer_id = 4")
        assert counts(env.load("fact_sales", as_of=DAY_1)) == expected_counts(new=1)
        assert counts(env.load("dim_customer", as_of=DAY_1)) == expected_counts(changed=1)
        late.connection.commit()
    assert counts(env.load("fact_sales", as_of=DAY_2)) == expected_counts(new=1, changed=1, deleted=1)
    assert counts(env.load("dim_customer", as_of=DAY_2)) == expected_counts(changed=1)
    env.check_equals_source()


def test_what_a_subtransaction_wrote_and_what_it_took_back(env: Environment) -> None:
    with open_transaction(env) as late:
        late.execute("SELECT txid_current(); SAVEPOINT one")
        late.execute("INSERT INTO payment VALUES (90001, 1, 1, 1, 1.11, '2007-05-20')")
        late.execute("RELEASE SAVEPOINT one; SAVEPOINT two")
        late.execute("UPDATE payment SET amount = 9.99 WHERE payment_id = 17600")
        late.execute("ROLLBACK TO SAVEPOINT two")
        for table in TABLES:
            assert counts(env.load(table, as_of=DAY_1)) == expected_counts()
        late.connection.commit()
    assert counts(env.load("fact_sales", as_of=DAY_2)) == expected_counts(new=1)
    env.check_equals_source()


def test_rows_that_vacuum_froze_are_not_read_again_and_their_changes_are(env: Environment) -> None:
    env.source("VACUUM (FREEZE) payment")
    assert rows_read(env.load("fact_sales", as_of=DAY_1)) == 0
    env.source("UPDATE payment SET amount = 9.99 WHERE payment_id = 17600")
    env.source("VACUUM (FREEZE) payment")
    assert rows_read(env.load("fact_sales", as_of=DAY_2)) == 1
    env.check_equals_source()


def test_old_rows_that_come_with_an_attached_partition(
    make_environment: MakeEnvironment, source_template: str
) -> None:
    env = make_environment(source_template)
    env.source(
        """
        ALTER TABLE payment RENAME TO payment_old;
        CREATE TABLE payment (LIKE payment_old) PARTITION BY RANGE (payment_date);
        CREATE TABLE payment_rest PARTITION OF payment DEFAULT;
        CREATE TABLE payment_2008 (LIKE payment_old);
        INSERT INTO payment SELECT * FROM payment_old;
        INSERT INTO payment_2008 SELECT 50000 + payment_id, customer_id, staff_id, rental_id, 1.00, '2008-02-03'
            FROM payment_old WHERE payment_id < 17513;
        GRANT SELECT ON payment, payment_2008, payment_rest TO etl_reader;
        """
    )
    env.load_all(as_of=DAY_1)
    env.source(
        "ALTER TABLE payment ATTACH PARTITION payment_2008 FOR VALUES FROM ('2008-01-01') TO ('2009-01-01')"
    )
    assert counts(env.load("fact_sales", as_of=DAY_2)) == expected_counts(new=10)
    assert env.last_load("fact_sales")["is_full"] is False
    env.source("ALTER TABLE payment DETACH PARTITION payment_2008")
    assert counts(env.load("fact_sales", as_of=DAY_2)) == expected_counts(deleted=10)
    env.check_equals_source()


# When everything is compared.


def break_fact(env: Environment) -> None:
    """What no change of the source tells of, and no total: two facts change places."""
    env.warehouse(
        "UPDATE fact_sales f SET staff_key = g.staff_key, rental_id = g.rental_id FROM fact_sales g "
        "WHERE f.sales_key IN (17600, 17601) AND g.sales_key = 35201 - f.sales_key"
    )


def test_a_full_refresh_corrects_changes_that_left_no_trace(env: Environment) -> None:
    break_fact(env)
    assert counts(env.load("fact_sales", as_of=DAY_1)) == expected_counts()
    assert env.facts() != env.source_facts()
    assert counts(env.load("fact_sales", "--full-refresh", as_of=DAY_1)) == expected_counts(changed=2)
    assert extent(env, "fact_sales") == "everything: --full-refresh was given"
    env.check_equals_source()


@pytest.mark.parametrize(("as_of", "healed"), [("2007-06-07T23:59:59", 0), ("2007-06-08T00:00:00", 2)])
def test_everything_is_compared_a_week_after_the_last_time(env: Environment, as_of: str, healed: int) -> None:
    env.limit(days_between_full=7)  # loaded 2007-06-01
    break_fact(env)
    assert counts(env.load("fact_sales", as_of=as_of))["changed"] == healed
    assert env.last_load("fact_sales")["is_full"] is bool(healed)


def test_the_week_is_that_of_the_product() -> None:
    assert DEFAULT_LIMITS.days_between_full == 7


def test_changed_code_compares_everything_once(env: Environment) -> None:
    """As after an upgrade: the last load was by other code. No dimension gets a version for that."""
    break_fact(env)
    members = {table: rows for table, rows in env.content().items() if table.startswith("dim_")}
    env.warehouse("UPDATE etl_load SET code_digest = 'another'")
    for table in DIMENSIONS:
        assert counts(env.load(table, as_of=DAY_1)) == expected_counts()
        assert extent(env, table) == "everything: the code has changed"
    assert {table: rows for table, rows in env.content().items() if table in members} == members
    assert counts(env.load("fact_sales", as_of=DAY_1)) == expected_counts(changed=2)
    assert extent(env, "fact_sales") == "everything: the code has changed"
    for table in TABLES:
        assert rows_read(env.load(table, as_of=DAY_1)) == 0


def test_a_source_that_was_replaced_is_noticed(
    env: Environment, make_environment: MakeEnvironment, source_template: str
) -> None:
    """Another database of the same content, but for a change that is older there than the last load."""
    other = make_environment(source_template)
    other.source("UPDATE payment SET amount = 9.99 WHERE payment_id = 17600")
    for table in TABLES:  # the horizon moves past the change
        env.load(table, as_of=DAY_1)
    env.config.write_text(env.config.read_text().replace(env.source.database, other.source.database))
    env.source = other.source
    env.load_all(as_of=DAY_2)
    assert extent(env, "fact_sales").startswith(
        "everything: the source, or a column of it, was replaced or restored (it was system "
    )
    env.check_equals_source()
    for table in TABLES:
        assert rows_read(env.load(table, as_of=DAY_2)) == 0


def test_a_table_that_was_made_anew_is_noticed(env: Environment) -> None:
    env.source(
        "ALTER TABLE inventory RENAME TO inventory_old; CREATE TABLE inventory (LIKE inventory_old);"
        "INSERT INTO inventory SELECT * FROM inventory_old; GRANT SELECT ON inventory TO etl_reader"
    )
    env.load("fact_sales", as_of=DAY_1)
    assert "inventory" in extent(env, "fact_sales")
    assert env.last_load("fact_sales")["is_full"] is True


def test_a_source_that_was_set_back_is_noticed(env: Environment) -> None:
    break_fact(env)
    ahead = env.source.value("SELECT txid_snapshot_xmax(txid_current_snapshot())") + 1_000_000
    env.warehouse(
        "UPDATE etl_load SET source_snapshot = %s WHERE table_name = 'fact_sales'", f"{ahead}:{ahead}:"
    )
    assert counts(env.load("fact_sales", as_of=DAY_1)) == expected_counts(changed=2)
    assert "transactions have passed" in extent(env, "fact_sales")


def test_a_view_as_source_is_read_whole(env: Environment) -> None:
    env.source(
        "ALTER TABLE inventory RENAME TO copies; CREATE VIEW inventory AS SELECT * FROM copies;"
        "GRANT SELECT ON inventory TO etl_reader"
    )
    env.load("fact_sales", as_of=DAY_1)
    env.source("UPDATE copies SET film_id = 1")
    env.load("fact_sales", as_of=DAY_2)
    assert extent(env, "fact_sales") == (
        "everything: rows of inventory do not name the transaction that wrote them"
        " (a view, or a role without SELECT on xmin)"
    )
    env.check_equals_source()


def test_changes_that_do_not_reconcile_lead_to_everything(
    env: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    env.warehouse("DELETE FROM fact_sales WHERE sales_key = 17600")
    env.warehouse("UPDATE fact_sales SET sales_amount = sales_amount + 0.01 WHERE sales_key = 17601")
    outcome = env.load("fact_sales", as_of=DAY_1)
    assert counts(outcome) == expected_counts(new=1, changed=1)
    assert "does not reconcile" in caplog.text
    assert extent(env, "fact_sales") == "everything: the changes alone did not reconcile"
    env.check_equals_source()
    env.warehouse("DELETE FROM dim_customer WHERE customer_id = 30")
    assert counts(env.load("dim_customer", as_of=DAY_1))["new"] == 1


def test_much_change_is_cheaper_read_whole(env: Environment) -> None:
    env.source("UPDATE payment SET amount = amount + 1 WHERE payment_id < 17503 + 147")
    assert rows_read(env.load("fact_sales", as_of=DAY_1)) == 147  # a small table is not worth the thought
    env.limit(few_keys=100)
    env.source("UPDATE payment SET amount = amount - 1 WHERE payment_id < 17503 + 146")
    assert rows_read(env.load("fact_sales", as_of=DAY_2)) == 146
    env.source("UPDATE payment SET amount = amount + 1 WHERE payment_id < 17503 + 147")
    assert rows_read(env.load("fact_sales", as_of=DAY_2)) == 730
    assert extent(env, "fact_sales").startswith(
        "everything: much has changed: 147 rows and 0 key ranges of payment"
    )
    env.limit(changed_keys=5)
    env.source("UPDATE rental SET last_update = now() WHERE rental_id < 12")
    assert rows_read(env.load("fact_sales", as_of=DAY_2)) == 730
    env.check_equals_source()


# What is quarantined, and what is keyed by a version that is over.


def test_a_quarantined_member_keeps_its_last_good_version_until_it_is_corrected(env: Environment) -> None:
    env.source("ALTER TABLE customer ALTER first_name TYPE text")
    before = env.versions("dim_customer", 3, "customer_key", "first_name", "is_deleted")
    env.source(
        "UPDATE customer SET first_name = repeat('x', 181), store_id = 3 - store_id WHERE customer_id = 3"
    )
    for flags in ((), (), ("--full-refresh",)):  # found, looked at again, and compared with everything
        assert counts(env.load("dim_customer", *flags, as_of=DAY_1)) == expected_counts(quarantined=1)
        assert env.versions("dim_customer", 3, "customer_key", "first_name", "is_deleted") == before
        load = env.last_load("dim_customer")
        assert (load["source_rows"], load["warehouse_rows"], load["rows_quarantined"]) == (30, 30, 1)
    query = "SELECT count(*) FROM etl_reject WHERE load_id = (SELECT max(load_id) FROM etl_load)"
    assert env.warehouse.value(query) == 1
    env.source("UPDATE customer SET first_name = 'Mended' WHERE customer_id = 3")
    assert counts(env.load("dim_customer", as_of=DAY_2)) == expected_counts(changed=1, expired=1)
    assert env.warehouse.value(query) == 0
    env.check_equals_source()
    env.check_invariants()


def test_a_payment_enters_and_leaves_quarantine(env: Environment) -> None:
    env.source("ALTER TABLE payment ALTER payment_date DROP NOT NULL")
    date = env.source.value("SELECT payment_date FROM payment WHERE payment_id = 17600")
    env.source("UPDATE payment SET payment_date = NULL WHERE payment_id = 17600")
    for withdrawn in (1, 0):
        loaded = counts(env.load("fact_sales", as_of=DAY_1))
        assert (loaded["deleted"], loaded["quarantined"]) == (withdrawn, 1)
        assert env.last_load("fact_sales")["is_full"] is False
        assert env.warehouse("SELECT sales_key FROM fact_sales WHERE sales_key = 17600") == []
    env.source("UPDATE payment SET payment_date = %s WHERE payment_id = 17600", date)
    assert counts(env.load("fact_sales", as_of=DAY_2)) == expected_counts(new=1)
    env.source("UPDATE payment SET payment_date = NULL WHERE payment_id = 17600")
    env.load("fact_sales", as_of=DAY_2)
    env.source("DELETE FROM payment WHERE payment_id = 17600")  # straight from quarantine
    assert counts(env.load("fact_sales", as_of=DAY_2)) == expected_counts()
    env.check_equals_source()


def test_a_row_that_only_warns_is_on_record(env: Environment, caplog: pytest.LogCaptureFixture) -> None:
    env.source("UPDATE payment SET amount = -1.00 WHERE payment_id IN (17600, 17601)")
    env.source("INSERT INTO payment VALUES (90001, 555, 1, 1, 2.00, '2007-05-20')")
    env.load("fact_sales", as_of=DAY_1)
    load = env.last_load("fact_sales")
    assert load["rows_warned"] == 2
    assert load["reason"] == (
        "sales_amount '0.00 or more': 2 rows, such as 17600; "
        "customer_id 'refers to a member': 1 inferred members of dim_customer"
    )
    assert "warning: sales_amount '0.00 or more': 2 rows" in caplog.text


def test_a_row_that_stops_the_load(env: Environment) -> None:
    env.source(
        "INSERT INTO customer (customer_id, store_id, first_name, last_name, address_id) VALUES (-1, 1, 'A', 'B', 5)"
    )
    before = env.content()
    assert "customer_id -1 breaks 'not -1, which is Unknown'" in env.load("dim_customer", code=5).error
    assert env.content() == before


def test_facts_that_were_not_read_are_keyed_again_when_their_version_is_over(env: Environment) -> None:
    """Customer, film, store and staff all change before payments that are loaded, each in its own night."""
    env.source("UPDATE customer SET last_update = '2006-03-01'; UPDATE film SET last_update = '2006-03-01'")
    env.source("UPDATE staff SET last_update = '2006-03-01'; UPDATE store SET last_update = '2006-03-01'")
    env.source("UPDATE address SET last_update = '2006-03-01'")
    for change, table in (
        ("UPDATE customer SET active = 1 - active, last_update = '2007-03-05'", "dim_customer"),
        (
            "UPDATE film SET rental_rate = 1.23, last_update = '2007-03-07 12:00' WHERE film_id < 30",
            "dim_movie",
        ),
        ("UPDATE store SET address_id = 3 - address_id, last_update = '2007-04-01'", "dim_store"),
        ("UPDATE staff SET active = NOT active, last_update = '2007-04-15'", "dim_staff"),
    ):
        env.source(change)
        env.load(table, as_of=DAY_1)
        key = DIMENSIONS[table][0]
        outdated = env.warehouse.value(
            f"SELECT count(*) FROM fact_sales JOIN {table} USING ({key}) WHERE payment_ts >= valid_to"
        )
        assert outdated > 0
        assert run.run(config.load(env.config, {})) == []  # they wait for the fact's next load
        outcome = env.load("fact_sales", as_of=DAY_1)
        assert counts(outcome) == expected_counts(changed=outdated)
        assert rows_read(outcome) == 0
        assert counts(env.load("fact_sales", as_of=DAY_1)) == expected_counts()
    keyed = env.warehouse("SELECT DISTINCT keyed_by IS NULL FROM etl_load WHERE table_name LIKE 'dim%'")
    assert keyed == [(False,)]
    facts = env.content()["fact_sales"]
    assert counts(env.load("fact_sales", "--full-refresh", as_of=DAY_2)) == expected_counts()
    assert env.content()["fact_sales"] == facts
    env.check_equals_source()


def test_a_deleted_fact_does_not_return_when_facts_are_keyed_again(env: Environment) -> None:
    env.source(
        "UPDATE customer SET last_update = '2006-03-01'; UPDATE address SET last_update = '2006-03-01'"
    )
    env.source("UPDATE customer SET active = 1 - active, last_update = '2007-03-05'")
    env.source("ALTER TABLE payment ALTER payment_date DROP NOT NULL")
    env.load("dim_customer", as_of=DAY_1)
    deleted, broken = (
        key
        for (key,) in env.warehouse(
            "SELECT sales_key FROM fact_sales JOIN dim_customer USING (customer_key) WHERE payment_ts >= valid_to "
            "ORDER BY 1 LIMIT 2"
        )
    )
    env.source("DELETE FROM payment WHERE payment_id = %s", deleted)
    env.source("UPDATE payment SET payment_date = NULL WHERE payment_id = %s", broken)
    left = counts(env.load("fact_sales", as_of=DAY_1))
    assert (left["deleted"], left["quarantined"]) == (2, 1)
    assert env.warehouse("SELECT 1 FROM fact_sales WHERE sales_key IN (%s, %s)", deleted, broken) == []
    assert env.last_load("fact_sales")["is_full"] is False


def test_a_dry_run_reads_what_changed_and_remembers_nothing(env: Environment) -> None:
    env.source("UPDATE payment SET amount = amount + 1 WHERE payment_id = 17600")
    before = env.content(with_record=True)
    for _ in range(2):
        outcome = env.load("fact_sales", "--dry-run", as_of=DAY_1)
        assert (rows_read(outcome), counts(outcome)) == (1, expected_counts(changed=1))
    assert env.content(with_record=True) == before


def test_a_refused_load_keeps_the_watermark(env: Environment) -> None:
    env.source("DELETE FROM payment WHERE payment_id < 17503 + 147")
    ranges = env.warehouse("SELECT * FROM etl_range ORDER BY 1, 2, 3")
    env.load("fact_sales", as_of=DAY_1, code=5)
    assert env.warehouse("SELECT * FROM etl_range ORDER BY 1, 2, 3") == ranges
    assert counts(env.load("fact_sales", "--allow-mass-delete", as_of=DAY_1)) == expected_counts(deleted=147)
    env.check_equals_source()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TYPE mpaa_rating RENAME VALUE 'G' TO 'U'",
        "ALTER TABLE film DROP COLUMN rental_duration CASCADE, ADD COLUMN rental_duration smallint DEFAULT 9",
    ],
    ids=["a label is renamed", "a column is replaced"],
)
def test_a_definition_that_changes_values_without_a_write_is_noticed(env: Environment, change: str) -> None:
    written = env.source("SELECT max(xmin::text::bigint) FROM film")
    env.source(change)
    env.source("GRANT SELECT ON film TO PUBLIC")
    assert env.source("SELECT max(xmin::text::bigint) FROM film") == written
    env.load("dim_movie", as_of=DAY_1)
    assert extent(env, "dim_movie").startswith("everything: ")
    assert env.current_members("dim_movie") == env.source_members("dim_movie")
    assert rows_read(env.load("dim_movie", as_of=DAY_2)) == 0


def test_a_column_that_is_not_read_does_not_count(env: Environment) -> None:
    env.source("ALTER TABLE payment ADD COLUMN remark text DEFAULT 'none'")
    assert rows_read(env.load("fact_sales", as_of=DAY_1)) == 0
    assert extent(env, "fact_sales").startswith("changes: ")


def test_a_foreign_table_below_a_table_has_no_transactions(env: Environment) -> None:
    """A wrapper gives such rows an xmin of 0. (Without a handler, this one cannot be read.)"""
    tables = [SourceTable(name, f"{name}_id int", key=f"{name}_id") for name in ("payment", "rental")]
    env.source(
        "CREATE FOREIGN DATA WRAPPER none; CREATE SERVER elsewhere FOREIGN DATA WRAPPER none;"
        " CREATE TABLE payment_old () INHERITS (payment);"
        " CREATE FOREIGN TABLE payment_archive () INHERITS (payment_old) SERVER elsewhere"
    )
    settings = config.load(env.config, {})
    with Source(settings.source) as source:
        source.begin()
        assert catalog.check(source, tables).without_xmin == ["payment"]
    with SnapshotReader(settings.source, "source", SourceError) as reader:
        names = {part.split(" ")[0] for part in source_identity(reader)}
        assert ("payment" in names, "rental" in names) == (False, True)
