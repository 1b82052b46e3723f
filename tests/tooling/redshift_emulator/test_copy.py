"""COPY of Parquet by the Redshift emulator: what loads, and each way in which it must not."""

from __future__ import annotations

import datetime as dt
import io
import re
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redshift_connector

from redshift_emulator.emulator import Emulator
from tests.support.redshift import Bucket, ask, connect, error_of

SCHEMA = pa.schema(
    [
        ("id", pa.int32()),
        ("small", pa.int16()),
        ("big", pa.int64()),
        ("amount", pa.decimal128(8, 2)),
        ("name", pa.string()),
        ("day", pa.date32()),
        ("moment", pa.timestamp("us")),
        ("is_x", pa.bool_()),
        ("real", pa.float64()),
    ]
)
COLUMNS = (
    "id integer NOT NULL, small smallint, big bigint, amount numeric(8,2), name varchar(8), day date,"
    " moment timestamp, is_x boolean, real double precision"
)
GOOD: list[dict[str, Any]] = [
    {
        "id": 1,
        "small": -3,
        "big": 2**40,
        "amount": Decimal("12.34"),
        "name": "é\",\n'",
        "day": dt.date(2007, 5, 15),
        "moment": dt.datetime(2007, 5, 15, 23, 59, 59, 123456),
        "is_x": True,
        "real": 0.1,
    },
    {name: 2 if name == "id" else None for name in SCHEMA.names},
    dict.fromkeys(SCHEMA.names) | {"id": 3, "small": 0, "amount": Decimal("0.00"), "name": "", "is_x": False},
]


def frame(schema: pa.Schema = SCHEMA, **changed: Any) -> pa.Table:
    """The good rows, the first with some values changed."""
    return pa.Table.from_pylist([GOOD[0] | changed, *GOOD[1:]], schema=schema)


def with_type(name: str, kind: pa.DataType) -> pa.Table:
    """The good rows with one column of another type."""
    fields = [pa.field(field.name, kind if field.name == name else field.type) for field in SCHEMA]
    return pa.Table.from_pylist([{"id": row["id"]} for row in GOOD], schema=SCHEMA).cast(pa.schema(fields))


@pytest.fixture
def connection(emulator: Emulator) -> Iterator[Any]:
    with connect(emulator) as made:
        ask(made, f"CREATE TEMP TABLE loaded ({COLUMNS})")
        made.commit()
        yield made
        made.rollback()


@pytest.fixture
def bucket(emulator: Emulator, request: pytest.FixtureRequest) -> Bucket:
    return Bucket(emulator, "copy/" + re.sub(r"\W+", "-", request.node.name))


def count(connection: Any) -> int:
    return int(ask(connection, "SELECT COUNT(*) FROM loaded")[0][0])


def test_values_arrive_as_they_were(connection, bucket):
    source = bucket.manifest([bucket.put("a.parquet", frame())])
    with connection.cursor() as cursor:
        cursor.execute(bucket.copy("loaded", source, "MANIFEST"))
        assert cursor.rowcount == -1  # the driver asks no server 8.0.2 for it: so it is with a cluster
    assert b"3 record(s) loaded successfully" in connection.notices[-1][b"M"]
    assert ask(connection, "SELECT pg_last_copy_count()") == [[3]]
    assert ask(connection, "SELECT * FROM loaded ORDER BY id") == [list(row.values()) for row in GOOD]


def test_a_copy_is_part_of_its_transaction(emulator, connection, bucket):
    source = bucket.manifest([bucket.put("a.parquet", frame())])
    ask(connection, "CREATE TABLE seen_late (LIKE loaded)")
    ask(connection, bucket.copy("seen_late", source, "MANIFEST"))
    with connect(emulator) as other:
        assert error_of(other, "SELECT COUNT(*) FROM seen_late")["C"] == "42P01"
        connection.rollback()
        assert error_of(other, "SELECT COUNT(*) FROM seen_late")["C"] == "42P01"


