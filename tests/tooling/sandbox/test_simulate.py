"""The simulator of business days, in a real source: what each move changes, and how days commit. No Spark."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

import psycopg2
import pytest

from sandbox.fill import Content
from sandbox.server import Sandbox
from sandbox.simulator.context import Context
from sandbox.simulator.days import CLOSES, Business
from sandbox.simulator.live import Live
from sandbox.simulator.moves import MOVES
from sandbox.simulator.rows import remove
from sandbox.simulator.tally import Tally
from tests.support.paths import ROOT
from tests.support.waiting import until

DUMP = Path(os.environ.get("DVDRENTAL_DUMP", ROOT / ".." / "shared" / "data" / "dvdrental.tar")).resolve()
FLAT = dict.fromkeys(MOVES, 1.0)
TABLES = {
    "address": "address_id",
    "category": "category_id",
    "city": "city_id",
    "country": "country_id",
    "customer": "customer_id",
    "film": "film_id",
    "film_category": "(film_id, category_id)",
    "inventory": "inventory_id",
    "language": "language_id",
    "payment": "payment_id",
    "rental": "rental_id",
    "staff": "staff_id",
    "store": "store_id",
}
# The first day that a generated source and the real one have no payment of.
FIRST_DAY = date(2007, 5, 15)


@dataclass(frozen=True)
class Source:
    """A database in which days pass."""

    connect: Callable[[], Any]

    def __call__(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def value(self, statement: str) -> Any:
        ((value,),) = self(statement)
        return value

    def content(self) -> dict[str, str]:
        """One hash a table, of all columns that do not hold the time of the test."""
        hashes = ", ".join(
            f"(SELECT md5(string_agg((to_jsonb(t) - 'last_update')::text, ' ' ORDER BY {key})) FROM {table} t)"
            for table, key in TABLES.items()
        )
        ((*values,),) = self(f"SELECT {hashes}")
        return dict(zip(TABLES, values, strict=True))


MakeSource = Callable[..., Source]


@pytest.fixture(scope="module")
def make_source(server: Sandbox, source_template: str) -> MakeSource:
    """Clone a source for a test."""
    numbers = itertools.count(1)

    def make(template: str = source_template) -> Source:
        name = f"simulated_{next(numbers)}"
        server.clone(template, name)
        with server.superuser() as connection, connection.cursor() as cursor:
            # Who waits for a lock that never comes is an error then, and no test that hangs.
            cursor.execute(f"ALTER DATABASE {name} SET statement_timeout = '20s'")
        return Source(server.target(name).connect)

    return make


@pytest.fixture(scope="module")
def quiet(make_source: MakeSource) -> Source:
    """A source for tests that roll back all they do."""
    return make_source()


@pytest.fixture(scope="module")
def busy(make_source: MakeSource) -> tuple[Source, Tally]:
    """A source in which all moves were made, each as often as the others, and what happened there."""
    source = make_source()
    with Business(source.connect, 1, weights=FLAT) as business:
        for _ in range(10):
            assert business.day(60) > 40
    return source, business.tally


# What each move changes. `table+` is a new row, `table-` one less, `table.column` another value. Alternatives
# are separated by |, and what may but need not be part of one is in brackets.
CHANGES = {
    "rental_opened": "rental+",
    "rental_returned": "rental.return_date",
    "rental_paid": "payment+",
    "payment_booked_late": "payment+",
    "old_rental_paid": "payment+",
    "payment_amount_corrected": "payment.amount",
    "payment_moved": "payment.rental_id (payment.customer_id)",
    "payment_date_corrected": "payment.payment_date",
    "payment_cashier_corrected": "payment.staff_id",
    "rental_copy_corrected": "rental.inventory_id",
    "rental_dates_corrected": "rental.rental_date (rental.return_date)",
    "customer_joined": "address+ customer+ rental+ payment+",
    "customer_moved": "address.address address.city_id address.postal_code (address.district)",
    "customer_address_detailed": "address.address2 | address.district",
    "customer_readdressed": "address+ customer.address_id",
    "customer_closed": "customer.active customer.activebool",
    "customer_reopened": "customer.active (customer.activebool)",
    "customer_changed_store": "customer.store_id",
    "customer_renamed": "customer.last_name",
    "customer_changed_mail": "customer.email",
    "customer_changed_everything": "customer.first_name customer.last_name customer.email customer.store_id "
    "address.address address.postal_code address.phone (address.district)",
    "customer_saved_unchanged": "customer.last_update",
    "city_renamed": "city.city",
    "country_renamed": "country.country",
    "staff_hired": "address+ staff+",
    "staff_moved": "address.address address.city_id address.postal_code (address.district)",
    "staff_changed_store": "staff.store_id",
    "staff_left_or_came_back": "staff.active",
    "staff_renamed": "staff.last_name",
    "manager_appointed": "store.manager_staff_id (address+ staff+)",
    "managers_swapped": "store.manager_staff_id (address+ staff+)",
    "store_moved": "address.address address.city_id address.postal_code (address.district)",
    "film_price_changed": "film.rental_rate",
    "film_duration_changed": "film.rental_duration",
    "film_cost_changed": "film.replacement_cost",
    "film_facts_corrected": "film.length | film.release_year",
    "film_rating_changed": "film.rating",
    "film_retitled": "film.title film.fulltext",
    "film_described": "film.description film.fulltext",
    "film_language_changed": "film.language_id",
    "film_features_changed": "film.special_features",
    "film_recategorised": "film_category+ film_category-",  # its key is both columns
    "film_category_added": "film_category+",
    "film_category_removed": "film_category-",
    "category_renamed": "category.name",
    "film_added": "film+ film_category+ inventory+",
    "copy_bought": "inventory+",
    "copy_moved": "inventory.store_id",
    "payment_deleted": "payment-",
    "rental_deleted": "rental- (payment-)",
    "customer_deleted": "customer- (rental- payment-)",
    "copy_retired": "",  # all copies have been rented; it takes back the one that was bought just before
    # Together with the deletion, or change, just before:
    "restored_identical": "",
    "restored_changed": "payment.amount",
    "change_taken_back": "customer.last_update",
}
BEFORE = {
    "copy_retired": "copy_bought",
    "restored_identical": "rental_deleted",
    "restored_changed": "payment_deleted",
    "change_taken_back": "customer_renamed",
}


def image(cursor: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Every row, by table and key."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for table, key in TABLES.items():
        cursor.execute(f"SELECT {key}::text, to_jsonb(t) FROM {table} t")
        found |= {(table, key): row for key, row in cursor.fetchall()}
    return found


def difference(before: dict[Any, Any], after: dict[Any, Any]) -> set[str]:
    """What was changed, in the words of CHANGES."""
    effect = {f"{table}+" for table, _ in after.keys() - before.keys()}
    effect |= {f"{table}-" for table, _ in before.keys() - after.keys()}
    for table, key in before.keys() & after.keys():
        old, new = before[table, key], after[table, key]
        columns = {column for column in new if new[column] != old[column]}
        if columns and table != "payment":
            assert "last_update" in columns, f"the trigger of {table} did not fire: {columns}"
            columns = columns - {"last_update"} or columns
        effect |= {f"{table}.{column}" for column in columns}
    return effect


def allows(expected: str, effect: set[str]) -> bool:
    for alternative in expected.split("|"):
        must, _, rest = alternative.partition("(")
        may = rest.rstrip(") ").split()
        if set(must.split()) <= effect <= {*must.split(), *may}:
            return True
    return False


def test_the_changes_of_every_move_are_known():
    assert set(CHANGES) == set(MOVES)


@pytest.mark.parametrize("name", MOVES)
def test_a_move_changes_what_its_name_states_and_nothing_else(quiet, name):
    made = 0
    with closing(quiet.connect()) as connection, connection.cursor() as cursor:
        start = image(cursor)
        for seed in range(30):
            if made == 3:
                break
            context = Context(Random(seed), datetime(2007, 5, 15, 12))
            if name == "rental_paid":  # the newest rentals of a generated source are all paid
                assert MOVES["rental_opened"](cursor, context)
            prepared = image(cursor)
            if name in BEFORE:
                assert MOVES[BEFORE[name]](cursor, context)
            found = MOVES[name](cursor, context)
            effect = difference(prepared, image(cursor))
            if found:
                made += 1
                assert allows(CHANGES[name], effect), effect
            else:
                assert effect == set()
            connection.rollback()
        assert image(cursor) == start
    assert made == 3


def test_an_open_rental_does_not_come_back_while_its_copy_is_out(quiet):
    context = Context(Random(1), datetime(2007, 5, 15, 12))
    with closing(quiet.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT min(rental_id) FROM rental WHERE return_date IS NULL")
        ((key,),) = cursor.fetchall()
        cursor.execute("CREATE TEMP TABLE was AS SELECT * FROM rental WHERE rental_id = %s", (key,))
        mine = "t.rental_id = %(key)s"
        remove(cursor, context, ("payment", mine), ("rental", mine), key=key)
        cursor.execute(
            "INSERT INTO rental (rental_date, inventory_id, customer_id, staff_id) "
            "SELECT now(), inventory_id, customer_id, staff_id FROM was RETURNING rental_id"
        )
        before = image(cursor)
        assert MOVES["restored_identical"](cursor, context) is False
        assert image(cursor) == before
        cursor.execute("UPDATE rental SET return_date = now() WHERE rental_date = now()")
        assert MOVES["restored_identical"](cursor, context)
        cursor.execute(
            "SELECT count(*) FROM rental JOIN was USING (rental_id, inventory_id, customer_id, last_update)"
        )
        assert cursor.fetchall() == [(1,)]
        connection.rollback()


def test_a_payment_does_not_come_back_without_its_rental(quiet):
    context = Context(Random(1), datetime(2007, 5, 15, 12))
    with closing(quiet.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT payment_id, rental_id FROM payment ORDER BY 1 LIMIT 1")
        ((payment, rental),) = cursor.fetchall()
        remove(cursor, context, ("payment", "t.payment_id = %(key)s"), key=payment)
        cursor.execute("DELETE FROM rental WHERE rental_id = %s", (rental,))
        assert MOVES["restored_identical"](cursor, context) is False
        assert len(context.removed) == 1
        connection.rollback()


def test_a_deletion_that_was_rolled_back_is_not_restored(quiet):
    context = Context(Random(1), datetime(2007, 5, 15, 12))
    with closing(quiet.connect()) as connection, connection.cursor() as cursor:
        before = image(cursor)
        assert MOVES["rental_deleted"](cursor, context)
        assert image(cursor) != before
        connection.rollback()
        assert MOVES["restored_identical"](cursor, context) is False
        assert MOVES["restored_changed"](cursor, context) is False
        assert image(cursor) == before
        connection.rollback()


# Days.


def test_all_moves_happen_within_days(busy):
    _, tally = busy
    assert [name for name in MOVES if not tally.done[name]] == []
    assert tally.rolled_back > 20
    assert sum(tally.undone.values()) > 20


def test_what_is_counted_as_done_is_in_the_data_and_what_is_undone_is_not(make_source):
    source = make_source()
    before = source.value("SELECT count(*) FROM inventory")
    with Business(source.connect, 3, weights={"copy_bought": 1}) as business:
        business.day(150)
    assert business.tally.undone["copy_bought"] > 10
    assert source.value("SELECT count(*) FROM inventory") - before == business.tally.done["copy_bought"] > 100


def test_days_leave_nulls_and_empty_texts_where_there_were_values(busy, make_source):
    source, _ = busy
    before = make_source()
    for question in (
        "SELECT count(*) FROM address WHERE address2 IS NULL",
        "SELECT count(*) FROM address WHERE district = ''",
        "SELECT count(*) FROM film WHERE rating IS NULL",
        "SELECT count(*) FROM film WHERE special_features IS NULL",
        "SELECT count(*) FROM customer WHERE email IS NULL",
        "SELECT count(*) - count(DISTINCT film_id) FROM film_category",
    ):
        assert source.value(question) > before.value(question), question


def orphans(source: Source) -> list[tuple[Any, ...]]:
    """Rows whose parent is missing, for every foreign key of one column."""
    keys = source(
        "SELECT conrelid::regclass::text, a.attname, confrelid::regclass::text, b.attname FROM pg_constraint c "
        "JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1] "
        "JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = confkey[1] WHERE contype = 'f'"
    )
    assert len(keys) == 18
    return [
        (child, column)
        for child, column, parent, key in keys
        if source.value(
            f"SELECT count(*) FROM {child} c LEFT JOIN {parent} p ON p.{key} = c.{column} WHERE p IS NULL"
        )
    ]


def test_constraints_and_triggers_stay_enabled_and_kept(busy):
    source, _ = busy
    assert source("SELECT DISTINCT tgenabled FROM pg_trigger") == [("O",)]
    assert source("SELECT DISTINCT convalidated FROM pg_constraint") == [(True,)]
    assert orphans(source) == []


def test_no_copy_is_out_twice(busy):
    source, _ = busy
    assert source(OUT_TWICE) == []


def test_equal_seeds_give_equal_content_and_other_seeds_other_content(make_source):
    def content(seed: int) -> dict[str, str]:
        source = make_source()
        with Business(source.connect, seed, weights=FLAT) as business:
            for _ in range(3):
                business.day(60)
        return source.content()

    first = content(1)
    assert content(1) == first
    other = content(2)
    assert {table for table in TABLES if other[table] == first[table]} <= {"language", "country", "category"}


OUT_TWICE = "SELECT inventory_id FROM rental WHERE return_date IS NULL GROUP BY 1 HAVING count(*) > 1"
VISIBLE = "SELECT payment_id, xmin::text::bigint, payment_date FROM payment"


def test_a_long_transaction_is_seen_a_day_late_and_is_older_than_what_was_seen_before(make_source):
    source = make_source()
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND state = 'idle in transaction' AND backend_xid IS NOT NULL"
    )
    with Business(source.connect, 1) as business:
        business.day(40)
        seen = {key: xid for key, xid, _ in source(VISIBLE)}
        assert source.value(waiting) >= 1
        business.day(40)
        late = [
            (key, paid) for key, xid, paid in source(VISIBLE) if key not in seen and xid < max(seen.values())
        ]
    assert late, "nothing became visible out of order"
    assert all(paid.date() <= FIRST_DAY for _, paid in late)
    # By key too: a reader that continues after the greatest key it has seen would miss them.
    assert min(key for key, _ in late) < max(seen)
    assert source.value(waiting) == 0


def test_a_second_run_continues_after_the_last_day(make_source):
    source = make_source()
    for day in (15, 16, 18):
        with Business(source.connect, 1) as business:
            assert business.today == date(2007, 5, day)
            for _ in range(2 if day == 16 else 1):
                business.day(20)
    assert source.value("SELECT max(payment_date) FROM payment") == datetime.combine(
        date(2007, 5, 18), CLOSES
    )


def test_locked_rows_are_skipped_and_a_locked_table_does_not_block(make_source):
    source = make_source()
    with (
        closing(source.connect()) as other,
        other.cursor() as cursor,
        Business(source.connect, 1) as business,
    ):
        cursor.execute("SELECT FROM customer WHERE customer_id <> 5 FOR UPDATE")
        assert business.move("customer_renamed")
        assert business.context.changed[-1].key == 5
        cursor.execute("LOCK TABLE payment IN SHARE MODE")
        assert business.move("payment_deleted") is False
        assert business.tally.undone == {"payment_deleted": 1}
        other.rollback()
        assert business.move("payment_deleted")


# Live.


def test_live_runs_beside_readers_and_stops(make_source):
    source = make_source()
    count = "SELECT count(*) FROM payment"
    before = source.value(count)
    with closing(source.connect()) as reader, reader.cursor() as cursor:
        reader.set_session(isolation_level="REPEATABLE READ")
        with Live(source.connect, rate=200, seed=1) as live:
            cursor.execute(count)
            first = cursor.fetchone()
            while live.committed < 60:
                assert live.wait(0.05), "it broke off"
            cursor.execute(count)
            assert cursor.fetchone() == first
        reader.rollback()
    assert source.value(count) > before
    assert live.committed == live.tally.committed >= 60
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    # A session ends a moment after its socket is closed.
    until(lambda: source.value(others) == 0, "all sessions have ended", seconds=20)


def test_live_keeps_about_its_rate(make_source):
    source = make_source()
    with Live(source.connect, rate=40, seed=1) as live:
        assert live.wait(1.5)
    assert 15 <= live.committed + live.tally.rolled_back <= 90  # long ones come on top


def test_two_writers_at_once_do_not_break_each_other(make_source):
    source = make_source()
    with (
        Live(source.connect, rate=1_000, seed=1, weights=FLAT) as one,
        Live(source.connect, rate=1_000, seed=2, weights=FLAT) as two,
    ):
        while min(one.committed, two.committed) < 300:
            assert one.wait(0.05), "the first broke off"
            assert two.wait(0), "the second broke off"
    assert orphans(source) == []
    assert source(OUT_TWICE) == []


def test_an_error_of_the_thread_comes_out_at_the_end(make_source):
    source = make_source()

    def run_and_end_its_sessions() -> None:
        with Live(source.connect, rate=50, seed=1) as live:
            source(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            while live.wait(0.05):
                pass

    with pytest.raises(psycopg2.Error):
        run_and_end_its_sessions()


# The command line, and the real dvdrental.


@pytest.fixture
def dvdrental(server: Sandbox, source_template: str) -> Iterator[Source]:
    """The database that the commands work on."""
    server.clone(source_template, "dvdrental")
    yield Source(server.target("dvdrental").connect)
    server.drop_database("dvdrental")


def simulate(server: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", "simulate", "--dir", str(server.directory), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_reports_each_day_and_its_changes(server, dvdrental):
    called = simulate(server, "--days", "2", "--seed", "1")
    assert called.returncode == 0, called.stderr
    assert [line.split()[0] for line in called.stderr.splitlines()] == ["2007-05-15", "2007-05-16"]
    assert all(line.split()[2] == "transactions" for line in called.stderr.splitlines())
    assert "│ rental opened " in called.stdout
    assert called.stdout.splitlines()[-1].endswith(" rolled back")
    live = simulate(server, "--live", "50", "--seconds", "1", "--start", "2007-07-01")
    assert live.returncode == 0, live.stderr
    assert live.stderr.startswith("live ")
    assert dvdrental.value("SELECT max(payment_date)::date FROM payment") >= date(2007, 7, 1)


def test_no_dvdrental_is_one_line(server):
    called = simulate(server, "--days", "1")
    assert (called.returncode, called.stdout) == (1, "")
    assert called.stderr == f"sandbox: there is no dvdrental in {server.directory}: load it with `up`\n"


def test_the_real_dvdrental_has_business_days_too(server, make_source):
    if not DUMP.is_file():
        pytest.skip(f"no dump of the real dvdrental at {DUMP}: name one in DVDRENTAL_DUMP")
    server.create_database("simulated_real")
    server.fill("simulated_real", Content(dump=DUMP))
    source = make_source("simulated_real")
    server.drop_database("simulated_real")
    with Business(source.connect, 1, weights=FLAT) as business:
        assert business.today == FIRST_DAY
        for _ in range(10):
            assert business.day(60) > 40
    assert [name for name in MOVES if not business.tally.done[name]] == []
    assert orphans(source) == []
    assert source("SELECT DISTINCT tgenabled FROM pg_trigger") == [("O",)]
