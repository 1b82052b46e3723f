"""What a run wrote: the part of each table that its verify looks at, unless its load compared everything.

A night changes little of a large table. So that verify costs what the night wrote, each query finds, in place of the
table that it names, a common table expression of that name with the rows in question:

    WITH fact_sales AS (SELECT ... FROM "dw".fact_sales WHERE batch_id IN (17)) <the query>
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dvdrental_etl.model.contract import columns_of, tables_in
from dvdrental_etl.verify.compare import RANGE_BITS
from dvdrental_etl.verify.reader import Moment

#: (low, high), both included.
Span = tuple[int, int]
#: Name of a table -> the predicate that its rows in question meet.
Narrowed = Mapping[str, str]
#: Where a run wrote more rows than this, and a larger share of the table, all of it is checked: that is cheaper.
FEW_ROWS, MOST_SHARE = 20_000, 0.1
#: So many gaps between ranges of keys are looked into by one query.
GAPS_AT_A_TIME = 500
LOWEST, HIGHEST = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class Table:
    """A table of the star: its key and its grain's, and the source table of which each row is a row or a member."""

    name: str
    key: str
    natural_key: str
    grain: str
    grain_key: str

    @property
    def is_fact(self) -> bool:
        return self.key == self.natural_key


DIMENSIONS = (
    Table("dim_customer", "customer_key", "customer_id", "customer", "customer_id"),
    Table("dim_movie", "movie_key", "film_id", "film", "film_id"),
    Table("dim_store", "store_key", "store_id", "store", "store_id"),
    Table("dim_staff", "staff_key", "staff_id", "staff", "staff_id"),
)
FACT = Table("fact_sales", "sales_key", "sales_key", "payment", "payment_id")
TABLES = {table.name: table for table in (*DIMENSIONS, FACT)}


@dataclass(frozen=True)
class Written:
    """What a run wrote of one table.

    newest: the highest number of any batch. batches: the run's own, and those of earlier runs that failed and were not
    checked to the end. keys: natural keys of rows that these wrote, in order. spans: ranges of keys that are looked at
    as a whole, neighbours as one: where keys of the source came or went, or are in quarantine. is_last: whether the
    table's last load is one of theirs. closed_on: of a fact, the first day on which a version ends that they closed;
    None if they closed none.
    """

    table: Table
    schema: str
    newest: int
    batches: tuple[int, ...]
    keys: Sequence[int]
    spans: Sequence[Span]
    is_last: bool = False
    closed_on: int | None = None

    @property
    def rows(self) -> str:
        """The predicate: rows that the batches wrote."""
        return f"batch_id IN {_listed(self.batches)}"

    def sharing(self, column: str) -> str:
        """The predicate: rows that have the same value of a column as one that the batches wrote."""
        return f"{column} IN (SELECT {column} FROM {self.schema}.{self.table.name} WHERE {self.rows})"

    @property
    def members(self) -> str:
        """The predicate: all versions of the members of which the batches wrote one; all rows of such a fact."""
        if self.table.is_fact:
            return self.sharing(self.table.natural_key)
        return among(self.table.natural_key, self.keys)

    @property
    def keyed(self) -> str:
        """The predicate: facts that the batches wrote, and those whose version they may have closed before."""
        if self.closed_on is None:
            return self.rows
        closed = " OR ".join(
            f"{dimension.key} IN (SELECT {dimension.key} FROM {self.schema}.{dimension.name}"
            f" WHERE {self.rows} AND NOT is_current)"
            for dimension in DIMENSIONS
        )
        return (
            f"{self.rows} OR ((payment_date_key >= {self.closed_on} OR payment_date_key = -1) AND ({closed}))"
        )

    @property
    def strays(self) -> str:
        """The predicate: rows of batches that no run was given."""
        return f"batch_id > {self.newest}"


def _listed(numbers: Iterable[int]) -> str:
    return f"({', '.join(str(int(number)) for number in numbers)})"


def within(column: str, spans: Iterable[Span]) -> str:
    """The predicate: a column's value lies in one of the spans."""
    return " OR ".join(f"{column} BETWEEN {low} AND {high}" for low, high in spans) or "1 = 0"


def among(column: str, keys: Sequence[int]) -> str:
    """The predicate: a column's value is one of the keys."""
    return f"{column} IN {_listed(keys)}" if keys else "1 = 0"


def spans_of(numbers: Iterable[int]) -> list[Span]:
    """The keys of ranges, given by their numbers; neighbours as one."""
    spans: list[Span] = []
    for number in sorted(numbers):
        low, high = number << RANGE_BITS, ((number + 1) << RANGE_BITS) - 1
        if spans and spans[-1][1] == low - 1:
            low = spans.pop()[0]
        spans.append((low, high))
    return spans


def numbers_in(spans: Iterable[Span]) -> Iterable[int]:
    """The numbers of the ranges that spans are made of."""
    return (number for low, high in spans for number in range(low >> RANGE_BITS, (high >> RANGE_BITS) + 1))


def narrowed(query: str, schema: str, predicates: Narrowed) -> str:
    """A query on the warehouse, with tables replaced by those of their rows that meet a predicate."""
    parts = (
        f"{table} AS (SELECT {', '.join(_columns(table))} FROM {schema}.{table} WHERE {predicate})"
        for table, predicate in predicates.items()
    )
    if not predicates:
        return query
    own = re.sub(r"^WITH\b", ",", query, count=1, flags=re.MULTILINE)
    return f"WITH {', '.join(parts)}\n{own}"