def test_a_file_that_no_manifest_names_stays_out(connection, bucket):
    bucket.put("orphan.parquet", frame())
    source = bucket.manifest([bucket.put("a.parquet", frame()), bucket.put("b.parquet", frame(id=9))])
    ask(connection, bucket.copy("loaded", source, "MANIFEST"))
    assert count(connection) == 6


def test_a_prefix_takes_every_file_under_it(connection, bucket):
    for name in ("part-1", "part-2", "other"):
        bucket.put(name, frame())
    ask(connection, bucket.copy("loaded", bucket.url("part-")))
    assert count(connection) == 6


def test_columns_are_taken_by_position_and_not_by_name(connection, bucket):
    source = bucket.put("a.parquet", pa.table({"small": pa.array([7], pa.int32()), "id": ["x"]}))["url"]
    ask(connection, bucket.copy("loaded (id, name)", source))
    assert ask(connection, "SELECT id, name FROM loaded") == [[7, "x"]]


def test_dictionaries_and_large_strings_are_strings(connection, bucket):
    for number, kind in enumerate((pa.large_string(), pa.dictionary(pa.int32(), pa.string()))):
        values = pa.array(["x", "y", "x"]).cast(kind)
        source = bucket.put(
            f"{number}.parquet", pa.table({"id": pa.array([1, 2, 3], pa.int32()), "name": values})
        )["url"]
        ask(connection, bucket.copy("loaded (id, name)", source))
    assert count(connection) == 6


def test_more_rows_than_a_batch(connection, bucket):
    rows = 200_000
    source = bucket.put("a.parquet", pa.table({"id": pa.array(range(rows), pa.int32())}))["url"]
    ask(connection, bucket.copy("loaded (id)", source))
    assert ask(connection, "SELECT COUNT(DISTINCT id) FROM loaded") == [[rows]]


