"""Rows enter PostgreSQL by COPY: from the process where Spark has them, or within the driver's own transaction."""

import io
import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dvdrental_etl.db import postgres, settings
from dvdrental_etl.limits import DEFAULT_LIMITS, Limits
from dvdrental_etl.model.targets import Lookup
from dvdrental_etl.staging import copy_format
from dvdrental_etl.staging.send import Outgoing, staged
from dvdrental_etl.staging.surrogate_keys import Keying, Versions

if TYPE_CHECKING:
    import pyarrow as pa
    from psycopg2.extensions import cursor as PostgresCursor

    from dvdrental_etl.staging.results import Staged

APPLICATION = "dvdrental-etl stage"
COPY_BUFFER = 1 << 20  # bytes


@dataclass(frozen=True)
class CopyTarget:
    """Where executors COPY to. libpq holds a password: it travels in the task's own bytes and is never shown."""

    libpq: dict[str, Any]
    statement: str
    limits: Limits = DEFAULT_LIMITS

    def __repr__(self) -> str:
        return f"CopyTarget({self.statement!r})"


@dataclass(frozen=True)
class KeyedTarget:
    """Where facts go: with their surrogate keys to the new partition; without, if a member is missing, to staging."""

    partition: CopyTarget
    staging: CopyTarget


def stage(outgoing: Outgoing, copy_to: CopyTarget) -> "Staged":
    """COPY a frame's good rows into staging, one transaction a task."""

    def sink(rows: Iterator["pa.RecordBatch"]) -> Iterator[Mapping[str, Any]]:
        copy_rows(rows, copy_to)
        return iter(())

    return staged(outgoing.send(sink), outgoing.target)


def stage_keyed(outgoing: Outgoing, keying: Keying, to: KeyedTarget) -> "Staged":
    """COPY a frame's facts, with surrogate keys, into the new partition; facts without a member into staging."""
    shared = outgoing.share(keying)

    def sink(rows: Iterator["pa.RecordBatch"]) -> Iterator[Mapping[str, Any]]:
        return _copy_keyed(rows, shared(), to)

    return staged(outgoing.send(sink), outgoing.target)


def stage_in_transaction(outgoing: Outgoing, read: Callable[[io.BufferedReader], None]) -> "Staged":
    """Hand the frame's CSV to `read` in this process: for a dry run, which must not leave its own transaction.

    Raises what making the rows raised: psycopg2 would say that its COPY failed, which is the warehouse's fault.
    """
    receipts: list[Any] = []
    failures: list[Exception] = []

    def sink(rows: Iterator["pa.RecordBatch"]) -> Iterator[Mapping[str, Any]]:
        return ({"csv": chunk} for chunk in _csv(rows))

    def chunks() -> Iterator[bytes]:
        try:
            for receipt in outgoing.send_task_by_task(sink):
                receipts.append(receipt)
                if receipt.csv is not None:
                    yield bytes(receipt.csv)
        except Exception as failure:
            failures.append(failure)
            raise

    try:
        read(_as_file(chunks()))
    except Exception:
        if not failures:
            raise
    if failures:
        raise failures[0]
    return staged(receipts, outgoing.target)


def _copy_keyed(
    batches: Iterator["pa.RecordBatch"], keying: Keying, to: KeyedTarget
) -> Iterator[Mapping[str, Any]]:
    """Runs in an executor. Facts without a member are few, unless a dimension was never loaded: they wait on disk."""
    import pyarrow as pa

    count = 0
    with tempfile.TemporaryFile() as waiting:
        writers: list[pa.RecordBatchStreamWriter] = []

        def with_keys() -> Iterator[pa.RecordBatch]:
            nonlocal count
            for batch in batches:
                found, missing = keying.with_keys(batch)
                if missing.num_rows:
                    if not writers:
                        writers.append(pa.ipc.new_stream(waiting, missing.schema))
                    writers[0].write_batch(missing)
                count += found.num_rows
                if found.num_rows:
                    yield found

        copy_rows(with_keys(), to.partition)
        if writers:
            writers[0].close()
            waiting.seek(0)
            copy_rows(iter(pa.ipc.open_stream(waiting)), to.staging)
    yield {"keyed": count}


def read_versions(cursor: "PostgresCursor", lookup: Lookup) -> Versions:
    """All versions of a dimension's members."""
    columns = "keys", "natural_keys", "valid_from", "valid_to"
    copied = io.BytesIO()
    rows = (
        f"SELECT CAST({lookup.key} AS bigint), CAST({lookup.natural_key} AS bigint), valid_from, valid_to"
        f" FROM {lookup.dimension}"
    )
    cursor.copy_expert(f"COPY ({rows}) TO STDOUT (FORMAT binary)", copied, size=COPY_BUFFER)
    found = copy_format.decoded(copied.getbuffer(), columns)
    return Versions.of(
        keys=found["keys"],
        natural_keys=found["natural_keys"],
        valid_from=found["valid_from"],
        valid_to=found["valid_to"],
    )


def copy_rows(batches: Iterator["pa.RecordBatch"], copy_to: CopyTarget) -> None:
    """COPY Arrow batches: one COPY, one transaction, so that a task that is killed leaves nothing."""
    first = next(batches, None)
    if first is None:  # an empty partition needs no connection
        return
    form, chunks = _encoded(first, itertools.chain([first], batches))
    connection = postgres.connect(copy_to.libpq, APPLICATION, copy_to.limits)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(settings.of_transaction(connection.server_version))
            cursor.copy_expert(f"{copy_to.statement} (FORMAT {form})", _as_file(chunks), size=COPY_BUFFER)
    finally:
        connection.close()


def copy_csv(cursor: "PostgresCursor", statement: str) -> Callable[[io.BufferedReader], None]:
    """A reader for stage_in_transaction() that runs COPY on an open cursor."""
    return lambda file: cursor.copy_expert(f"{statement} (FORMAT csv)", file, size=COPY_BUFFER)


def _encoded(example: "pa.RecordBatch", batches: Iterator["pa.RecordBatch"]) -> tuple[str, Iterator[bytes]]:
    """The format of COPY that suits rows like the example, and the rows in that format."""
    if not copy_format.is_fixed(example.schema):
        return "csv", _csv(batches)
    blocks = itertools.chain.from_iterable(map(copy_format.encoded, batches))
    return "binary", itertools.chain([copy_format.HEADER], blocks, [copy_format.TRAILER])


def _csv(batches: Iterator["pa.RecordBatch"]) -> Iterator[bytes]:
    """Runs in an executor: a batch as COPY reads it. NULL is nothing, an empty string is quoted."""
    from pyarrow import csv

    options = csv.WriteOptions(include_header=False)
    for batch in batches:
        buffer = io.BytesIO()
        csv.write_csv(batch, buffer, options)
        yield buffer.getvalue()


def _as_file(chunks: Iterator[bytes]) -> io.BufferedReader:
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

    return io.BufferedReader(Chunks(), buffer_size=COPY_BUFFER)
