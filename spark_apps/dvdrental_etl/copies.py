"""Rows enter PostgreSQL by COPY: straight from the executors, or through this process into its own transaction."""

import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dvdrental_etl import staging
from dvdrental_etl.staging import Staged
from dvdrental_etl.targets import Target

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


def stage(frame: "DataFrame", target: Target, copy_to: CopyTarget) -> Staged:
    """COPY the frame into staging from the executors, one transaction a task."""

    def sink(rows: Iterator["pa.RecordBatch"]) -> Iterator[Mapping[str, Any]]:
        copy_rows(rows, copy_to)
        return iter(())

    return staging.staged(staging.send(frame, target, sink), target)


def copy_rows(batches: Iterator["pa.RecordBatch"], copy_to: CopyTarget) -> None:
    """COPY Arrow batches into staging, in one transaction."""
    _copy(_csv(batches), copy_to)


def stream(frame: "DataFrame", target: Target, take: Callable[[io.BufferedReader], None]) -> Staged:
    """Hand the frame's CSV to `take` in this process: for a dry run, which must not leave its own transaction."""
    receipts: list[Any] = []

    def sink(rows: Iterator["pa.RecordBatch"]) -> Iterator[Mapping[str, Any]]:
        return ({"csv": chunk} for chunk in _csv(rows))

    def chunks() -> Iterator[bytes]:
        for receipt in staging.send_here(frame, target, sink):
            receipts.append(receipt)
            if receipt.csv is not None:
                yield bytes(receipt.csv)

    take(_reader(chunks()))
    return staging.staged(receipts, target)


def _csv(batches: Iterator["pa.RecordBatch"]) -> Iterator[bytes]:
    """Runs in an executor: a batch as COPY reads it; NULL is nothing, an empty string is quoted."""
    from pyarrow import csv

    options = csv.WriteOptions(include_header=False)
    for batch in batches:
        buffer = io.BytesIO()
        csv.write_csv(batch, buffer, options)
        yield buffer.getvalue()


def _copy(chunks: Iterator[bytes], copy_to: CopyTarget) -> None:
    """One COPY, one transaction: a task that fails or is killed leaves nothing behind."""
    import psycopg2

    first = next(chunks, None)
    if first is None:  # an empty partition needs no connection
        return
    connection = psycopg2.connect(**copy_to.libpq, connect_timeout=10, application_name="dvdrental-etl stage")
    try:
        with connection, connection.cursor() as cursor:
            cursor.copy_expert(copy_to.statement, _reader(itertools.chain([first], chunks)), size=1 << 20)
    finally:
        connection.close()


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
