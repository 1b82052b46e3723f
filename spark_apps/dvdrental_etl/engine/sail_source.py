"""Reads PostgreSQL into Sail: a Python data source on ADBC, each partition on a connection that joins the snapshot."""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa
from adbc_driver_postgresql import dbapi
from psycopg2.extensions import make_dsn
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

from dvdrental_etl.db.names import quoted
from dvdrental_etl.engine.base import TableRead
from dvdrental_etl.engine.sail_batches import at_most_16
from dvdrental_etl.model.contract import digits_of
from dvdrental_etl.model.source_tables import SourceTable

T = TypeVar("T")
#: Declared type -> as Arrow; a decimal has its precision beside.
ARROW = {
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "array<string>": pa.list_(pa.string()),
}

#: Every whole number of so many digits is a bigint.
DIGITS_OF_BIGINT = 18

_kept: dict[int, Any] = {}
_numbers = itertools.count(1)


def keep(value: object) -> int:
    """Keep a value for Sail's workers, which are threads of this process; its number."""
    number = next(_numbers)
    _kept[number] = value
    return number


def kept(number: int) -> Any:
    """The value of this number."""
    return _kept[number]


@dataclass(frozen=True)
class Read:
    """A table to read: where, how a connection joins the snapshot, one query a partition, how long rows may take."""

    libpq: Mapping[str, Any] = field(repr=False)
    join: Sequence[str]
    queries: Sequence[str]
    schema: pa.Schema
    seconds: float


def arrow_schema(table: SourceTable) -> pa.Schema:
    """The columns as Arrow types."""

    def of(declared: str, precision: str) -> pa.DataType:
        if declared == "decimal":
            digits, scale = digits_of(precision)
            return pa.decimal128(digits + 1, scale)  # its sentinel has a digit more
        return ARROW[declared]

    return pa.schema([(name, of(*declared)) for name, declared in table.types.items()])


def statements(read: TableRead) -> list[str]:
    """One query a partition. Casts and sentinels as on Spark; days stay days."""
    columns = ", ".join(f"{_sent(read.table, name)} AS {quoted(name)}" for name in read.table.types)
    names = ", ".join(map(quoted, read.table.types))
    inner = f"SELECT {columns}, {quoted(read.table.key)} AS stored_key FROM {read.name}"
    return [f"SELECT {names} FROM ({inner}) AS t WHERE {part}" for part in read.predicates]


def _sent(table: SourceTable, name: str) -> str:
    """A column as the source sends it. ADBC makes text of a numeric, so a short one comes as a whole number."""
    declared, precision = table.types[name]
    expression = table.expression(name)
    if declared == "decimal":
        digits, scale = digits_of(precision)
        if digits < DIGITS_OF_BIGINT:  # its sentinel has a digit more
            return f"CAST({expression} * {10**scale} AS int8)"
    return expression


def _received(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """A column as declared. A cast that would round is an error."""
    if pa.types.is_decimal(kind) and pa.types.is_integer(column.type):  # _sent() has moved the point
        whole = column.cast(pa.decimal128(DIGITS_OF_BIGINT + 1))
        return pa.Array.from_buffers(kind, len(whole), whole.buffers(), offset=whole.offset)
    return column.cast(kind)


class PostgresRead(DataSource):
    """The table whose Read is kept under the number in the option `read`."""

    @classmethod
    def name(cls) -> str:
        """As session.read.format() names it."""
        return "dvdrental_postgres"

    def schema(self) -> Any:
        """As Arrow: Sail takes it as it is."""
        return kept(int(self.options["read"])).schema

    def reader(self, schema: Any) -> "PartitionReader":  # noqa: ARG002
        """Reads each partition."""
        return PartitionReader(int(self.options["read"]))


class PartitionReader(DataSourceReader):
    """Reads the partitions of a Read, known by its number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def partitions(self) -> Sequence[InputPartition]:
        """One for each query."""
        return [InputPartition(query) for query in kept(self.number).queries]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The rows of one query, batch by batch. Raises TimeoutError, and ADBC's errors."""
        read: Read = kept(self.number)
        batches = _batches(read, partition.value)
        yield from at_most_16(iter(partial(_within, read.seconds, partial(next, batches, None)), None))


def _batches(read: Read, query: str) -> Iterator[pa.RecordBatch]:
    with dbapi.connect(make_dsn(**read.libpq), autocommit=True) as connection, connection.cursor() as cursor:
        for statement in read.join:
            cursor.execute(statement)
        cursor.execute(query)
        for batch in cursor.fetch_record_batch():
            columns = [_received(one, to.type) for one, to in zip(batch.columns, read.schema, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, schema=read.schema)


def _within(seconds: float, call: Callable[[], T]) -> T:
    """The result of a call. Raises TimeoutError after so long, and leaves the call alone.

    libpq waits for ever where something on the way goes on to acknowledge what it sends.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError:
        raise TimeoutError(f"no row for {seconds} s: the network or the server has become silent") from None
