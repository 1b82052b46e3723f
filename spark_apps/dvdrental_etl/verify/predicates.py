"""Pure: predicates on keys, as text of SQL, and queries restricted by them."""

import re
from collections.abc import Iterable, Mapping, Sequence

from dvdrental_etl.model.contract import KEY_RANGE_BITS, columns_of, tables_in

#: (lowest key, highest key), both included: one range of etl_range, or several that adjoin.
KeyRange = tuple[int, int]
#: Name of a table -> the predicate that its rows must meet.
Predicates = Mapping[str, str]
NOTHING = "1 = 0"


def listed(numbers: Iterable[int]) -> str:
    """Numbers in parentheses."""
    return f"({', '.join(str(int(number)) for number in numbers)})"


def in_ranges(column: str, ranges: Iterable[KeyRange]) -> str:
    """A column's value is in one of the ranges."""
    return " OR ".join(f"{column} BETWEEN {low} AND {high}" for low, high in ranges) or NOTHING


def in_keys(column: str, keys: Sequence[int]) -> str:
    """A column's value is one of the keys."""
    return f"{column} IN {listed(keys)}" if keys else NOTHING


def merged_ranges(numbers: Iterable[int]) -> list[KeyRange]:
    """The keys of ranges, given by their numbers in etl_range, in order. Ranges that adjoin are merged."""
    ranges: list[KeyRange] = []
    for number in sorted(numbers):
        low, high = number << KEY_RANGE_BITS, ((number + 1) << KEY_RANGE_BITS) - 1
        if ranges and ranges[-1][1] == low - 1:
            low = ranges.pop()[0]
        ranges.append((low, high))
    return ranges


def range_numbers(ranges: Iterable[KeyRange]) -> Iterable[int]:
    """The numbers in etl_range of the ranges that were merged."""
    return (n for low, high in ranges for n in range(low >> KEY_RANGE_BITS, (high >> KEY_RANGE_BITS) + 1))


def restricted(query: str, schema: str, predicates: Predicates) -> str:
    """A query on the warehouse in which each table has only the rows that meet its predicate.

    A common table expression of the same name takes the table's place:

        WITH fact_sales AS (SELECT ... FROM "dw".fact_sales WHERE batch_id IN (17)) <the query>
    """
    if not predicates:
        return query
    tables = (
        f"{table} AS (SELECT {', '.join(_columns(table))} FROM {schema}.{table} WHERE {predicate})"
        for table, predicate in predicates.items()
    )
    continued = re.sub(r"^WITH\b", ",", query, count=1, flags=re.MULTILINE)
    return f"WITH {', '.join(tables)}\n{continued}"


def _columns(table: str) -> list[str]:
    return [column.name for column in tables_in("etl_audit").get(table) or columns_of(table)]
