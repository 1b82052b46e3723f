"""Nothing waits for ever, and nobody waits without saying for whom: dead drivers, locks, a silent network."""

import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

import load_fact_sales
from dvdrental_etl import config
from dvdrental_etl.db import postgres
from dvdrental_etl.limits import Limits
from dvdrental_etl.model.run_record import Attempt, Batch
from dvdrental_etl.pipeline import attempts
from dvdrental_etl.warehouse.postgres import Postgres
from tests.support.database import DatabaseClient
from tests.support.environment import Environment
from tests.support.jobs import Outcome, run_in_process, write_config
from tests.support.proxy import Proxy, Trap
from tests.support.waiting import until

#: So that what takes a minute with the defaults takes a second or two.
HASTY = {"look_seconds": 1, "silent_seconds": 2, "connect_seconds": 2, "read_seconds": 4}
#: Seconds after which a silent network ends its connections: so a job that would wait for ever fails its test.
PATIENCE = 60


def batch(env: Environment) -> Batch:
    ((as_of,),) = env.warehouse("SELECT as_of FROM etl_batch WHERE batch_id = 1")
    return Batch(1, "base", as_of, opened_here=False)


@contextmanager
def frozen_in_its_publish(env: Environment, table: str) -> Iterator[Attempt]:
    """A driver that has locked the table, and its own row of the record, and does no more."""
    with Postgres(config.load(env.config, {})) as warehouse:
        attempt = attempts.start(warehouse, batch(env), table, "any code")
        target = load_fact_sales.TARGET
        with closing(warehouse._connection) as connection, connection.cursor() as cursor:
            cursor.execute("SET search_path TO dw")
            warehouse.lock_for_publish(cursor, target)
            attempts.require_newest(cursor, attempt)
            yield attempt


def test_a_driver_frozen_in_its_publish_keeps_no_other_table_waiting(env: Environment) -> None:
    """It holds fact_sales, the dimensions and its row of etl_load; an attempt at a dimension is announced at once."""
    env.limit(lock_seconds=2, look_seconds=60)
    with frozen_in_its_publish(env, "fact_sales"), Postgres(config.load(env.config, {})) as warehouse:
        attempt = attempts.start(warehouse, batch(env), "dim_store", "any code")
    assert env.warehouse("SELECT table_name, status FROM etl_load ORDER BY load_id DESC LIMIT 2") == [
        ("dim_store", "running"),
        ("fact_sales", "running"),
    ]
    assert attempt.load_id == env.warehouse.value("SELECT max(load_id) FROM etl_load")


