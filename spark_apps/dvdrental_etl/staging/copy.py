"""Rows enter PostgreSQL by COPY: straight from where Spark has them, or by this process's own transaction."""

import io
import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dvdrental_etl.model.targets import Fact, Lookup, Target
from dvdrental_etl.staging import copy_format, send
from dvdrental_etl.staging.send import Staged
from dvdrental_etl.staging.surrogate_keys import Keying, Versions

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class CopyTarget:
    """Where executors COPY to. libpq holds a password: it travels in the task's own bytes and is never shown."""

    libpq: dict[str, Any]
    statement: str

    def __repr__(self) -> str:
        return f"CopyTarget({self.statement!r})"


@dataclass(frozen=True)
class KeyedTarget:
    """Where facts go: with their keys to the table to come, or to staging, as they are."""

    live: CopyTarget
    early: CopyTarget


def stage(frame: "DataFrame", target: Target, copy_to: CopyTarget, expected: int) -> Staged:
    """COPY the frame, of about so many rows, into staging, one transaction a task."""

    def sink(rows: Iterator["pa.RecordBatch"]) -> Iterator[Mapping[str, Any]]:
        copy_rows(rows, copy_to)
        return iter(())

    return send.staged(send.send(send.judged(frame, target), target, sink, expected), target)


def stage_keyed(frame: "DataFrame", target: Fact, keying: Keying, to: KeyedTarget, expected: int) -> Staged:
    """COPY the frame's facts, with surrogate keys, into the table to come; early ones into staging, as they are."""
    known = frame.sparkSession.sparkContext.broadcast(keying)

    def sink(rows: Iterator["pa.RecordBatch"]) -> Iterator[Mapping[str, Any]]:
        return _copy_keyed(rows, known.value, to)

    return send.staged(send.send(send.judged(frame, target), target, sink, expected), target)


def _copy_keyed(
    batches: Iterator["pa.RecordBatch"], keying: Keying, to: KeyedTarget
) -> Iterator[Mapping[str, Any]]:
    """Runs in an executor. Early facts are few, but for a dimension that was never loaded: they wait on disk."""
    import pyarrow as pa

    count = 0
    with tempfile.TemporaryFile() as waiting:
        writers: list[pa.RecordBatchStreamWriter] = []

        def known() -> Iterator[pa.RecordBatch]:
            nonlocal count
            for batch in batches:
                found, early = keying.keyed(batch)
                if early.num_rows:
                    if not writers:
                        writers.append(pa.ipc.new_stream(waiting, early.schema))
                    writers[0].write_batch(early)
                count += found.num_rows
                if found.num_rows:
                    yield found

        copy_rows(known(), to.live)
        if writers:
            writers[0].close()
            waiting.seek(0)
            copy_rows(iter(pa.ipc.open_stream(waiting)), to.early)
    yield {"keyed": count}


def read_versions(cursor: Any, lookup: Lookup) -> Versions:
    """All versions of a dimension's members."""
    columns = "keys", "natural_keys", "valid_from", "valid_to"
    copied = io.BytesIO()
    rows = (
        f"SELECT CAST({lookup.key} AS bigint), CAST({lookup.natural_key} AS bigint), valid_from, valid_to"  # noqa: S608
        f" FROM {lookup.dimension}"
    )
    cursor.copy_expert(f"COPY ({rows}) TO STDOUT (FORMAT binary)", copied, size=1 << 20)
    return Versions.of(**copy_format.decoded(copied.getbuffer(), columns))


def copy_rows(batches: Iterator["pa.RecordBatch"], copy_to: CopyTarget) -> None:
    """COPY Arrow batches into staging: one COPY, one transaction, so that a task that is killed leaves nothing."""
    import psycopg2

    first = next(batches, None)
    if first is None:  # an empty partition needs no connection
        return
    form, chunks = _in_its_format(first, itertools.chain([first], batches))
    connection = psycopg2.connect(**copy_to.libpq, connect_timeout=10, application_name="dvdrental-etl stage")
    try:
        with connection, connection.cursor() as cursor:
            cursor.copy_expert(f"{copy_to.statement} (FORMAT {form})", _reader(chunks), size=1 << 20)
    finally:
        connection.close()


def _in_its_format(
    example: "pa.RecordBatch", batches: Iterator["pa.RecordBatch"]
) -> tuple[str, Iterator[bytes]]:
    """The format of COPY that suits rows like these, and the rows in it."""
    if not copy_format.is_fixed(example.schema):
        return "csv", _csv(batches)
    blocks = itertools.chain.from_iterable(map(copy_format.encoded, batches))
    return "binary", itertools.chain([copy_format.HEADER], blocks, [copy_format.TRAILER])


def stream(
    frame: "DataFrame", target: Target, take: Callable[[io.BufferedReader], None], expected: int
) -> Staged:
    """Hand the frame's CSV to `take` in this process: for a dry run, which must not leave its own transaction."""
    receipts: list[Any] = []

    def sink(rows: Iterator["pa.RecordBatch"]) -> Iterator[Mapping[str, Any]]:
        return ({"csv": chunk} for chunk in _csv(rows))

    def chunks() -> Iterator[bytes]:
        for receipt in send.send_one_by_one(send.judged(frame, target), target, sink, expected):
            receipts.append(receipt)
            if receipt.csv is not None:
                yield bytes(receipt.csv)

    take(_reader(chunks()))
    return send.staged(receipts, target)


def _csv(batches: Iterator["pa.RecordBatch"]) -> Iterator[bytes]:
    """Runs in an executor: a batch as COPY reads it; NULL is nothing, an empty string is quoted."""
    from pyarrow import csv

    options = csv.WriteOptions(include_header=False)
    for batch in batches:
        buffer = io.BytesIO()
        csv.write_csv(batch, buffer, options)
        yield buffer.getvalue()


def _reader(chunks: Iterator[bytes]) -> io.BufferedReader:
    """Chunks of bytes as the file that COPY reads."""

    class Chunks(io.RawIOBase):
        rest = memoryview(b"")

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            while not self.rest:
                following = next(chunks, None)
                if following is None:
                    return 0
                self.rest = memoryview(following)
            taken = min(len(buffer), len(self.rest))
            buffer[:taken], self.rest = self.rest[:taken], self.rest[taken:]
            return taken

    return io.BufferedReader(Chunks(), buffer_size=1 << 20)
