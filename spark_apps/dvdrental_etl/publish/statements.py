"""Pieces of the publish statements, in the SQL that PostgreSQL and Redshift share."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from dvdrental_etl.model.sentinels import END_OF_TIME
from dvdrental_etl.model.targets import FIRST_VERSION

FIRST = f"TIMESTAMP '{FIRST_VERSION}'"
FOREVER = f"TIMESTAMP '{END_OF_TIME}'"


@dataclass(frozen=True)
class Step:
    """One statement of a publish.

    counts: names of what it counts: the columns of a query's only row, or the rows that a statement changed.
    """

    sql: str
    counts: tuple[str, ...] = ()


def spans_of(table: str) -> str:
    """The table (low, high) of the key spans of a publish."""
    return f"{table}_spans"


def quarantined_of(table: str) -> str:
    """The table (grain_key) of the keys of quarantined rows."""
    return f"{table}_quarantined"


def differs(left: str, right: str, columns: Iterable[str], texts: Collection[str] = ()) -> str:
    """A predicate that is true when any column differs; NULL equals NULL and differs from every value.

    texts: columns whose every byte counts. Redshift compares them without blanks at their end.
    """
    pairs = ((f"{left}.{name}", f"{right}.{name}", name in texts) for name in columns)
    return " OR ".join(
        f"{f'MD5({a}) <> MD5({b})' if is_text else f'{a} <> {b}'}"
        f" OR ({a} IS NULL AND {b} IS NOT NULL) OR ({a} IS NOT NULL AND {b} IS NULL)"
        for a, b, is_text in pairs
    )


def listed(names: Iterable[str], prefix: str = "") -> str:
    """Column names as a select list, each with the prefix."""
    return ", ".join(f"{prefix}{name}" for name in names)
