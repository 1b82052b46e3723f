"""Validate Parquet files against a table as strictly as Redshift's COPY does, and convert them to CSV."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from redshift_emulator.errors import compute_node_detail
from redshift_emulator.wire import SqlError

BATCH_ROWS = 65_536
#: Parquet's old type of timestamps, which Spark writes. It has no zone: Redshift reads what is written.
INT96 = pa.timestamp("us", "UTC")
#: Parquet's own compression: what AWS writes itself, by UNLOAD and by its SDK for pandas.
_CODECS = ("UNCOMPRESSED", "SNAPPY", "GZIP")
_PLAIN = {
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "bytea": pa.binary(),
}


@dataclass(frozen=True)
class Column:
    """A column of the table: its type as format_type writes it, and the n of varchar(n), 0 for others."""

    name: str
    type: str
    length: int
    not_null: bool


@dataclass(eq=False)  # frozen, it could not be raised through a context manager
class BadFile(Exception):
    """An error in a file: Redshift's error code, the context in its message, file and column."""

    code: int
    context: str
    file: str
    column: Column | None = None


def rows(data: bytes, url: str, columns: Sequence[Column]) -> Iterator[bytes]:
    """The file as CSV, batch by batch, after validation of its schema and values. Raises BadFile."""
    try:
        # Redshift reads only Parquet's own schema, not the one that Arrow stores beside it.
        file = pq.ParquetFile(io.BytesIO(data), coerce_int96_timestamp_unit="us")
    except (pa.ArrowException, OSError) as error:
        raise BadFile(15001, f"File '{url}' has an invalid Parquet file: {error}", url) from None
    _check_schema(file, url, columns)
    _check_compression(file, url)
    options = csv.WriteOptions(include_header=False)
    for batch in file.iter_batches(BATCH_ROWS):
        for column, values in zip(columns, batch.columns, strict=True):
            _check_values(column, values, url)
        if batch.num_rows:
            sink, names = io.BytesIO(), [column.name for column in columns]
            written = pa.RecordBatch.from_arrays([_for_csv(values) for values in batch.columns], names=names)
            csv.write_csv(written, sink, options)
            yield sink.getvalue()


def _check_schema(file: pq.ParquetFile, url: str, columns: Sequence[Column]) -> None:
    fields = file.schema_arrow
    if len(fields) != len(columns):
        context = (
            f"Unmatched number of columns between table and file. Table columns: {len(columns)}, "
            f"Data columns: {len(fields)}, File name: {url}"
        )
        raise BadFile(15001, context, url)
    for number, (column, field) in enumerate(zip(columns, fields, strict=True)):
        found = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        leaf = file.schema.column(number) if number < len(file.schema) else None
        if leaf is not None and leaf.physical_type == "INT96":
            found = INT96
        if not fits(column, found):
            context = (
                f"File '{url}' has an incompatible Parquet schema for column '{column.name}'. "
                f"Column type: {column.type.upper()}, Parquet schema: optional {found} {field.name}"
            )
            raise BadFile(15001, context, url, column)


def _check_compression(file: pq.ParquetFile, url: str) -> None:
    """AWS documents no other codec of Parquet for COPY."""
    groups = (file.metadata.row_group(number) for number in range(file.num_row_groups))
    used = {group.column(number).compression for group in groups for number in range(group.num_columns)}
    if other := sorted(used - set(_CODECS)):
        raise BadFile(15001, f"File '{url}' has a compression that is not documented: {other[0]}", url)


def fits(column: Column, found: pa.DataType) -> bool:
    """Whether COPY loads a Parquet column of this type into the table's. No cast, not even to a wider integer."""
    if column.type in _PLAIN:
        return found == _PLAIN[column.type]
    if column.type.startswith("numeric"):
        return pa.types.is_decimal(found) and f"numeric({found.precision},{found.scale})" == column.type
    if column.type.startswith("timestamp"):
        # Redshift reads nanoseconds, and 64 bits that are not marked as UTC (apache/arrow#38000), as wrong values.
        return pa.types.is_timestamp(found) and found.unit in ("us", "ms") and found.tz == INT96.tz
    return pa.types.is_string(found) or pa.types.is_large_string(found)


def _check_values(column: Column, values: pa.Array, url: str) -> None:
    if column.not_null and values.null_count:
        raise BadFile(8007, f"Cannot insert a NULL value into column {column.name}", url, column)
    if column.length:
        longest = pc.max(pc.binary_length(_for_csv(values))).as_py() or 0
        if longest > column.length:
            context = (
                f"The length of the data column {column.name} is longer than the length defined in the table. "
                f"Table: {column.length}, Data: {longest}, File name: {url}"
            )
            raise BadFile(15001, context, url, column)


def _for_csv(values: pa.Array) -> pa.Array:
    if isinstance(values, pa.DictionaryArray):
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type):
        return values.cast(pa.timestamp("us", values.type.tz)).cast(pa.timestamp("us"))
    if pa.types.is_binary(values.type):
        return pa.array([None if v is None else "\\x" + v.hex() for v in values.to_pylist()], pa.string())
    return values


def scan_error(bad: BadFile) -> SqlError:
    """The error that Redshift sends to the client."""
    name = "Spectrum Scan Error" if bad.code >= 15_000 else bad.context
    return SqlError(
        "XX000" if bad.code >= 15_000 else "23502", name, compute_node_detail(name, bad.code, bad.context)
    )