def _columns(table: str) -> list[str]:
    return [column.name for column in tables_in("etl_audit").get(table) or columns_of(table)]


def of_run(warehouse: Moment, run_id: str) -> dict[str, Written]:
    """What a run wrote of each table. Those that are to be checked in full are left out: of an unknown run, all.

    A batch that is not done was not found sound: what it wrote is looked at again, until everything is.
    """
    found = warehouse.rows("SELECT batch_id FROM etl_batch WHERE run_id = %s", (run_id,))
    if not found:
        return {}
    ((newest,),) = warehouse.rows("SELECT MAX(batch_id) FROM etl_batch")
    batches = {batch for (batch,) in found} | {
        batch
        for (batch,) in warehouse.rows("""
            SELECT DISTINCT l.batch_id
            FROM etl_load l
            INNER JOIN etl_batch b ON b.batch_id = l.batch_id
            WHERE l.status = 'published' AND b.status <> 'done' AND l.load_id >= (
                SELECT MIN(f.load_id) FROM (
                    SELECT MAX(load_id) AS load_id FROM etl_load
                    WHERE status = 'published' AND is_full GROUP BY table_name
                ) f
            )
        """)
    }
    listed = tuple(sorted(batches))
    found = warehouse.rows(
        "SELECT DISTINCT table_name FROM etl_load WHERE status = 'published' AND is_full"
        f" AND batch_id IN {_listed(listed)}"
    )
    compared = {table for (table,) in found}
    parts = (
        _found(warehouse, Written(table, warehouse.schema, newest, listed, (), ()))
        for table in TABLES.values()
        if table.name not in compared
    )
    return {part.table.name: part for part in parts if part}


def _found(warehouse: Moment, known: Written) -> Written | None:
    """With keys, spans and what the last load says. None where nothing is loaded, or so much was written that all of
    the table is to be checked.
    """
    table = known.table
    last = warehouse.rows(
        """
        SELECT load_id, warehouse_rows, batch_id FROM etl_load
        WHERE table_name = %(table)s AND status = 'published' ORDER BY load_id DESC LIMIT 1
        """,
        {"table": table.name},
    )
    if not last:
        return None
    load_id, rows, batch = last[0]
    most = max(FEW_ROWS, int(MOST_SHARE * (rows or 0)))
    ranges = _ranges(warehouse, known, load_id)
    real = "" if table.is_fact else f" AND {table.key} > 0"
    found = warehouse.rows(
        f"SELECT DISTINCT {table.natural_key} FROM {table.name} WHERE {known.rows}{real} LIMIT {most + 1}"
    )
    if len(found) > most or len(ranges) << RANGE_BITS > most:
        return None
    return replace(
        known,
        keys=sorted(key for (key,) in found),
        spans=spans_of(ranges),
        is_last=batch in known.batches,
        closed_on=_closed_on(warehouse, known) if table.is_fact else None,
    )


def _closed_on(warehouse: Moment, known: Written) -> int | None:
    ends = " UNION ALL ".join(
        f"SELECT MIN(valid_to) AS first_end FROM {dimension.name} WHERE {known.rows} AND NOT is_current"
        for dimension in DIMENSIONS
    )
    ((first,),) = warehouse.rows(f"SELECT MIN(first_end) FROM ({ends}) e")
    return None if first is None else first.year * 10_000 + first.month * 100 + first.day


def _ranges(warehouse: Moment, known: Written, load_id: int) -> set[int]:
    """The numbers of the ranges that are looked at as a whole."""
    table = known.table
    counted: Any = warehouse.rows(
        "SELECT r.range_no, CASE WHEN l.load_id IS NULL THEN 0 ELSE 1 END"
        " FROM etl_range r LEFT JOIN etl_load l ON l.load_id = r.load_id"
        f" AND l.batch_id IN {_listed(known.batches)}"
        " WHERE r.table_name = %(table)s AND r.source_name = %(grain)s",
        {"table": table.name, "grain": table.grain},
    )
    quarantined = warehouse.rows(
        "SELECT DISTINCT CAST(natural_key AS bigint) FROM etl_reject"
        " WHERE load_id = %(load)s AND natural_key IS NOT NULL",
        {"load": load_id},
    )
    numbers = {number for number, is_changed in counted if is_changed}
    numbers |= {key >> RANGE_BITS for (key,) in quarantined}
    return numbers | _left_behind(warehouse, table, sorted(number for number, _ in counted))


def _left_behind(warehouse: Moment, table: Table, counted: Sequence[int]) -> set[int]:
    """Ranges that have rows, although the source has no key there. When the last key went, so did etl_range's row."""
    bounds = [LOWEST - 1, *(bound for span in spans_of(counted) for bound in span), HIGHEST + 1]
    gaps = [(low + 1, high - 1) for low, high in zip(bounds[::2], bounds[1::2], strict=True)]
    there = (
        "" if table.is_fact else f" AND is_current AND NOT is_deleted AND NOT is_inferred AND {table.key} > 0"
    )
    numbers: set[int] = set()
    for at in range(0, len(gaps), GAPS_AT_A_TIME):
        found = warehouse.rows(
            f"SELECT DISTINCT {table.natural_key} >> {RANGE_BITS} FROM {table.name}"
            f" WHERE ({within(table.natural_key, gaps[at : at + GAPS_AT_A_TIME])}){there}"
        )
        numbers |= {number for (number,) in found}
    return numbers