@pytest.mark.parametrize("table", ["dim_store", "fact_sales"])
def test_a_load_that_waits_for_a_frozen_driver_ends_its_session(
    env: Environment, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of whatever table: a dimension's publish waits for the fact's, which locks the dimensions too."""
    env.limit(look_seconds=1, idle_seconds=1, lock_seconds=20)
    env.source("UPDATE store SET address_id = address_id + 2")
    with caplog.at_level(logging.INFO, "dvdrental_etl"), frozen_in_its_publish(env, "fact_sales") as frozen:
        env.load(table)
    (line,) = {one for one in caplog.messages if "so it is ended" in one}
    assert f"(dvdrental-etl {frozen.token}, user etl_writer, idle in transaction) holds it" in line


def test_a_dry_run_is_not_taken_for_a_dead_driver(env: Environment) -> None:
    """It is idle in its transaction while Spark works."""
    env.limit(look_seconds=1, idle_seconds=0, lock_seconds=4)
    with Postgres(config.load(env.config, {})) as warehouse, warehouse.transaction() as cursor:
        warehouse.name_session(cursor, "plan")
        warehouse.lock_for_publish(cursor, load_fact_sales.TARGET)
        error = env.load("dim_store", "--full-refresh", code=6).error
        cursor.execute("SELECT 1")
    assert "no lock within 4 s: session " in error
    assert "(dvdrental-etl plan, user etl_writer, idle in transaction) holds it" in error


def test_two_first_loads_of_the_fact_at_once(empty: Environment) -> None:
    """Both prepare the empty partition: the second one waits for the first one's commit, and then goes on."""
    target = load_fact_sales.TARGET
    settings = config.load(empty.config, {})
    with Postgres(settings) as warehouse, warehouse.transaction() as cursor:
        warehouse.ensure_tables(cursor)

    def prepare() -> None:
        with Postgres(settings) as second, second.transaction() as cursor:
            assert second.direct_load(cursor, target, "stg_fact_sales_00000002", 2)

    with ThreadPoolExecutor(1) as pool, Postgres(settings) as first:
        with first.transaction() as cursor:
            assert first.direct_load(cursor, target, "stg_fact_sales_00000001", 1)
            other = pool.submit(prepare)
            waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%fact_sales_rows%%'"
            until(lambda: empty.warehouse(waits) or other.done(), "the second one waits")
        other.result()


def test_of_two_attempts_the_later_one_publishes(env: Environment) -> None:
    """They are announced at the same time, in whatever order their steps are taken."""
    settings = config.load(env.config, {})
    begun = threading.Barrier(8)

    def announce(_: int) -> Attempt:
        with Postgres(settings) as warehouse:
            begun.wait()
            return attempts.start(warehouse, batch(env), "fact_sales", "any code")

    with ThreadPoolExecutor(8) as pool:
        announced = list(pool.map(announce, range(8)))
    assert len({attempt.load_id for attempt in announced}) == 8
    running = env.warehouse("SELECT load_id FROM etl_load WHERE status = 'running'")
    assert running == [(max(attempt.load_id for attempt in announced),)]


@contextmanager
def locked(client: DatabaseClient, table: str) -> Iterator[int]:
    """Somebody who has locked a table, by the number of the session."""
    with closing(client.connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        cursor.execute(f"SET application_name = 'somebody'; LOCK TABLE {table}")
        yield connection.get_backend_pid()


def test_a_locked_source_table(env: Environment, caplog: pytest.LogCaptureFixture) -> None:
    env.limit(look_seconds=1, lock_seconds=3, statement_seconds=20)
    with caplog.at_level(logging.INFO, "dvdrental_etl"), locked(env.source, "public.store") as holder:
        error = env.load("dim_store", code=4).error
    assert f"no lock within 3 s: session {holder} (somebody, user postgres, state hidden) holds it" in error
    assert any("waits for a lock since" in line and f"session {holder} " in line for line in caplog.messages)


def through(env: Environment, side: str, proxy: Proxy) -> Outcome:
    """Run dim_store, one side of which is reached through a proxy."""
    credentials = json.loads(env.config.read_text())
    port = env.source.port
    url = credentials[side]["url"].replace(f":{port}/", f":{proxy.port}/")
    assert url != credentials[side]["url"]
    configured = write_config(env.config.with_name("proxy.json"), credentials, **{side: {"url": url}})
    patience = threading.Timer(PATIENCE, proxy.close)
    patience.daemon = True
    patience.start()
    outcome = run_in_process("dim_store", "--config", str(configured))
    patience.cancel()
    env.check_output(outcome)
    return outcome


def test_a_connection_has_limits_on_both_sides(env: Environment) -> None:
    """TCP asks whether the other side is there, and gives it up; the server ends waits. Whatever the role's are."""
    database = config.load(env.config, {}).warehouse
    limits = Limits(connect_seconds=6, silent_seconds=7, lock_seconds=8, statement_seconds=9)
    with closing(postgres.connect(database.libpq(), "a test", limits)) as connection:
        ours = connection.info.dsn_parameters
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(SERVERS_LIMITS),)
            )
            theirs = dict(cursor.fetchall())
    assert {name: ours.get(name) for name in CLIENTS_LIMITS} == CLIENTS_LIMITS
    assert theirs == {name: value for name, value in SERVERS_LIMITS.items() if name in theirs}
    assert {"lock_timeout", "statement_timeout"} <= set(theirs)


#: In libpq's units, and in the server's. PostgreSQL 12 and 13 do not know all of the server's.
CLIENTS_LIMITS = {
    "connect_timeout": "6",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "7000",
}
SERVERS_LIMITS = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "7000",
    "client_connection_check_interval": "7000",
    "lock_timeout": "8000",
    "statement_timeout": "9000",
    "idle_session_timeout": "0",
}


SILENT = {
    "source, while it takes a snapshot": ("source", b"pg_export_snapshot", 4),
    "source, while rows are counted": ("source", b"hashint8extended", 4),
    "source, while Spark reads": ("source", b"stored_key", 4),
    "warehouse, while it is announced": ("warehouse", b"INSERT INTO etl_load", 7),
    "warehouse, while rows are copied": ("warehouse", b"COPY", 7),
    "warehouse, at a commit": ("warehouse", b"COMMIT\0", 7),
}


@pytest.mark.parametrize(("side", "trigger", "code"), SILENT.values(), ids=SILENT.keys())
def test_a_network_that_becomes_silent(env: Environment, side: str, trigger: bytes, code: int) -> None:
    """It acknowledges what it gets, and forwards nothing any more."""
    env.limit(**HASTY)
    env.source("UPDATE store SET address_id = address_id + 2")
    before = env.content()
    with Proxy(env.source.port, Trap(trigger)) as proxy:
        outcome = through(env, side, proxy)
        assert proxy.was_triggered.is_set()
        assert not proxy.is_closed, "the job waited for longer than it may"
    assert outcome.code == code, outcome.err
    assert env.content() == before
    assert env.load("dim_store").code == 0
    env.check_equals_source()
