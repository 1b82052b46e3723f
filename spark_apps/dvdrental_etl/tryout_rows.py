"""Pure: the rows that tryout loads, with values of every type, also at the ends of what a type can hold."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from dvdrental_etl.model.contract import Column
from dvdrental_etl.model.targets import Fact, Target

DAY = dt.datetime.fromisoformat("2007-05-14T13:44:29.996577")
AMOUNT = Decimal("2.99")
#: Columns of a dimension that hold these for the rows 1, 2 and 3: before 1970, and up to the end of the calendar.
TIMESTAMPS = (
    DAY,
    *map(dt.datetime.fromisoformat, ("1850-01-02T03:04:05.678901", "9999-12-31T23:59:59.999999")),
)
NUMBERS = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}


def sample(column: Column, key: int, text: str, target: Target) -> Any:
    """A value of the column's type for the row with that key."""
    if column.name == target.grain_key:
        return key
    if isinstance(target, Fact) and column.name in (target.event, target.amount):
        return DAY if column.name == target.event else AMOUNT
    return _of_type(column, text) if column.required or key == 1 else _rare(column, key, text, target)


def _of_type(column: Column, text: str) -> Any:
    values = {
        "varchar": text[: column.bytes or 1],
        "timestamp": DAY,
        "date": DAY.date(),
        "boolean": True,
        "numeric": AMOUNT,
    }
    return values.get(column.type.split("(")[0], 20070514 if column.name.endswith("_date_key") else 1)


def _rare(column: Column, key: int, text: str, target: Target) -> Any:
    """For row 2 the ends of the type, for row 3 NULL. The keys of a fact's members stay as they are."""
    base = column.type.split("(")[0]
    if base == "timestamp":
        return TIMESTAMPS[key - 1]
    if isinstance(target, Fact):
        return _of_type(column, text)
    if key == 3:
        return None
    return {"date": dt.date(1850, 1, 2), "boolean": False, "varchar": "", **NUMBERS}.get(
        base, _of_type(column, text)
    )


def expected_rows(target: Target, keys: Sequence[int], text: str) -> Iterator[tuple[Any, ...]]:
    """The rows with these keys, in order of key."""
    for key in sorted(keys):
        yield tuple(sample(column, key, text, target) for column in target.staging)


def rows(target: Target, keys: Sequence[int], text: str) -> Iterator[pa.RecordBatch]:
    """The same as the Arrow batch that Spark would make of them."""
    columns = target.staging
    values = zip(*expected_rows(target, keys, text), strict=True)
    arrays = [pa.array(list(of_column), arrow_type(c)) for c, of_column in zip(columns, values, strict=True)]
    yield pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type of a column, as Spark gives it."""
    base, *sizes = re.findall(r"\w+", column.type)
    plain = {
        "smallint": pa.int16(),
        "integer": pa.int32(),
        "bigint": pa.int64(),
        "boolean": pa.bool_(),
        "varchar": pa.string(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
    }
    return pa.decimal128(*map(int, sizes)) if base == "numeric" else plain[base]
