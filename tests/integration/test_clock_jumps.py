"""Clocks jump: that of the server of both sides, between loads and in the middle of one; and the driver's is wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import SparkSession

from dvdrental_etl import config
from dvdrental_etl.engine import session
from dvdrental_etl.pipeline import attempts, batch
from dvdrental_etl.verify import run as verify
from sandbox.fill import Content
from sandbox.postgres import SUPERUSER
from sandbox.server import Sandbox
from tests.support.clocks import Clock, clock, needs_faketime
from tests.support.database import DatabaseClient
from tests.support.engines import IS_SAIL
from tests.support.environment import Environment
from tests.support.jobs import write_config
from tests.support.servers import SCALE
from tests.support.waiting import long_running

#: What a day changes, by the server's clock: a customer moves, a film's price changes, a payment is corrected, one goes
#: away, and payments come that are dated now, ahead of now and long ago.
DAY = """
    UPDATE customer SET store_id = 3 - store_id, last_update = now() WHERE customer_id IN ({n}, 20);
    UPDATE film SET rental_rate = rental_rate + 0.01, last_update = now() WHERE film_id = {n};
    UPDATE payment SET amount = amount + 0.01 WHERE payment_id % 50 = {n};
    DELETE FROM payment WHERE payment_id = (SELECT min(payment_id) FROM payment);
    INSERT INTO payment (payment_id, customer_id, staff_id, rental_id, amount, payment_date)
    SELECT (SELECT max(payment_id) FROM payment) + i, 20, 1, (SELECT min(rental_id) FROM rental), i,
        now() + (i - 2) * interval '40 days'
    FROM generate_series(1, 3) i;
"""


@pytest.fixture(scope="module")
def jumpy(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Environment, Clock]]:
    """A source and a warehouse that is loaded, on a server of their own, and its clock."""
    if not IS_SAIL:
        session.add_jdbc_driver(spark)
    with clock() as moved:
        with moved.used():
            server = Sandbox(tmp_path_factory.mktemp("jumpy") / "sandbox")
            server.up(Content(None, SCALE))
        assert server.port is not None
        passwords = server.state.passwords
        client = DatabaseClient(server.port, passwords[SUPERUSER], "dvdrental")
        path = tmp_path_factory.mktemp("config") / "credentials.json"
        env = Environment(
            client,
            DatabaseClient(server.port, passwords[SUPERUSER], "warehouse", "dw"),
            write_config(path, server.credentials() | {"limits": {}}),
            tuple(passwords.values()),
        )
        env.load_all()
        yield env, moved
        server.down(purge=True)


def utc() -> datetime:
    """The right time, as the server tells it: without zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def check(env: Environment) -> None:
    """Nothing is lost, nothing doubled, no version ends before it begins, and each fact has the version of its time."""
    env.check_invariants(loads=2)
    env.check_equals_source()
    assert env.outdated_facts() == []
    assert verify.run(config.load(env.config, {})) == []


def is_full(env: Environment) -> set[bool]:
    return {env.last_load(table)["is_full"] for table in ("dim_customer", "dim_movie", "fact_sales")}


@needs_faketime
def test_the_servers_clock_jumps_between_two_nights(jumpy: tuple[Environment, Clock]) -> None:
    """Everything is compared once a week; a clock that was weeks ahead does not put that off."""
    env, moved = jumpy
    nights = {
        "an hour back": (-1, False),
        "weeks ahead": (1000, True),
        "right again": (24, True),
        "ordinary": (48, False),
    }
    for n, (night, (hour, full)) in enumerate(nights.items(), start=1):
        moved.set(f"{3600 * hour:+d}")
        told = env.source.value("SELECT LOCALTIMESTAMP")
        assert abs(told - utc() - timedelta(hours=hour)) < timedelta(minutes=5), night
        env.source(DAY.format(n=n))
        env.load_all("--batch-id", night)
        assert is_full(env) == {full}, night
        check(env)
    moved.set("+0")


@needs_faketime
@long_running
@pytest.mark.parametrize(("shift", "codes"), [("-3600", (0,)), ("+86400", (0, 6, 7))])
def test_the_servers_clock_jumps_in_the_middle_of_a_load(
    jumpy: tuple[Environment, Clock], shift: str, codes: tuple[int, ...]
) -> None:
    """It waits for its turn to publish. After a jump ahead, its wait or its statement may have taken too long."""
    env, moved = jumpy
    for n, table in enumerate(("dim_customer", "fact_sales"), start=21):
        env.source(DAY.format(n=n))
        env.load_with_interference(table, lambda: moved.set(shift), code=codes)
        env.load_all()
        check(env)
        moved.set("+0")


@pytest.mark.parametrize("days", [1, pytest.param(-1, marks=long_running)])
def test_the_drivers_clock_is_wrong_by_a_day(env: Environment, days: int) -> None:
    """It dates the run record, and nothing else: the only place where it is read is replaced here."""
    env.source(DAY.format(n=23))
    with pytest.MonkeyPatch.context() as patch:
        for module in (batch, attempts):
            patch.setattr(module, "now", lambda: utc() + timedelta(days))
        env.load_all()
    last = env.last_load("fact_sales")
    wrong_by = datetime.fromisoformat(last["started_at"]) - datetime.fromisoformat(last["as_of"])
    assert abs(wrong_by - timedelta(days)) < timedelta(minutes=10)
    check(env)
    env.source(DAY.format(n=24))
    env.load_all()
    check(env)
