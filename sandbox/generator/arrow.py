"""Build Arrow columns for the generator's tables, and write them as CSV for COPY."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from sandbox.generator.draw import Bools, Ints

CENTS = pa.array([f"{amount // 100}.{amount % 100:02d}" for amount in range(10_000)])


def picked(choices: Sequence[str], indexes: Ints) -> pa.Array:
    """A text column: for each row the choice with this index."""
    return pa.array(choices).take(pa.array(indexes))


def joined(*parts: pa.Array | str) -> pa.Array:
    """A text column: the parts of each row, concatenated."""
    return pc.binary_join_element_wise(*parts, "")


def nullable(column: pa.Array, missing: Bools) -> pa.Array:
    """`column` with NULL where `missing` is true."""
    return pc.if_else(pa.array(missing), pa.scalar(None, column.type), column)


def constant(value: datetime, rows: Ints) -> pa.Array:
    """A timestamp column with the same value in each row."""
    return pa.repeat(pa.scalar(value, pa.timestamp("us")), len(rows))


def cents(amounts: Ints) -> pa.Array:
    """Amounts of 0 to 9999 cents as text: 299 becomes 2.99. (A float is not exact, a decimal is slow.)"""
    return CENTS.take(pa.array(amounts))


def text(numbers: Ints) -> pa.Array:
    """Numbers as text."""
    return pc.cast(pa.array(numbers), pa.string())


def to_csv(table: pa.Table) -> bytes:
    """The rows as CSV for COPY. Text is quoted, so that an empty text is not read as NULL."""
    buffer = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, batch_size=50_000)
    pyarrow.csv.write_csv(table, buffer, options)
    return buffer.getvalue()


def row_ranges(count: int, size: int) -> list[Ints]:
    """The row numbers 0 to count - 1, in arrays of `size`."""
    return [np.arange(first, min(first + size, count), dtype=np.int64) for first in range(0, count, size)]
