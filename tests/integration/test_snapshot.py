"""One snapshot: nothing that is committed after a job has begun to read is seen, in whichever table or partition."""

import datetime as dt
from decimal import Decimal
from functools import partial

import pytest
from pyspark.sql import SparkSession

from dvdrental_etl import config
from dvdrental_etl.extract import key_ranges, source
from dvdrental_etl.extract.reader import Reader
from dvdrental_etl.limits import Limits
from dvdrental_etl.model.key_ranges import RangeCount
from dvdrental_etl.model.source_tables import SourceTable
from dvdrental_etl.model.targets import Reconciled
from dvdrental_etl.pipeline import batch
from sandbox.server import Sandbox
from sandbox.simulator.live import Live
from tests.support.engines import IS_SAIL, engine
from tests.support.environment import Environment
from tests.support.waiting import long_running

PAYMENT = SourceTable(
    "payment", "payment_id bigint, amount decimal(5,2), payment_date timestamp", "payment_id"
)
RENTAL = SourceTable("rental", "rental_id bigint, return_date timestamp", "rental_id")
FILM = SourceTable("film", "film_id bigint, rental_rate decimal(4,2)", "film_id")


def test_later_commits_are_not_seen(empty: Environment, spark: SparkSession) -> None:
    payments, total = empty.source("SELECT count(*), sum(amount) FROM payment")[0]
    returned = empty.source.value("SELECT count(return_date) FROM rental")
    with source.Source(config.load(empty.config, {}).source) as opened:
        opened.begin()
        empty.source(
            """
            INSERT INTO payment VALUES (90001, 1, 1, 1, 100.00, '2007-05-20');
            UPDATE payment SET amount = amount + 1 WHERE payment_id = 17503;
            DELETE FROM payment WHERE payment_id = 17504;
            UPDATE rental SET return_date = '2007-06-01' WHERE return_date IS NULL;
            DELETE FROM film WHERE film_id = 1;
            """
        )
        # Eight connections, each of which joins the snapshot.
        ranges = {number: RangeCount(10, 0) for number in range(16, 24)}
        reader = Reader(opened, engine(), spark, Limits(rows_per_partition=10))
        frames = reader.frames((PAYMENT, RENTAL, FILM), {"payment": ranges, "rental": {}, "film": {}})
        frame = frames["payment"]
        assert IS_SAIL or frame.rdd.getNumPartitions() == 8  # Sail does not say
        rows = frame.collect()
        assert (len(rows), sum(row.amount for row in rows)) == (payments, total)
        assert frames["rental"].where("return_date IS NOT NULL").count() == returned
        assert frames["film"].where("film_id = 1").count() == 1
        counted = opened.totals(PAYMENT, Reconciled("payment_date", "amount"))
        assert sum(count for count, _ in counted.values()) == payments
        assert sum((amount or Decimal(0)) for _, amount in counted.values()) == total
    assert empty.source.value("SELECT sum(amount) FROM payment") != total


def test_big_tables_are_read_in_parts_that_lose_nothing(empty: Environment, spark: SparkSession) -> None:
    """With parts of a hundred rows this small payment counts as big; its ids have gaps and reach far."""
    empty.source(
        "UPDATE payment SET payment_id = 2000000000 WHERE payment_id = 17503; DELETE FROM payment "
        "WHERE payment_id = 17504"
    )
    empty.source("INSERT INTO payment VALUES (-5, 1, 1, 1, 1.00, '2007-05-20')")
    with source.Source(config.load(empty.config, {}).source) as opened:
        opened.begin()
        reader = Reader(opened, engine(), spark, Limits(rows_per_partition=100))
        counts = key_ranges.count(opened, PAYMENT, {})
        frame = reader.frames((PAYMENT,), {"payment": counts})["payment"]
        assert IS_SAIL or frame.rdd.getNumPartitions() > 1
        found = sorted(row.payment_id for row in frame.collect())
    assert found == [key for (key,) in empty.source("SELECT payment_id FROM payment ORDER BY 1")]


@long_running
def test_each_load_beside_a_live_writer_sees_one_snapshot(env: Environment, server: Sandbox) -> None:
    """Rows, counts and money of different snapshots would not reconcile, and the gate would refuse."""
    with Live(partial(server.connect, env.source.database), 100, seed=5, start=dt.date.today()) as live:  # noqa: DTZ011
        for n in range(4):
            env.load_all(*(["--full-refresh"] if n % 2 else []))
            assert env.last_load("fact_sales")["extent"] != "everything: the changes alone did not reconcile"
        assert live.committed > 50
    env.load_all()
    env.check_equals_source()
    assert env.outdated_facts() == []


def test_source_is_only_read(empty: Environment) -> None:
    """The role may only SELECT, and even a role that may do more gets a read-only transaction."""
    database = config.load(empty.config, {}).source
    with source.Source(database) as opened:
        opened.begin()
        assert opened.rows("SHOW transaction_read_only") == [("on",)]
        assert opened.rows("SHOW transaction_isolation") == [("repeatable read",)]


@pytest.mark.parametrize(
    ("zone", "local"),
    [
        ("UTC", dt.datetime(2007, 5, 14, 22, 30)),
        ("Asia/Tokyo", dt.datetime(2007, 5, 15, 7, 30)),
        ("<+03>-03", dt.datetime(2007, 5, 15, 1, 30)),
    ],
)
def test_timestamp_of_a_form_is_converted_to_the_sources_clock(
    empty: Environment, zone: str, local: dt.datetime
) -> None:
    # A date picker gives 22:30 UTC. A zone may also be one that only PostgreSQL can read.
    moment = dt.datetime(2007, 5, 14, 22, 30, tzinfo=dt.UTC)
    empty.source(f"ALTER DATABASE {empty.source.value('SELECT current_database()')} SET timezone = '{zone}'")
    configured = config.load(empty.config, {})
    batch.prepare(configured, "form", moment)
    assert empty.warehouse("SELECT as_of FROM etl_batch WHERE run_id = 'form'") == [(local,)]
