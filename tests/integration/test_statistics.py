"""The planner's statistics after a load: fresh where it changed much, and never a reason to fail."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import SparkSession

from dvdrental_etl.warehouse.postgres import Postgres
from dvdrental_etl.warehouse.redshift import Redshift
from redshift_emulator.emulator import Emulator
from sandbox.server import Sandbox
from tests.support.engines import give_workers
from tests.support.environment import Environment
from tests.support.jobs import counts, expected_counts
from tests.support.redshift import to_redshift
from tests.support.servers import LOADED_AT, MakeEnvironment


@pytest.fixture
def on_redshift(
    emulator: Emulator,
    server: Sandbox,
    spark: SparkSession,
    make_environment: MakeEnvironment,
    source_template: str,
) -> Environment:
    """A source, and an empty database of the emulator; its list of statements is empty as well."""
    give_workers(spark, emulator.environment())
    emulator.statements.clear()
    return to_redshift(make_environment(source_template), emulator, server)


def analyzed(env: Environment, table: str) -> int:
    """How often somebody asked for a table's statistics; autovacuum does not count."""
    return env.warehouse.value("SELECT analyze_count FROM pg_stat_user_tables WHERE relname = %s", table)


def known_columns(env: Environment, table: str) -> int:
    return env.warehouse.value(
        "SELECT count(*) FROM pg_stats WHERE schemaname = 'dw' AND tablename = %s", table
    )


def test_a_first_load_and_a_large_one_bring_statistics_and_a_small_one_does_not(empty: Environment) -> None:
    env = empty
    env.load_all(as_of=LOADED_AT)
    for table, rows in (("dim_customer", 31), ("fact_sales", 730), ("fact_sales_rows", 730)):
        assert known_columns(env, table) > 10, table
        assert (
            env.warehouse.value("SELECT reltuples::integer FROM pg_class WHERE relname = %s", table) == rows
        )
        assert analyzed(env, table) == 1
    env.load("fact_sales")
    env.source(
        "UPDATE payment SET amount = amount + 1 WHERE payment_id <= (SELECT min(payment_id) + 71 FROM payment)"
    )
    assert counts(env.load("fact_sales")) == expected_counts(changed=72)
    assert analyzed(env, "fact_sales") == 1, "72 of 730 are less than a tenth"
    env.source(
        "UPDATE payment SET amount = amount + 1 WHERE payment_id <= (SELECT min(payment_id) + 72 FROM payment)"
    )
    assert counts(env.load("fact_sales")) == expected_counts(changed=73)
    assert analyzed(env, "fact_sales") == 2


@pytest.mark.parametrize(("many", "known"), [(730, 730), (731, -1)])
def test_many_staged_rows_are_analyzed_before_they_are_joined(
    env: Environment, monkeypatch: pytest.MonkeyPatch, many: int, known: int
) -> None:
    totals, seen = Postgres.totals, []

    def look(self: Postgres, cursor: Any, target: Any, table: str) -> Any:
        cursor.execute("SELECT reltuples::integer FROM pg_class WHERE relname ~ '^stg_fact_sales_[0-9a-f]+$'")
        seen.extend(cursor.fetchall())
        return totals(self, cursor, target, table)

    env.limit(analyzed_staging_rows=many)
    monkeypatch.setattr(Postgres, "totals", look)
    env.load("fact_sales", "--full-refresh")
    assert seen[0] == (known,), "-1 is: nobody knows"


def test_on_redshift_analyze_follows_the_commit(
    on_redshift: Environment, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyze, seen = Redshift.analyze, []

    def look_and_analyze(self: Redshift, cursor: Any, target: Any) -> None:
        seen.append(on_redshift.last_load("fact_sales")["status"])
        analyze(self, cursor, target)

    monkeypatch.setattr(Redshift, "analyze", look_and_analyze)
    on_redshift.load("fact_sales")
    assert seen == ["published"], "others see the load before its table is analyzed"
    assert "ANALYZE fact_sales" in emulator.statements
    assert known_columns(on_redshift, "fact_sales") > 10
    emulator.statements.clear()
    on_redshift.load("fact_sales")
    assert not [statement for statement in emulator.statements if "ANALYZE" in statement.upper()]


def test_a_load_succeeds_even_if_its_statistics_fail(
    empty: Environment,
    on_redshift: Environment,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: Postgres, cursor: Any, target: Any) -> None:
        cursor.execute(f"ANALYZE no_{target.table}")

    monkeypatch.setattr(Postgres, "analyze", fail)
    monkeypatch.setattr(Redshift, "analyze", fail)
    for env in (empty, on_redshift):
        caplog.clear()
        assert counts(env.load("dim_staff")) == expected_counts(new=2)
        assert "warning: statistics:" in caplog.text
        assert 'relation "no_dim_staff" does not exist' in caplog.text
        assert env.last_load("dim_staff")["status"] == "published"
        assert env.warehouse("SELECT status FROM etl_batch WHERE batch_id > 0") == [("done",)]


def test_a_connection_that_breaks_meanwhile_does_no_harm(
    on_redshift: Environment,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    analyze = Redshift.analyze

    def analyze_and_break(self: Redshift, cursor: Any, target: Any) -> None:
        analyze(self, cursor, target)
        emulator.faults.cut_before_commit()

    monkeypatch.setattr(Redshift, "analyze", analyze_and_break)
    assert counts(on_redshift.load("dim_staff")) == expected_counts(new=2)
    assert "warning: statistics:" in caplog.text
    assert on_redshift.last_load("dim_staff")["status"] == "published"
    assert on_redshift.warehouse("SELECT status FROM etl_batch WHERE batch_id > 0") == [("done",)]
