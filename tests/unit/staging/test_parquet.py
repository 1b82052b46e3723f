"""Parquet files for COPY: how many, how equal, and how much of a task's rows waits in memory."""

import datetime as dt
import io
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dvdrental_etl.staging import parquet

MEGABYTE = 1024 * 1024


def batches(rows, size=20_000):
    """Rows of 8 random bytes each, which no compression makes smaller, in batches as Spark sends them."""
    noise = pa.Array.from_buffers(pa.int64(), rows, [None, pa.py_buffer(Random(1).randbytes(8 * rows))])
    return pa.table({"noise": noise}).to_batches(max_chunksize=size)


def written(rows, slices, held_bytes=64 * MEGABYTE):
    bodies = [
        body
        for table in parquet._tables(iter(batches(rows)), held_bytes)
        for body in parquet._fitted(table, slices, MEGABYTE)
    ]
    if bodies:
        found = pa.concat_tables([pq.read_table(io.BytesIO(body)) for body in bodies])
        assert found.equals(pa.Table.from_batches(batches(rows))), "each row once"
    return [len(body) for body in bodies]


@pytest.mark.parametrize(
    ("rows", "slices", "count"),
    [
        (10, 16, 1),  # next to nothing
        (200_000, 16, 1),  # 1.6 MB: two files would be too small
        (400_000, 16, 2),  # 3 MB: one for eight slices
        (1_500_000, 16, 8),  # 12 MB: enough for 8, not for 16
        (2_500_000, 16, 16),
        (1_500_000, 2, 2),
        (1_500_000, 4, 4),
        (1_500_000, 6, 6),
        (500_000, 6, 3),  # 4 MB and its dictionaries: not a file for each slice, so one for two
        (1_500_000, 1, 1),
    ],
)
def test_files_are_as_many_as_slices_or_a_part_of_that_and_equal(rows, slices, count):
    lengths = written(rows, slices)
    assert len(lengths) == count
    assert count == 1 or min(lengths) >= MEGABYTE
    assert max(lengths) <= 1.1 * min(lengths)


def test_more_rows_than_memory_holds_come_in_rounds_and_the_last_is_no_small_rest():
    # 160,000 bytes a batch: a round is full after 14 batches, and 43 batches are three rounds and one batch more.
    tables = [table.num_rows for table in parquet._tables(iter(batches(43 * 20_000)), 2 * MEGABYTE)]
    assert tables == [280_000, 280_000, 300_000]
    assert len(written(43 * 20_000, 2, 2 * MEGABYTE)) == 6


def test_timestamps_are_96_bits_and_the_codec_is_snappy():
    # What Spark and AWS's SDK for pandas write. COPY has read 64 bits without a zone as other ones.
    moments = pa.array([dt.datetime(1850, 1, 2, 3, 4, 5, 678901), None], pa.timestamp("us"))
    body = parquet._encoded(pa.table({"moment": moments}))
    file = pq.ParquetFile(io.BytesIO(body), coerce_int96_timestamp_unit="us")
    assert file.schema.column(0).physical_type == "INT96"
    assert file.metadata.row_group(0).column(0).compression == "SNAPPY"
    assert file.read()["moment"].combine_chunks() == moments


def test_no_rows_make_no_file():
    assert written(0, 16) == []


def test_what_waits_is_bounded():
    taken = 0

    def endless():
        nonlocal taken
        for batch in batches(1_000_000):
            taken += batch.nbytes
            yield batch

    given = 0
    for table in parquet._tables(endless(), 2 * MEGABYTE):
        given += table.nbytes
        assert taken - given < 2 * (2 * MEGABYTE + 20_000 * 8)