def encoded(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


BAD_FRAMES = {
    "a column is missing": (frame().drop_columns(["real"]), "Unmatched number of columns between table and file."),
    "a column too many": (frame().append_column("more", pa.array([1, 2, 3])), "Table columns: 9, Data columns: 10"),
    "columns in another order": (frame().select(["small", "id", *SCHEMA.names[2:]]), "column 'id'"),
    "a wider integer": (with_type("id", pa.int64()), "column 'id'. Column type: INTEGER, Parquet schema: opt"),
    "a narrower integer": (with_type("big", pa.int32()), "column 'big'"),
    "a small one as a plain integer": (with_type("small", pa.int32()), "column 'small'"),
    "another precision": (with_type("amount", pa.decimal128(9, 2)), "column 'amount'"),
    "another scale": (with_type("amount", pa.decimal128(8, 3)), "column 'amount'"),
    "money as a float": (with_type("amount", pa.float64()), "column 'amount'"),
    "nanoseconds": (encoded(with_type("moment", pa.timestamp("ns", "UTC"))), "column 'moment'"),
    "64 bits that are not marked as UTC": (encoded(frame()), "column 'moment'"),
    "a codec that AWS does not document": (
        encoded(frame(), compression="zstd", use_deprecated_int96_timestamps=True), "not documented: ZSTD"
    ),
    "a day as a timestamp": (with_type("day", pa.timestamp("us")), "column 'day'"),
    "a flag as a number": (with_type("is_x", pa.int32()), "column 'is_x'"),
    "a text as bytes": (with_type("name", pa.binary()), "column 'name'"),
    "nine bytes in eight characters": (frame(name="éxxxxxxx"), "the length defined in the table. Table: 8, Data: 9"),
    "no Parquet": (b"id,small\n1,2\n", "invalid Parquet file"),
}  # fmt: skip


@pytest.mark.parametrize("why", BAD_FRAMES)
def test_a_bad_file_loads_nothing_and_is_written_down(connection, bucket, why):
    bad, context = BAD_FRAMES[why]
    source = bucket.manifest([bucket.put("good.parquet", frame()), bucket.put("bad.parquet", bad)])
    ask(connection, "INSERT INTO loaded (id) VALUES (0)")
    connection.commit()
    error = error_of(connection, bucket.copy("loaded", source, "MANIFEST"))
    assert (error["C"], error["M"]) == ("XX000", "Spectrum Scan Error")
    assert "code:      15001" in error["D"]
    assert context in error["D"]
    assert count(connection) == 1
    recorded = ask(
        connection,
        "SELECT error_code, error_message FROM sys_load_error_detail WHERE file_name = %s",
        bucket.url("bad.parquet"),
    )
    assert [code for code, _ in recorded] == [15001]
    assert context in recorded[0][1]
    assert ask(
        connection, "SELECT COUNT(*) FROM stl_load_errors WHERE filename = %s", bucket.url("bad.parquet")
    ) == [[1]]


def test_null_where_the_table_has_none(connection, bucket):
    source = bucket.put("a.parquet", frame(id=None))["url"]
    error = error_of(connection, bucket.copy("loaded", source))
    assert error["M"] == "Cannot insert a NULL value into column id"
    assert count(connection) == 0


def test_int96_and_milliseconds_of_utc_load(connection, bucket):
    moments = pa.array([dt.datetime(2007, 5, 15, 12, 0, 0, 5000)], pa.timestamp("us"))
    table = pa.table({"id": pa.array([1], pa.int32()), "moment": moments})
    bucket.put("p-96.parquet", table)
    bucket.put(
        "p-ms.parquet", encoded(table.set_column(1, "moment", moments.cast(pa.timestamp("ms", "UTC"))))
    )
    ask(connection, bucket.copy("loaded (id, moment)", bucket.url("p-")))
    assert ask(connection, "SELECT DISTINCT moment FROM loaded") == [[moments[0].as_py()]]


def test_a_manifest_is_compared_with_its_files(connection, bucket):
    entry = bucket.put("a.parquet", frame())
    gone = {"url": bucket.url("gone.parquet"), "mandatory": True, "meta": {"content_length": 9}}
    wrong = {
        "without content_length": ([{"url": entry["url"], "mandatory": True}], "content_length"),
        "a length that does not fit": ([entry | {"meta": {"content_length": 5}}], "content_length 5"),
        "a mandatory file is missing": ([entry, gone], "not found"),
        "all files are missing": ([gone | {"mandatory": False}], "no file of"),
        "no address": ([{"url": "a.parquet", "meta": {"content_length": 1}}], "needs a url"),
    }
    for why, (entries, message) in wrong.items():
        error = error_of(connection, bucket.copy("loaded", bucket.manifest(entries), "MANIFEST"))
        assert error["C"] == "XX000", why
        assert message in error["M"] + error.get("D", ""), why
    bucket.put("broken.manifest", b"{")
    assert (
        "not JSON"
        in error_of(connection, bucket.copy("loaded", bucket.url("broken.manifest"), "MANIFEST"))["M"]
    )
    ask(connection, bucket.copy("loaded", bucket.manifest([entry, gone | {"mandatory": False}]), "MANIFEST"))
    assert count(connection) == 3


def test_what_is_not_there_cannot_be_copied(emulator, connection, bucket):
    assert "does not exist" in error_of(connection, bucket.copy("loaded", bucket.url("nothing")))["M"]
    missing = bucket.copy("loaded", bucket.url("m.manifest"), "MANIFEST")
    assert "NoSuchKey" in error_of(connection, missing)["M"]
    elsewhere = bucket.copy("loaded", "s3://no-such-bucket-of-ours/key")
    assert "NoSuchBucket" in error_of(connection, elsewhere)["M"]
    bucket.put("a.parquet", frame())
    assert error_of(connection, bucket.copy("nowhere", bucket.url("a.parquet")))["C"] == "42P01"
    assert error_of(connection, bucket.copy("loaded (nothing)", bucket.url("a.parquet")))["C"] == "42703"


def test_who_may_read(emulator, connection, bucket):
    source = bucket.put("a.parquet", frame())["url"]
    other = f"COPY loaded FROM '{source}' IAM_ROLE 'arn:aws:iam::123456789012:role/other' PARQUET"
    assert "not authorized to assume IAM Role" in error_of(connection, other)["M"]
    keys = f"ACCESS_KEY_ID '{emulator.s3.access_key_id}' SECRET_ACCESS_KEY '{emulator.s3.secret_access_key}'"
    assert "IAM_ROLE" in error_of(connection, f"COPY loaded FROM '{source}' {keys} PARQUET")["H"]
    chain = f"IAM_ROLE 'arn:aws:iam::123456789012:role/first,{emulator.iam_role}'"
    for credentials in ("IAM_ROLE default", f"CREDENTIALS 'aws_iam_role={emulator.iam_role}'", chain):
        ask(connection, f"COPY loaded FROM '{source}' {credentials} FORMAT PARQUET")
    assert count(connection) == 9


def test_a_stranger_does_not_reach_the_bucket(emulator, bucket):
    import boto3
    from botocore.exceptions import ClientError

    stranger = boto3.client(
        "s3",
        endpoint_url=emulator.s3.endpoint,
        aws_access_key_id="AKIASTRANGER",
        aws_secret_access_key="x",
        region_name="us-east-1",
    )
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        stranger.list_objects_v2(Bucket=emulator.s3.bucket)


def test_keys_in_copy_where_they_are_allowed(server, tmp_path, monkeypatch):
    with Emulator(server, "redshift", tmp_path / "em", keys_in_copy=True) as open_one:
        monkeypatch.setenv("SSL_CERT_FILE", str(open_one.ca_file))
        bucket = Bucket(open_one, "keys")
        source = bucket.put("a.parquet", frame())["url"]
        with connect(open_one) as made:
            ask(made, f"CREATE TEMP TABLE loaded ({COLUMNS})")
            made.commit()
            keys = "ACCESS_KEY_ID '{}' SECRET_ACCESS_KEY '{}'"
            right = keys.format(open_one.s3.access_key_id, open_one.s3.secret_access_key)
            wrong = keys.format(open_one.s3.access_key_id, "wrong")
            assert "InvalidAccessKeyId" in error_of(made, f"COPY loaded FROM '{source}' {wrong} PARQUET")["M"]
            ask(made, f"COPY loaded FROM '{source}' {right} PARQUET")
            assert count(made) == 3


def test_s3_may_fail_or_be_slow(emulator, connection, bucket):
    source = bucket.manifest([bucket.put("a.parquet", frame())])
    emulator.faults.s3_fails(20)
    try:
        assert (
            "Status 503,Error SlowDown"
            in error_of(connection, bucket.copy("loaded", source, "MANIFEST"))["M"]
        )
    finally:
        emulator.faults.s3_fails(0)
    emulator.faults.s3_fails(1)  # the cluster tries again by itself
    ask(connection, bucket.copy("loaded", source, "MANIFEST"))
    emulator.faults.s3_slow(1, 0.5)
    begin = time.monotonic()
    ask(connection, bucket.copy("loaded", source, "MANIFEST"))
    assert time.monotonic() - begin >= 0.5
    assert count(connection) == 6


def test_two_copies_into_one_table_wait_for_each_other(emulator, connection, bucket):
    source = bucket.put("a.parquet", frame())["url"]
    ask(connection, f"CREATE TABLE twice ({COLUMNS})")
    connection.commit()
    ask(connection, bucket.copy("twice", source))
    with connect(emulator) as other:
        ask(other, "SET statement_timeout TO 300")
        assert error_of(other, bucket.copy("twice", source))["C"] == "57014"
        connection.commit()
        ask(other, bucket.copy("twice", source))
        other.commit()
    assert ask(connection, "SELECT COUNT(*) FROM twice") == [[6]]


def test_a_failed_transaction_takes_no_copy(connection, bucket):
    source = bucket.put("a.parquet", frame())["url"]
    with pytest.raises(redshift_connector.Error):
        ask(connection, "SELECT 1 / 0")
    assert error_of(connection, bucket.copy("loaded", source))["C"] == "25P02"


def test_pyarrow_writes_what_the_test_means():
    sink = io.BytesIO()
    pq.write_table(frame(), sink)
    assert pq.ParquetFile(sink).schema_arrow.equals(SCHEMA)
