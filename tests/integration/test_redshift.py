"""The jobs on Redshift: the emulator takes what a cluster takes, and its tables are looked at from behind."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from sqlfluff.core import FluffConfig, Linter

from dvdrental_etl import config, tryout
from dvdrental_etl.pipeline import watermark
from dvdrental_etl.report.read import read
from dvdrental_etl.staging.parquet import Files, StagedFile, StagedFiles
from dvdrental_etl.verify import run
from dvdrental_etl.warehouse.redshift import Redshift
from redshift_emulator.emulator import Emulator
from sandbox.server import Sandbox
from sandbox.simulator.days import Business
from tests.support.engines import about_spark, give_workers
from tests.support.environment import TABLES, Environment
from tests.support.jobs import counts, expected_counts, rows_read, run_in_process
from tests.support.redshift import check_clean, staged_files, to_redshift
from tests.support.servers import LOADED_AT, MakeEnvironment
from tests.support.waiting import RUN_ALL, long_running, until

DAY_1 = "2007-07-01T00:00:00"


@pytest.fixture
def cluster(emulator: Emulator, spark: SparkSession) -> Emulator:
    """The emulator, its S3 empty and open to the executors."""
    give_workers(spark, emulator.environment())
    client = emulator.s3.client()
    for key in staged_files(emulator):
        client.delete_object(Bucket=emulator.s3.bucket, Key=key)
    emulator.statements.clear()
    return emulator


@pytest.fixture
def on_redshift(
    cluster: Emulator, server: Sandbox, make_environment: MakeEnvironment, source_template: str
) -> Environment:
    """A source, and an empty warehouse of kind redshift."""
    return to_redshift(make_environment(source_template), cluster, server)


@pytest.fixture(scope="module")
def redshift_template(
    emulator: Emulator,
    server: Sandbox,
    spark: SparkSession,
    make_environment: MakeEnvironment,
    source_template: str,
) -> str:
    """A database of the cluster that all of source_template is loaded into, as of LOADED_AT."""
    give_workers(spark, emulator.environment())
    env = to_redshift(make_environment(source_template), emulator, server)
    env.load_all(as_of=LOADED_AT)
    return env.warehouse.database


def test_all_tables_arrive_and_a_second_run_changes_nothing(
    on_redshift: Environment, cluster: Emulator
) -> None:
    env = on_redshift
    for table, outcome in env.load_all(as_of=LOADED_AT).items():
        assert counts(outcome) == expected_counts(new=rows_read(outcome)), table
    env.check_equals_source()
    env.check_invariants()
    check_clean(env, cluster)
    before = env.content()
    for flags in ((), ("--full-refresh",)):
        for outcome in env.load_all(*flags, as_of="2007-06-02T00:00:00").values():
            assert counts(outcome) == expected_counts()
    assert env.content() == before
    assert [found.check for found in run.run(config.load(env.config, {}))] == []
    report = read(config.load(env.config, {}))
    assert report.money is not None
    assert report.money.warehouse.payments == report.money.source.payments == 730
    assert sum(sale.payments for sale in report.sales if sale.part == "store") == 730
    check_clean(env, cluster)


@long_running
def test_tryout(on_redshift: Environment, cluster: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert tryout.main([str(on_redshift.config)]) == 0, capsys.readouterr()
    assert on_redshift.warehouse.value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'dw%'") == 0
    assert staged_files(cluster) == []


def test_golden_numbers(
    real_source: str, make_environment: MakeEnvironment, cluster: Emulator, server: Sandbox
) -> None:
    env = to_redshift(make_environment(real_source), cluster, server)
    env.load_all()
    assert env.warehouse("SELECT count(*), sum(sales_amount) FROM fact_sales") == [
        (14_596, Decimal("61312.04"))
    ]
    by_month = (
        "SELECT payment_date_key / 100, count(*), sum(sales_amount) FROM fact_sales GROUP BY 1 ORDER BY 1"
    )
    assert env.warehouse(by_month) == [
        (200702, 2016, Decimal("8351.84")),
        (200703, 5644, Decimal("23886.56")),
        (200704, 6754, Decimal("28559.46")),
        (200705, 182, Decimal("514.18")),
    ]
    by_store = "SELECT sum(sales_amount) FROM fact_sales JOIN dim_store USING (store_key) GROUP BY store_id ORDER BY 1"
    assert env.warehouse(by_store) == [(Decimal("30628.91"),), (Decimal("30683.13"),)]
    still_open = "SELECT count(*), sum(sales_amount) FROM fact_sales WHERE return_date_key = -2"
    assert env.warehouse(still_open) == [(183, Decimal("518.17"))]
    env.check_equals_source()


# Nights, beside a PostgreSQL warehouse of the same source.

#: The first loads everything, and each later one what changed.
NIGHTS = 3 if RUN_ALL else 2
LAST_NIGHT = f"night {NIGHTS - 1} fact_sales"


def test_nights_load_the_same_rows_as_on_postgresql(
    on_redshift: Environment, cluster: Emulator, server: Sandbox, make_environment: MakeEnvironment
) -> None:
    env = on_redshift
    postgres = make_environment("source_template")
    other = Environment(env.source, postgres.warehouse, postgres.config, env.secrets)
    other.config.write_text(other.config.read_text().replace(postgres.source.database, env.source.database))
    with Business(partial(server.connect, env.source.database), seed=4, start=date.today()) as business:  # noqa: DTZ011
        for night in range(NIGHTS):
            business.day()
            for table in TABLES:
                as_of = str(env.source.value("SELECT localtimestamp"))
                for one in (env, other):
                    one.load(table, "--batch-id", f"night {night} {table}", as_of=as_of)
            assert env.content() == other.content(), f"after night {night}"
            assert env.last_load("fact_sales")["is_full"] is (night == 0)
    env.check_invariants(loads=NIGHTS + 1)
    check_clean(env, cluster)
    configured = config.load(env.config, {})
    assert run.run(configured) == []
    assert run.run(configured, LAST_NIGHT) == []
    own = "batch_id = (SELECT max(batch_id) FROM etl_batch)"
    cents = f"UPDATE fact_sales SET sales_amount = sales_amount + {{}} WHERE {own}"
    env.warehouse(cents.format("0.01"))
    assert {found.check for found in run.run(configured, LAST_NIGHT)} == {"facts"}
    env.warehouse(cents.format("-0.01"))
    # Facts that somebody moved, and a quarantined member: the same on both.
    env.source("ALTER TABLE customer ALTER first_name TYPE text")
    env.source("UPDATE customer SET first_name = repeat('é', 91) WHERE customer_id = 3")
    env.source("UPDATE payment SET amount = -1.00 WHERE payment_id = 17600")
    for table in ("dim_customer", "fact_sales"):
        as_of = str(env.source.value("SELECT localtimestamp"))
        for one in (env, other):
            one.load(table, "--batch-id", f"broken {table}", as_of=as_of)
    assert env.content() == other.content()
    rejects = "SELECT natural_key, rule, column_name, value FROM etl_reject"
    assert (
        env.warehouse(rejects)
        == other.warehouse(rejects)
        == [("3", "at most 180 bytes", "first_name", "é" * 91)]
    )


# Faults.


@pytest.fixture
def loaded(
    cluster: Emulator,
    server: Sandbox,
    make_environment: MakeEnvironment,
    source_template: str,
    redshift_template: str,
) -> Environment:
    """All tables are there, and every payment is a cent dearer at the source."""
    env = to_redshift(make_environment(source_template), cluster, server, redshift_template)
    env.source("UPDATE payment SET amount = amount + 0.01")
    return env


def test_s3_that_is_slow_and_overloaded_is_waited_for(loaded: Environment, cluster: Emulator) -> None:
    cluster.faults.s3_fails(3)
    cluster.faults.s3_slow(3, 0.2)
    cluster.faults.s3_loses_answers(1)
    assert counts(loaded.load("fact_sales", as_of=DAY_1)) == expected_counts(changed=730)
    loaded.check_equals_source()
    check_clean(loaded, cluster)


def test_unreachable_s3_stops_the_load(
    loaded: Environment, cluster: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = loaded.content()
    document = json.loads(loaded.config.read_text())
    document["s3"]["endpoint"] = "http://127.0.0.1:9"
    config = loaded.config.with_name("away.json")
    config.write_text(json.dumps(document))
    away = Environment(loaded.source, loaded.warehouse, config, loaded.secrets)
    away.limit(s3_attempts=2)
    assert "S3 s3://" in away.load("fact_sales", as_of=DAY_1, code=7).error
    assert loaded.content() == before
    assert counts(loaded.load("fact_sales", as_of=DAY_1)) == expected_counts(changed=730)
    check_clean(loaded, cluster)


def test_a_bad_file_is_reported_with_redshifts_message(
    loaded: Environment, cluster: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = loaded.content()
    whole = Files.write_manifest

    def spoil(files: Files, name: str, staged: StagedFiles) -> str:
        bucket, key = staged[0].url.removeprefix("s3://").split("/", 1)
        table = pa.table({"sales_key": pa.array([1], pa.int64())})
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        cluster.s3.client().put_object(Bucket=bucket, Key=key, Body=buffer.getvalue())
        return whole(files, name, [StagedFile(staged[0].url, len(buffer.getvalue()), {})])

    monkeypatch.setattr(Files, "write_manifest", spoil)
    error = loaded.load("fact_sales", as_of=DAY_1, code=7).error
    assert "COPY of fact_sales failed" in error
    assert "number of columns" in error
    assert ".parquet" in error
    assert loaded.content() == before
    check_clean(loaded, cluster)


def test_timestamps_that_copy_reads_wrongly_stop_the_load(
    loaded: Environment, cluster: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is valid, its timestamps are a year late: counts and amounts of a dimension agree all the same."""
    loaded.source("UPDATE staff SET first_name = 'Zoë'")
    before = loaded.content()
    whole = Files.write_manifest

    def delay(files: Files, name: str, staged: StagedFiles) -> str:
        bucket, key = staged[0].url.removeprefix("s3://").split("/", 1)
        client = cluster.s3.client()
        body = io.BytesIO(client.get_object(Bucket=bucket, Key=key)["Body"].read())
        table = pq.ParquetFile(body, coerce_int96_timestamp_unit="us").read()
        place = table.schema.get_field_index("changed_at")
        later = pc.add(table["changed_at"], pa.scalar(timedelta(days=365)))
        buffer = io.BytesIO()
        pq.write_table(
            table.set_column(place, "changed_at", later), buffer, use_deprecated_int96_timestamps=True
        )
        client.put_object(Bucket=bucket, Key=key, Body=buffer.getvalue())
        return whole(files, name, [replace(staged[0], length=len(buffer.getvalue()))])

    monkeypatch.setattr(Files, "write_manifest", delay)
    error = loaded.load("dim_staff", as_of=DAY_1, code=7).error
    assert "COPY of dim_staff reads other timestamps than were written: MIN(changed_at) was 20" in error
    assert loaded.content() == before
    check_clean(loaded, cluster)


