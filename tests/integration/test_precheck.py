"""The check before a JVM is started: it loads where nothing changed, and leaves nothing behind where something did."""

import datetime as dt
from typing import Any

import pytest

from dvdrental_etl import config
from dvdrental_etl.engine import session
from dvdrental_etl.errors import Fenced, UsageError
from dvdrental_etl.pipeline import attempts, batch
from dvdrental_etl.pipeline.precheck import precheck
from tests.support.environment import TABLES, Environment
from tests.support.jobs import rows_read
from tests.support.paths import SPARK_APPS

#: What differs between two loads that did the same.
OF_THE_ATTEMPT = (
    "load_id",
    "batch_id",
    "attempt",
    "as_of",
    "started_at",
    "seconds",
    "source_snapshot",
    "source_lsn",
)
MOVE = "UPDATE address SET district = 'Elsewhere' WHERE address_id = (SELECT address_id FROM {} ORDER BY 1 LIMIT 1)"


@pytest.fixture(autouse=True)
def no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "start", lambda _: pytest.fail("Spark was started"))


def prechecked(env: Environment, table: str, *flags: str) -> tuple[str, str] | None:
    argv = ["--config", str(env.config), "--batch-id", "night", *flags]
    return precheck(SPARK_APPS / f"load_{table}.py", argv, {})


def prepare(env: Environment) -> None:
    batch.prepare(config.load(env.config, {}), "night")


def record(env: Environment, table: str) -> dict[str, Any]:
    return {name: value for name, value in env.last_load(table).items() if name not in OF_THE_ATTEMPT}


def test_a_quiet_night_is_the_same_load_as_the_scripts(env: Environment) -> None:
    prepare(env)
    for table in TABLES:
        outcome = env.load(table, "--batch-id", "night")
        assert rows_read(outcome) == 0
        of_script = record(env, table)
        done = prechecked(env, table)
        assert done is not None
        assert done[0] == outcome.out.strip()
        assert record(env, table) == of_script
        assert of_script["status"] == "published"
    assert (
        env.warehouse.value(
            "SELECT count(*) FROM etl_load WHERE batch_id = (SELECT max(batch_id) FROM etl_batch)"
        )
        == 10
    )
    env.check_equals_source()


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (
            "fact_sales",
            "INSERT INTO payment SELECT max(payment_id) + 1, 1, 1, 1, 1.00, '2007-05-20' FROM payment",
        ),
        ("fact_sales", "UPDATE payment SET amount = amount + 1 WHERE payment_id = 17600"),
        ("fact_sales", "DELETE FROM payment WHERE payment_id = 17601"),
        ("dim_customer", MOVE.format("customer")),
        ("dim_store", MOVE.format("store")),
    ],
)
def test_where_rows_have_to_be_read_the_check_leaves_nothing(
    env: Environment, table: str, change: str
) -> None:
    prepare(env)
    env.source(change)
    before = env.content(with_record=True), env.tables()
    assert prechecked(env, table) is None
    assert prechecked(env, table, "--full-refresh") is None
    assert (env.content(with_record=True), env.tables()) == before
    assert env.warehouse.value("SELECT count(*) FROM etl_load WHERE status = 'running'") == 0


def test_the_move_of_a_customer_costs_stores_no_jvm(env: Environment) -> None:
    prepare(env)
    env.source(MOVE.format("customer"))
    done = prechecked(env, "dim_store")
    assert done is not None
    assert done[0].startswith("dim_store: published: 0 read, ")
    assert "1 rows and 0 key ranges of address" in env.last_load("dim_store")["extent"]


def test_changes_that_do_not_reconcile_need_spark(env: Environment) -> None:
    prepare(env)
    env.warehouse("DELETE FROM fact_sales WHERE sales_key = 17600")
    before = env.content(with_record=True), env.tables()
    assert prechecked(env, "fact_sales") is None
    assert (env.content(with_record=True), env.tables()) == before


