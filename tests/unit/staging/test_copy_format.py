"""Rows in the binary format of COPY. The bytes are written by hand, by PostgreSQL's description of the format."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa

from dvdrental_etl.staging.copy_format import decoded, encoded, is_fixed, timestamps

AMOUNT = pa.decimal128(5, 2)


def test_a_value_of_each_type() -> None:
    batch = pa.RecordBatch.from_pydict(
        {
            "small": pa.array([-2], pa.int16()),
            "int": pa.array([20070514], pa.int32()),
            "big": pa.array([2**40 + 3], pa.int64()),
            "flag": pa.array([True]),
            "day": pa.array([dt.date(2000, 1, 2)]),
            "moment": pa.array([dt.datetime(1999, 12, 31, 23, 59, 59, 999_999)], pa.timestamp("us")),
            "amount": pa.array([Decimal("-123.45")], AMOUNT),
        }
    )
    assert is_fixed(batch.schema)
    assert b"".join(encoded(batch)).hex(" ", -4) == bytes.fromhex(
        "0007"
        "00000002 fffe"
        "00000004 01324072"
        "00000008 0000010000000003"
        "00000001 01"
        "00000004 00000001"
        "00000008 ffffffffffffffff"
        "0000000c 0002 0000 4000 0002 007b 1194"
    ).hex(" ", -4)


def test_rows_that_lack_a_value_keep_their_others() -> None:
    batch = pa.RecordBatch.from_pydict(
        {"key": pa.array([1, 2, 3], pa.int16()), "rental": pa.array([7, None, 9], pa.int16())}
    )
    one, other = encoded(batch)
    assert one == bytes.fromhex("0002 00000002 0001 00000002 0007  0002 00000002 0003 00000002 0009")
    assert other == bytes.fromhex("0002 00000002 0002 ffffffff")


def test_a_slice_of_a_batch_is_read_from_its_offset() -> None:
    """A filtered or sliced batch shares buffers with the whole one."""
    amounts = pa.array([Decimal("1.00"), Decimal("2.50"), Decimal("3.07")], AMOUNT)
    batch = pa.RecordBatch.from_pydict({"amount": amounts}).slice(1, 1)
    assert b"".join(encoded(batch)) == bytes.fromhex("0001 0000000c 0002 0000 0000 0002 0002 1388")


def test_no_rows_are_no_block() -> None:
    assert list(encoded(pa.RecordBatch.from_pydict({"key": pa.array([], pa.int32())}))) == []


def test_text_and_large_money_have_no_fixed_width() -> None:
    assert not is_fixed(pa.schema([("name", pa.string())]))
    assert not is_fixed(pa.schema([("amount", pa.decimal128(12, 2))]))
    assert not is_fixed(pa.schema([("rate", pa.decimal128(5, 3))]))
    assert not is_fixed(pa.schema([("moment", pa.timestamp("ns"))]))


def test_what_copy_wrote_is_read_column_by_column() -> None:
    copied = bytes.fromhex(
        "5047434f50590aff0d0a00 00000000 00000000"
        "0002 00000008 0000000000000005 00000008 fffffffffffffffe"
        "0002 00000008 0000010000000003 00000008 00000000000f4240"
        "ffff"
    )
    found = decoded(copied, ("key", "valid_from"))
    assert {name: values.tolist() for name, values in found.items()} == {
        "key": [5, 2**40 + 3],
        "valid_from": [-2, 1_000_000],
    }


def test_an_empty_table_has_empty_columns() -> None:
    found = decoded(bytes.fromhex("5047434f50590aff0d0a00 00000000 00000000 ffff"), ("key",))
    assert found["key"].tolist() == []


def test_timestamps_count_from_2000() -> None:
    column = pa.array(
        [dt.datetime(2000, 1, 1, 0, 0, 1), dt.datetime(1999, 12, 31, 23, 59, 59)], pa.timestamp("us")
    )
    assert timestamps(column).tolist() == [1_000_000, -1_000_000]
