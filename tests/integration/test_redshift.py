"""The jobs on Redshift: the emulator takes what a cluster takes, and its tables are looked at from behind."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from conftest import LOADED_AT, MakeLab
from lab import Lab, Place, counts, planned, rows_read
from pyspark.sql import SparkSession

from dvdrental_etl import settings, tryout, verify
from sandbox.cluster import SUPERUSER
from sandbox.redshift.emulator import Emulator
from sandbox.server import Sandbox

DAY_1 = "2007-07-01T00:00:00"


@pytest.fixture
def cluster(emulator: Emulator, server: Sandbox, spark: SparkSession) -> Emulator:
    """The emulator, empty, and its S3 open to the executors."""
    spark.sparkContext.environment.update(emulator.environment())
    with server.superuser(emulator.database) as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS dw CASCADE")
    emulator.statements.clear()
    return emulator


@pytest.fixture
def on_redshift(cluster: Emulator, server: Sandbox, make_lab: MakeLab, source_template: str) -> Lab:
    """A source, and an empty warehouse of kind redshift."""
    return to_redshift(make_lab(source_template), cluster, server)


def to_redshift(lab: Lab, cluster: Emulator, server: Sandbox) -> Lab:
    """The same source, loaded into the cluster."""
    document = json.loads(lab.config.read_text())
    document["warehouse"] = {
        "kind": "redshift",
        "url": cluster.url,
        "schema": "dw",
        "user": cluster.user,
        "password": cluster.password,
    }
    document["s3"] = {
        "staging": f"s3://{cluster.s3.bucket}/staging",
        "iam_role": cluster.iam_role,
        "endpoint": cluster.s3.endpoint,
    }
    config = lab.config.with_name("redshift.json")
    config.write_text(json.dumps(document))
    behind = Place(lab.source.port, server.state.passwords[SUPERUSER], cluster.database, "dw")
    secrets = *lab.secrets, cluster.password, cluster.s3.secret_access_key
    return Lab(lab.source, behind, config, secrets)


def staged_files(cluster: Emulator) -> list[str]:
    found = cluster.s3.client().list_objects_v2(Bucket=cluster.s3.bucket, Prefix="staging/")
    return [entry["Key"] for entry in found.get("Contents", ())]


def check_clean(lab: Lab, cluster: Emulator) -> None:
    assert lab.staging_tables() == []
    assert staged_files(cluster) == []


def test_all_tables_arrive_and_a_second_run_changes_nothing(on_redshift: Lab, cluster: Emulator) -> None:
    lab = on_redshift
    for table, outcome in lab.load_all(as_of=LOADED_AT).items():
        assert counts(outcome) == planned(new=rows_read(outcome)), table
    lab.check_mirrors_source()
    lab.check_invariants()
    check_clean(lab, cluster)
    before = lab.content()
    for flags in ((), ("--full-refresh",)):
        for outcome in lab.load_all(*flags, as_of="2007-06-02T00:00:00").values():
            assert counts(outcome) == planned()
    assert lab.content() == before
    assert [found.check for found in verify.run(settings.load(lab.config, {}))] == []
    check_clean(lab, cluster)


def test_tryout(on_redshift: Lab, cluster: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert tryout.main([str(on_redshift.config)]) == 0, capsys.readouterr()
    assert on_redshift.warehouse.value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'dw%'") == 0
    assert staged_files(cluster) == []


def test_golden_numbers(real_source: str, make_lab: MakeLab, cluster: Emulator, server: Sandbox) -> None:
    lab = to_redshift(make_lab(real_source), cluster, server)
    lab.load_all()
    assert lab.warehouse("SELECT count(*), sum(sales_amount) FROM fact_sales") == [
        (14_596, Decimal("61312.04"))
    ]
    by_month = (
        "SELECT payment_date_key / 100, count(*), sum(sales_amount) FROM fact_sales GROUP BY 1 ORDER BY 1"
    )
    assert lab.warehouse(by_month) == [
        (200702, 2016, Decimal("8351.84")),
        (200703, 5644, Decimal("23886.56")),
        (200704, 6754, Decimal("28559.46")),
        (200705, 182, Decimal("514.18")),
    ]
    by_store = "SELECT sum(sales_amount) FROM fact_sales JOIN dim_store USING (store_key) GROUP BY store_id ORDER BY 1"
    assert lab.warehouse(by_store) == [(Decimal("30628.91"),), (Decimal("30683.13"),)]
    still_open = "SELECT count(*), sum(sales_amount) FROM fact_sales WHERE return_date_key = -2"
    assert lab.warehouse(still_open) == [(183, Decimal("518.17"))]
    lab.check_mirrors_source()
