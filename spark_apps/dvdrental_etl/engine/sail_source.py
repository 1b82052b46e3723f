"""Reads PostgreSQL into Sail: a Python data source on ADBC, each partition on a connection that joins the snapshot."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from adbc_driver_postgresql import dbapi
from psycopg2.extensions import make_dsn
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

from dvdrental_etl.db.names import quoted
from dvdrental_etl.engine.base import TableRead

PLAIN = {
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "array<string>": pa.list_(pa.string()),
}


@dataclass(frozen=True)
class Read:
    """A table to read: where, how a connection joins the snapshot, one query a partition, and the columns."""

    libpq: Mapping[str, Any] = field(repr=False)
    join: str
    queries: Sequence[str]
    types: Mapping[str, tuple[str, str]]

    @property
    def schema(self) -> pa.Schema:
        """The columns as Arrow types."""
        return pa.schema([(name, _arrow(*declared)) for name, declared in self.types.items()])


def _arrow(declared: str, precision: str) -> pa.DataType:
    if declared == "decimal":
        return pa.decimal128(*map(int, precision.strip("()").split(",")))
    return PLAIN[declared]


def statements(read: TableRead) -> list[str]:
    """One query a partition. Casts and marks as the Spark reader has them; days stay days."""
    columns = ", ".join(f"{read.table.expression(name)} AS {quoted(name)}" for name in read.table.types)
    names = ", ".join(map(quoted, read.table.types))
    inner = f"SELECT {columns}, {quoted(read.table.key)} AS stored_key FROM {read.name}"
    return [f"SELECT {names} FROM ({inner}) AS t WHERE {part}" for part in read.predicates]


class PostgresRead(DataSource):
    """The table whose Read engine/sail.py keeps under the number in the option `read`."""

    @classmethod
    def name(cls) -> str:
        """As session.read.format() names it."""
        return "dvdrental_postgres"

    @property
    def _read(self) -> Read:
        from dvdrental_etl.engine.sail import HERE

        read: Read = HERE[int(self.options["read"])]
        return read

    def schema(self) -> Any:
        """As Arrow: Sail takes it as it is."""
        return self._read.schema

    def reader(self, schema: Any) -> "PartitionReader":
        """Reads each partition."""
        return PartitionReader(int(self.options["read"]))


class PartitionReader(DataSourceReader):
    """Reads the partitions of a Read, known by its number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def partitions(self) -> Sequence[InputPartition]:
        """One for each query."""
        from dvdrental_etl.engine.sail import HERE

        return [InputPartition(place) for place in range(len(HERE[self.number].queries))]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The rows of one query, batch by batch."""
        from dvdrental_etl.engine.sail import HERE

        read: Read = HERE[self.number]
        uri = make_dsn(**read.libpq, application_name="dvdrental-etl read")
        with dbapi.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in read.join.split("; "):  # ADBC prepares: one statement a call
                cursor.execute(statement)
            cursor.execute(read.queries[partition.value])
            for batch in cursor.fetch_record_batch():
                yield _exact(batch, read.schema)


def _exact(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with the declared types. ADBC gives numeric as text; a cast that would round is an error."""
    columns = [column.cast(wanted.type) for column, wanted in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
