"""Clients that others wrote, unmodified, against the Redshift emulator: AWS SDK for pandas, and Airflow's operator."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import pytest
import redshift_connector

from tests.support.redshift import Bucket, ask, connect

awswrangler = pytest.importorskip("awswrangler", reason="the dev group has it")

FRAME = pd.DataFrame({"id": [1, 2, 3], "name": ["a", "é", None], "amount": [1.5, 2.5, None]})


@pytest.fixture
def connection(emulator) -> Iterator[Any]:
    with connect(emulator) as made:
        yield made
        made.rollback()


@pytest.fixture
def table(request: pytest.FixtureRequest) -> str:
    return re.sub(r"\W", "_", request.node.name).lower()


@pytest.fixture
def bucket(emulator, request: pytest.FixtureRequest) -> Bucket:
    return Bucket(emulator, "clients/" + re.sub(r"\W+", "-", request.node.name))


@pytest.fixture
def frame() -> pd.DataFrame:
    return FRAME.copy()


def rows(connection: Any, table: str) -> list[list[Any]]:
    return ask(connection, f'SELECT id, name, amount FROM "{table}" ORDER BY id')


EXPECTED: list[list[Any]] = [[1, "a", 1.5], [2, "é", 2.5], [3, None, None]]
CHANGED = pd.DataFrame({"id": [3, 4], "name": ["c", "d"], "amount": [3.5, 4.5]})


def to_sql(connection: Any, table: str, frame: pd.DataFrame, **options: Any) -> None:
    awswrangler.redshift.to_sql(frame, connection, table, "public", **options)


@pytest.mark.parametrize("method", ["drop", "cascade", "truncate", "delete"])
def test_awswrangler_overwrites(connection, table, frame, method):
    for _ in range(2):
        # After TRUNCATE, awswrangler locks the table before it makes it.
        to_sql(connection, table, frame, mode="overwrite", overwrite_method=method, lock=method != "truncate")
    assert rows(connection, table) == EXPECTED


def test_awswrangler_appends(connection, table, frame):
    for _ in range(2):
        to_sql(connection, table, frame, mode="append", use_column_names=True, lock=True)
    assert len(rows(connection, table)) == 6


def test_awswrangler_upserts(connection, table, frame):
    design = {"primary_keys": ["id"], "diststyle": "KEY", "distkey": "id", "sortkey": ["id"]}
    to_sql(connection, table, frame, mode="upsert", **design)
    to_sql(connection, table, CHANGED.copy(), mode="upsert", **design)
    assert rows(connection, table) == [*EXPECTED[:2], [3, "c", 3.5], [4, "d", 4.5]]


def test_awswrangler_adds_columns(connection, table, frame):
    to_sql(connection, table, frame)
    to_sql(connection, table, frame.assign(more=7), add_new_columns=True, use_column_names=True)
    assert ask(connection, f"SELECT more, COUNT(*) FROM {table} GROUP BY 1 ORDER BY 1") == [[7, 3], [None, 3]]


@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert"])
def test_awswrangler_copies(emulator, connection, bucket, table, frame, mode):
    for part in (frame, CHANGED.copy()):
        awswrangler.redshift.copy(
            part,
            bucket.url("stage/"),
            connection,
            table,
            "public",
            iam_role=emulator.iam_role,
            mode=mode,
            primary_keys=["id"],
        )
    expected: dict[str, list[list[Any]]] = {
        "append": sorted([*EXPECTED, [3, "c", 3.5], [4, "d", 4.5]], key=lambda row: (row[0], str(row[1]))),
        "overwrite": [[3, "c", 3.5], [4, "d", 4.5]],
        "upsert": [*EXPECTED[:2], [3, "c", 3.5], [4, "d", 4.5]],
    }
    assert sorted(rows(connection, table), key=lambda row: (row[0], str(row[1]))) == expected[mode]


@pytest.mark.parametrize("manifest", [False, True])
def test_awswrangler_copies_files(emulator, connection, bucket, table, frame, manifest):
    path = bucket.url("data/a.parquet")
    awswrangler.s3.to_parquet(frame, path)
    source = bucket.url("data/")
    if manifest:
        size = awswrangler.s3.size_objects(path)[path]
        source = bucket.manifest([{"url": path, "mandatory": True, "meta": {"content_length": size}}])
    awswrangler.redshift.copy_from_files(
        source, connection, table, "public", iam_role=emulator.iam_role, manifest=manifest
    )
    assert rows(connection, table) == EXPECTED


def test_awswrangler_hears_a_refusal(emulator, connection, bucket, table, frame):
    path = bucket.url("data/a.parquet")
    awswrangler.s3.to_parquet(frame, path)
    ask(connection, f"CREATE TABLE {table} (id integer, name varchar(5), amount double precision)")
    connection.commit()
    with pytest.raises(redshift_connector.Error, match="incompatible Parquet schema for column 'id'"):
        awswrangler.redshift.copy_from_files(path, connection, table, "public", iam_role=emulator.iam_role)
    assert rows(connection, table) == []


# Airflow's operator, run as a task would run it.


@pytest.fixture
def operator(emulator, monkeypatch, tmp_path) -> Any:
    """S3ToRedshiftOperator with its two connections in the environment."""
    if "AIRFLOW_HOME" not in os.environ:  # read at the import; tests/dag has set one if it runs as well
        monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    transfers = pytest.importorskip("airflow.providers.amazon.aws.transfers.s3_to_redshift")
    made = {
        "conn_type": "redshift",
        "host": emulator.host,
        "port": emulator.port,
        "login": emulator.user,
        "password": emulator.password,
        "schema": emulator.database,
        "extra": {"sslmode": "verify-full"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_REDSHIFT", json.dumps(made))
    role = {"conn_type": "aws", "extra": {"role_arn": emulator.iam_role}}
    monkeypatch.setenv("AIRFLOW_CONN_S3", json.dumps(role))

    def run(table: str, bucket: Bucket, **options: Any) -> None:
        transfers.S3ToRedshiftOperator(
            task_id="copy",
            schema="public",
            table=table,
            s3_bucket=emulator.s3.bucket,
            s3_key=f"{bucket.folder}/a.parquet",
            redshift_conn_id="redshift",
            aws_conn_id="s3",
            copy_options=["FORMAT AS PARQUET"],
            **options,
        ).execute({})

    return run


@pytest.mark.parametrize("method", ["APPEND", "REPLACE", "UPSERT"])
def test_airflow_copies(connection, bucket, table, frame, operator, method):
    ask(connection, f"CREATE TABLE {table} (id bigint, name varchar(5), amount double precision)")
    ask(connection, f"INSERT INTO {table} VALUES (3, 'old', 0), (9, 'old', 0)")
    connection.commit()
    awswrangler.s3.to_parquet(frame, bucket.url("a.parquet"))
    operator(table, bucket, method=method, upsert_keys=["id"] if method == "UPSERT" else None)
    old = [[3, "old", 0.0], [9, "old", 0.0]]
    expected = {
        "APPEND": [*EXPECTED, *old],
        "REPLACE": EXPECTED,
        "UPSERT": [*EXPECTED, old[1]],
    }[method]
    assert sorted(map(str, rows(connection, table))) == sorted(map(str, expected))