def test_a_dry_run_without_changes(env: Environment) -> None:
    before = env.content(with_record=True), env.tables()
    planned = prechecked(env, "fact_sales", "--dry-run")
    ((amount, rows),) = env.source("SELECT sum(amount), count(*) FROM payment")
    assert planned == (
        "fact_sales: plan, nothing written: 0 read, 0 new, 0 changed, 0 expired, 0 deleted, 0 quarantined",
        f"source {amount} ({rows} rows), published {amount} ({rows} rows), quarantined 0.00 (0 rows)",
    )
    assert (env.content(with_record=True), env.tables()) == before


def test_a_load_whose_run_was_not_prepared_is_refused(env: Environment) -> None:
    loads = env.warehouse.value("SELECT count(*) FROM etl_load")
    with pytest.raises(UsageError, match=r"run 'night' has no batch in etl_batch: .* -> clear prepare"):
        prechecked(env, "dim_store")
    assert env.warehouse.value("SELECT count(*) FROM etl_load") == loads


def test_a_check_that_was_overtaken_is_fenced(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(env)
    env.source(MOVE.format("store"))
    start = attempts.start

    def overtaken(*arguments: Any) -> Any:
        ours, _ = start(*arguments), start(*arguments)
        return ours

    monkeypatch.setattr(attempts, "start", overtaken)
    with pytest.raises(Fenced, match="this attempt is superseded"):
        prechecked(env, "dim_store")
    assert env.last_load("dim_store")["status"] == "running"


@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
def test_as_of_before_what_is_loaded_is_refused(env: Environment, flags: tuple[str, ...]) -> None:
    outcome = env.load("dim_store", *flags, as_of="2007-05-31T23:59:59", code=2)
    assert (
        "as_of 2007-05-31 23:59:59 lies before 2007-06-01 00:00:00, for which dim_store is loaded"
        in outcome.error
    )
    env.load("dim_store", *flags, as_of="2007-06-01T00:00:00")


def test_a_dry_run_is_marked_and_its_preparation_writes_nothing(empty: Environment) -> None:
    settings, before = config.load(empty.config, {}), empty.tables()
    as_of = batch.prepare(settings, "rehearsal", dry_run=True).as_of
    batch.record_dry_run(settings, "rehearsal", as_of)
    assert empty.tables() == before
    batch.prepare(settings, "night")
    batch.record_dry_run(settings, "rehearsal", as_of)
    assert empty.warehouse(
        "SELECT run_id, status, finished_at IS NOT NULL FROM etl_batch ORDER BY batch_id"
    ) == [
        ("night", "running", False),
        ("rehearsal", "dry run", True),
    ]


def later_run(env: Environment) -> None:
    """The run of one night is prepared; the next night's run loads before it."""
    batch.prepare(config.load(env.config, {}), "night", dt.datetime(2007, 6, 2))
    env.load_all(as_of="2007-06-03T00:00:00")


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM customer WHERE customer_id = 6", MOVE.format("customer")],
    ids=["deleted", "changed"],
)
def test_a_run_that_a_later_one_overtook_dates_no_change_back(env: Environment, change: str) -> None:
    later_run(env)
    env.source("ALTER TABLE rental DROP CONSTRAINT rental_customer_id_fkey")
    env.source("ALTER TABLE payment DROP CONSTRAINT payment_customer_id_fkey")
    env.source(change)
    before = env.content()
    refused = "as_of 2007-06-02 00:00:00 lies before 2007-06-03 00:00:00, for which dim_customer is loaded"
    assert refused in env.load("dim_customer", "--batch-id", "night", code=2).error
    assert env.content() == before


def test_a_run_that_a_later_one_overtook_succeeds_where_nothing_changed(env: Environment) -> None:
    later_run(env)
    before = env.content()
    assert prechecked(env, "dim_customer") is not None
    assert rows_read(env.load("dim_customer", "--batch-id", "night")) == 0
    assert env.content() == before


@pytest.mark.parametrize("as_of", ["1899-12-31T23:59:59", "9999-12-31T00:00:00+00:00", "9999-12-31T00:00:00"])
def test_a_run_is_not_prepared_for_a_time_that_no_version_can_have(env: Environment, as_of: str) -> None:
    with pytest.raises(UsageError, match="it lies from 1900-01-01 to before 9999-12-31"):
        batch.prepare(config.load(env.config, {}), "night", dt.datetime.fromisoformat(as_of))
