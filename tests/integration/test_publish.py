"""Atomic and fenced: what a reader sees while, and after, something goes wrong between staging and publish."""

import itertools
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing, suppress
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from dvdrental_etl import config
from dvdrental_etl.model.run_record import Batch
from dvdrental_etl.pipeline import attempts
from dvdrental_etl.warehouse.postgres import Postgres
from tests.support.environment import Environment
from tests.support.interruptions import Killed, connection_lost_at_commit, killed_after
from tests.support.jobs import counts, expected_counts, job_environment, run_in_process, start_script
from tests.support.paths import ROOT
from tests.support.waiting import RUN_ALL, until


def test_killed_between_staging_and_publish(env: Environment) -> None:
    env.source("UPDATE payment SET amount = amount + 0.01")
    before = env.content()
    script = ROOT / "spark_apps" / "load_fact_sales.py"
    with env.locked("fact_sales"):
        job = subprocess.Popen(
            [sys.executable, str(script), "--config", str(env.config)],
            env=job_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            backend = env.backend_of_waiting_job(lambda: job.poll() is not None)
            assert len(env.staging_tables()) == 1  # its rows are there, and not live
            staged = env.warehouse.value(f"SELECT count(*) FROM {env.staging_tables()[0]}")
            assert staged == 730
        finally:
            os.killpg(job.pid, signal.SIGKILL)
            job.wait()
        assert job.returncode == -signal.SIGKILL
    # The server tries the next step on a connection that nobody holds any more, and gives up.
    until(
        lambda: not env.warehouse("SELECT 1 FROM pg_stat_activity WHERE pid = %s", backend),
        "the session ended",
    )
    assert env.content() == before
    assert env.last_load("fact_sales")["status"] == "running"

    assert counts(env.load("fact_sales")) == expected_counts(changed=730)
    env.check_equals_source()
    assert env.staging_tables() == []
    killed, done = env.warehouse(
        "SELECT status, reason FROM etl_load WHERE table_name = 'fact_sales' ORDER BY load_id"
    )[-2:]
    assert killed[0] == "superseded"
    assert "began" in killed[1]
    assert done == ("published", None)


def test_forgotten_attempt_may_not_publish(env: Environment) -> None:
    """While it waits, a retry begins; when it gets the lock at last, it has to see that it is not the newest."""
    env.source("UPDATE payment SET amount = amount + 0.01")
    before = env.content()

    def retry_begins() -> None:
        with Postgres(config.load(env.config, {})) as warehouse:
            run = Batch(1, "base", before_as_of, opened_here=False)
            attempts.start(warehouse, run, "fact_sales", "any code")

    ((before_as_of,),) = env.warehouse("SELECT as_of FROM etl_batch WHERE batch_id = 1")
    outcome = env.load_with_interference("fact_sales", retry_begins, code=6)
    assert "fenced" in outcome.error
    assert env.content() == before
    statuses = env.warehouse("SELECT status FROM etl_load WHERE table_name = 'fact_sales' ORDER BY load_id")
    assert statuses == [("published",), ("superseded",), ("running",)]
    # The retry's own load goes through; nothing of either attempt is left behind.
    assert counts(env.load("fact_sales"))["changed"] == 730
    assert env.staging_tables() == []
    env.check_equals_source()


def test_driver_suspended_before_its_publish_resumes_after_its_retry(env: Environment) -> None:
    """Stopped as a whole machine may be: it holds the locks of its publish, and the retry cannot wait for it."""
    env.limit(look_seconds=1, idle_seconds=2)
    env.source("UPDATE payment SET amount = amount + 0.01")
    with env.locked("fact_sales"):
        forgotten = start_script("fact_sales", env.config)
        backend = env.backend_of_waiting_job(lambda: forgotten.poll() is not None)
        os.killpg(forgotten.pid, signal.SIGSTOP)
    try:
        asleep = (
            "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'idle in transaction' "
            "AND clock_timestamp() - state_change > interval '2.5 seconds'"
        )
        until(lambda: env.warehouse(asleep, backend), "it has the lock and does not use it")
        env.source("UPDATE payment SET amount = amount + 0.01")
        assert counts(env.load("fact_sales")) == expected_counts(changed=730)
        after = env.content(), env.last_load("fact_sales")
    finally:
        os.killpg(forgotten.pid, signal.SIGCONT)
        _, output = forgotten.communicate(timeout=240)
    assert forgotten.returncode == 6
    assert "fenced: fact_sales: this attempt is superseded" in output
    assert (env.content(), env.last_load("fact_sales")) == after
    env.check_equals_source()
    assert env.staging_tables() == []


def test_superseded_attempt_whose_rows_still_wait_may_not_publish(env: Environment) -> None:
    """The retry leaves staging tables alone that somebody still writes, so the record alone has to stop it."""
    env.source("UPDATE payment SET amount = amount + 0.01")
    before = env.content()
    supersede = "UPDATE etl_load SET status = 'superseded', reason = 'load 99 began' WHERE status = 'running'"
    outcome = env.load_with_interference("fact_sales", lambda: env.warehouse(supersede), code=6)
    assert "load 99 began" in outcome.error
    assert env.content() == before
    assert env.staging_tables() == []
    assert env.last_load("fact_sales")["status"] == "superseded"


def test_reader_sees_the_old_table_until_the_new_one_is_whole(env: Environment) -> None:
    env.source("UPDATE payment SET amount = amount + 1.00")
    before = env.content()["fact_sales"]
    seen = []
    env.load_with_interference("fact_sales", lambda: seen.append(env.content()["fact_sales"]), code=0)
    assert seen == [before]
    assert env.content()["fact_sales"] != before


def test_staging_that_lost_a_row_is_refused(env: Environment) -> None:
    before = env.content()
    outcome = env.load_with_interference(
        "fact_sales",
        lambda: env.warehouse(f"DELETE FROM {env.staging_tables()[0]} WHERE sales_key = 17503"),
        "--full-refresh",
        code=7,
    )
    assert "729" in outcome.error
    assert "730" in outcome.error
    assert env.content() == before
    assert env.staging_tables() == []
    assert env.last_load("fact_sales")["status"] == "failed"


def test_staging_with_a_cent_too_much_is_refused(env: Environment) -> None:
    before = env.content()
    outcome = env.load_with_interference(
        "fact_sales",
        lambda: env.warehouse(
            f"UPDATE {env.staging_tables()[0]} SET sales_amount = sales_amount + 0.01 WHERE sales_key = 17503"
        ),
        "--full-refresh",
        code=5,
    )
    assert "reconcile" in outcome.error
    assert env.content() == before
    assert env.last_load("fact_sales")["reason"].startswith("gate: fact_sales does not reconcile (1 of ")


def test_staging_with_a_payment_on_another_day_is_refused(env: Environment) -> None:
    """The total agrees, two days do not."""
    outcome = env.load_with_interference(
        "fact_sales",
        lambda: env.warehouse(
            f"UPDATE {env.staging_tables()[0]} SET payment_ts = payment_ts + interval '1 day' WHERE sales_key = 17503"
        ),
        "--full-refresh",
        code=5,
    )
    assert "(2 of " in outcome.error


def test_staging_with_a_key_twice_is_refused(env: Environment) -> None:
    outcome = env.load_with_interference(
        "dim_customer",
        lambda: env.warehouse(f"UPDATE {env.staging_tables()[0]} SET customer_id = 4 WHERE customer_id = 3"),
        "--full-refresh",
        code=5,
    )
    assert "customer_id 4 occurs 2 times" in outcome.error


def test_two_dimensions_and_the_fact_wait_for_each_other(env: Environment) -> None:
    """The fact writes inferred members, so it waits for a dimension that is being published."""
    outcome = env.load_with_interference("fact_sales", lambda: None, code=0, lock="dim_movie")
    assert counts(outcome) == expected_counts()


def test_staging_of_an_old_attempt_is_removed(env: Environment) -> None:
    # Its record says superseded, so only the table itself tells of it. Another table's staging is left alone.
    env.warehouse("CREATE TABLE stg_dim_staff_0badcafe (n int); CREATE TABLE stg_dim_store_0badcafe (n int)")
    env.load("dim_staff")
    assert env.staging_tables() == ["stg_dim_store_0badcafe"]


@pytest.mark.parametrize("before", [True, False], ids=["before the commit", "before the answer"])
def test_connection_that_breaks_at_any_commit(env: Environment, before: bool) -> None:
    """Whether the publish went through is asked, not guessed: exit code 0 means that it did."""
    for number in itertools.count():
        env.source("UPDATE payment SET amount = amount + 0.01")
        old = env.facts()
        with connection_lost_at_commit(number, before=before) as commits:
            outcome = run_in_process("fact_sales", "--config", str(env.config))
        new, found = env.source_facts(), env.facts()
        if outcome.code == 0:
            assert found == new, f"at commit {number}"
        else:  # also where all is published and only the end of the batch could not be noted
            assert outcome.code == 7
            assert found in (old, new), f"at commit {number}"
        if len(commits) <= number:
            break
    assert number > 4
    env.check_equals_source()
    assert env.staging_tables() == []


def test_reader_sees_only_whole_tables_during_loads_and_their_kills(env: Environment) -> None:
    """Each load adds a cent to every payment and moves every customer, so that what is seen tells its load."""
    nights = 10 if RUN_ALL else 4
    start = env.warehouse.value("SELECT sum(sales_amount) FROM fact_sales")
    whole = [(730, start + Decimal("7.30") * n, 1) for n in range(nights + 1)]
    chances = Random(3)
    with Reader(env) as reader:
        for n in range(1, nights + 1):
            env.source(
                "UPDATE payment SET amount = amount + 0.01; UPDATE customer SET store_id = 3 - store_id"
            )
            for table in ("dim_customer", "fact_sales"):
                with suppress(Killed), killed_after(chances.randrange(60)):
                    run_in_process(table, "--config", str(env.config))
                env.load(table, as_of=f"2007-07-01T00:{n:02}:00")
            env.check_invariants()
    assert set(reader.facts) <= set(whole)
    assert reader.facts == sorted(reader.facts), "an older table was seen after a newer one"
    assert len(set(reader.facts)) > nights / 2, "the reader queried too rarely"
    before = reader.members[0]
    assert sum(before) == 30
    assert set(reader.members) <= {before, before[::-1]}, "some had moved and others had not"
    env.check_equals_source()


class Reader:
    """Somebody who looks at the star all the time: facts (rows, amount, runs), and current customers by store."""

    def __init__(self, env: Environment) -> None:
        self.facts: list[tuple[Any, ...]] = []
        self.members: list[tuple[Any, ...]] = []
        self._lab, self._over = env, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        with closing(self._lab.warehouse.connect()) as connection, connection.cursor() as cursor:
            while not self._over.wait(0.02):
                cursor.execute("SELECT count(*), sum(sales_amount), count(DISTINCT batch_id) FROM fact_sales")
                self.facts += cursor.fetchall()
                cursor.execute(
                    "SELECT count(*) FILTER (WHERE store_id = 1), count(*) FILTER (WHERE store_id = 2) "
                    "FROM dim_customer WHERE is_current AND customer_key > 0"
                )
                self.members += cursor.fetchall()
