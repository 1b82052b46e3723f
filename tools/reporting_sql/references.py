"""Which columns of a fact refer to which dimension: its lookups, and its keys into the calendar."""

from collections.abc import Sequence
from dataclasses import dataclass

from dvdrental_etl.model.contract import primary_key
from tools.verify_sql.star import Star

CALENDAR = "dim_date"


@dataclass(frozen=True)
class Reference:
    """A fact's column that refers to a dimension. role: what the dimension is to the fact, such as payment_date."""

    column: str
    dimension: str

    @property
    def role(self) -> str:
        """The column's name without `_key`."""
        return self.column.removesuffix("_key")

    @property
    def key(self) -> str:
        """The dimension's key."""
        return primary_key(self.dimension)


def references(star: Star) -> Sequence[Reference]:
    """Each reference of the fact, dates first."""
    dates = (Reference(column, CALENDAR) for column in star.date_keys)
    members = (Reference(lookup.key, lookup.dimension) for lookup in star.fact.lookups)
    return [*dates, *members]