def test_a_writer_does_not_wait_for_ever(loaded: Environment) -> None:
    loaded.limit(lock_seconds=1)
    with closing(loaded.warehouse.connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        cursor.execute("LOCK TABLE dw.etl_lock")
        error = loaded.load("dim_staff", as_of=DAY_1, code=6).error
    assert "no lock on dw.etl_lock within 1 s" in error
    loaded.load("dim_staff", as_of=DAY_1)


def at_the_publish(monkeypatch: pytest.MonkeyPatch, order: Callable[[], None]) -> None:
    """Order a mishap for the next COMMIT, just before a load publishes for the first time."""
    write = watermark.write
    ordered: list[int] = []

    def write_and_order(*arguments: Any) -> None:
        write(*arguments)
        if not ordered:
            order()
        ordered.append(1)

    monkeypatch.setattr(watermark, "write", write_and_order)


def test_a_connection_that_is_cut_before_the_commit(
    loaded: Environment, cluster: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = loaded.content()
    at_the_publish(monkeypatch, cluster.faults.cut_before_commit)
    assert "warehouse" in loaded.load("fact_sales", as_of=DAY_1, code=7).error
    assert loaded.content() == before
    check_clean(loaded, cluster)
    assert loaded.last_load("fact_sales")["status"] == "failed"
    assert counts(loaded.load("fact_sales", as_of=DAY_1)) == expected_counts(changed=730)


def test_a_connection_that_is_cut_after_the_commit(
    loaded: Environment, cluster: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    at_the_publish(monkeypatch, cluster.faults.cut_after_commit)
    assert counts(loaded.load("fact_sales", as_of=DAY_1)) == expected_counts(changed=730)
    assert "the transaction was committed all the same" in caplog.text
    loaded.check_equals_source()
    check_clean(loaded, cluster)
    assert counts(loaded.load("fact_sales", as_of=DAY_1)) == expected_counts()


def test_an_orphan_of_a_killed_task_stays_out_and_is_removed(
    loaded: Environment, cluster: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that uploaded its file and was killed before it could say so: its retry uploads the rows again."""
    whole = Files.write_manifest

    def add_orphan(files: Files, name: str, staged: StagedFiles) -> str:
        bucket, key = staged[0].url.removeprefix("s3://").split("/", 1)
        copy = {"Bucket": bucket, "Key": key}
        cluster.s3.client().copy_object(Bucket=bucket, Key=f"{key}.orphan.parquet", CopySource=copy)
        assert len(staged_files(cluster)) == len(staged) + 1
        return whole(files, name, staged)

    monkeypatch.setattr(Files, "write_manifest", add_orphan)
    assert counts(loaded.load("fact_sales", as_of=DAY_1)) == expected_counts(changed=730)
    loaded.check_equals_source()
    check_clean(loaded, cluster)


@about_spark  # on Sail, workers are threads of the job
def test_a_worker_that_is_killed_while_it_writes(
    loaded: Environment, cluster: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 of the Python worker: Spark tries the task again, and its first file, if any, is an orphan."""
    loaded.limit(rows_sent_by_driver=0)
    # After two looks at the folder, the upload takes long enough to be killed in.
    cluster.faults.s3_slow(3, 2.0)
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.05):
            for process in psutil.process_iter(["cmdline"]):
                if "pyspark.daemon" in " ".join(process.info["cmdline"] or ()):
                    for worker in process.children():
                        if any(c.raddr and c.raddr.port == s3_port for c in worker.net_connections()):
                            worker.kill()
                            over.set()

    s3_port = urlsplit(cluster.s3.endpoint).port
    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    outcome = run_in_process("fact_sales", "--config", str(loaded.config), "--as-of", DAY_1)
    killed = over.is_set()
    over.set()
    thread.join()
    assert killed, "no worker was seen at its upload"
    assert outcome.code in (0, 7)  # local Spark tries a task once, a cluster four times
    if outcome.code == 7:
        assert counts(loaded.load("fact_sales", as_of=DAY_1)) == expected_counts(changed=730)
    loaded.check_equals_source()
    # The dead worker's upload may arrive after all was cleared away: the load after that clears it away, too.
    until(cluster.faults.s3_is_quiet, "the dead worker's upload has arrived or failed")
    loaded.load("fact_sales", as_of=DAY_1)
    check_clean(loaded, cluster)


def test_a_conflict_is_tried_again(
    loaded: Environment, cluster: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    at_the_publish(monkeypatch, partial(cluster.faults.conflict_at_commit, 2))
    assert counts(loaded.load("fact_sales", as_of=DAY_1)) == expected_counts(changed=730)
    assert "1023" in caplog.text
    loaded.check_equals_source()


def test_a_duplicate_key_in_staging_is_refused(loaded: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster enforces no keys."""
    before = loaded.content()
    copy = Redshift._copy

    def smuggle(self: Redshift, cursor: Any, name: str, target: Any, files: StagedFiles) -> None:
        copy(self, cursor, name, target, files)
        cursor.execute(f"UPDATE {name} SET sales_key = 17504 WHERE sales_key = 17503")

    monkeypatch.setattr(Redshift, "_copy", smuggle)
    assert "sales_key 17504 occurs 2 times" in loaded.load("fact_sales", as_of=DAY_1, code=5).error
    assert loaded.content() == before


def test_a_load_leaves_the_files_of_a_dry_run_alone(loaded: Environment, cluster: Emulator) -> None:
    """One that writes now. What a killed one left is removed by the next dry run."""
    staging = json.loads(loaded.config.read_text())["s3"]["staging"].removeprefix("s3://")
    bucket, prefix = staging.split("/", 1)
    key = f"{prefix}/dw/stg_fact_sales_plan/00.parquet"
    cluster.s3.client().put_object(Bucket=bucket, Key=key, Body=b"")
    loaded.load("fact_sales", as_of=DAY_1)
    assert staged_files(cluster) == [key]
    loaded.source("UPDATE payment SET amount = amount + 0.01")
    loaded.load("fact_sales", "--dry-run", as_of=DAY_1)
    check_clean(loaded, cluster)


# What is reported and sent.


def test_every_statement_is_in_the_grammar_and_none_holds_a_secret(
    loaded: Environment, cluster: Emulator
) -> None:
    loaded.load_all(as_of=DAY_1)
    loaded.load("fact_sales", "--dry-run")
    assert run.run(config.load(loaded.config, {})) == []
    seen = list(dict.fromkeys(cluster.statements))
    assert len(seen) > 100
    assert any(statement.startswith("COPY stg_fact_sales_") for statement in seen)
    text = "\n".join(seen)
    assert not any(secret in text for secret in loaded.secrets)
    assert not re.search(r"\b(TRUNCATE|VACUUM|UNLOAD|ACCESS_KEY_ID|CREDENTIALS)\b", text, re.I)
    linter = Linter(config=FluffConfig(overrides={"dialect": "redshift"}))
    for statement in {re.sub(r"_[0-9a-f]{8}\b", "_0a1b2c3d", one) for one in seen}:
        if len(statement) < 20_000:  # long lists of rows: a shorter one of the same form is among them
            parsed = linter.parse_string(re.sub(r"\$\d+", "1", statement))
            unparsable = [
                part.raw
                for variant in parsed.parsed_variants
                if variant.tree
                for part in variant.tree.recursive_crawl("unparsable")
            ]
            assert unparsable == [], statement


def test_what_cannot_be_reached_or_trusted(
    on_redshift: Environment, cluster: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads(on_redshift.config.read_text())
    document["warehouse"]["password"] = "wrong-guess"
    config = on_redshift.config.with_name("wrong.json")
    config.write_text(json.dumps(document))
    wrong = Environment(
        on_redshift.source, on_redshift.warehouse, config, ("wrong-guess", *on_redshift.secrets)
    )
    assert "cannot be reached as 'awsuser'" in wrong.load("dim_staff", code=7).error
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certificate verify failed" in on_redshift.load("dim_staff", code=7).error
