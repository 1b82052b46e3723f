"""What the generator knows of the star: the scripts' declarations, and the source tables they start from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dvdrental_etl.model.contract import columns_of
from dvdrental_etl.model.targets import Fact, Scd2Dimension


@dataclass(frozen=True)
class Grain:
    """The source table whose rows a table of the star is made of, and its key."""

    table: str
    key: str


@dataclass(frozen=True)
class Star:
    """The tables of the star.

    grains: by table of the star. separate_columns: by dimension, the columns that a separate query on the source
    returns: sql_scripts/verify/source/<dimension>.<column>.sql.
    """

    dimensions: Sequence[Scd2Dimension]
    fact: Fact
    grains: Mapping[str, Grain]
    separate_columns: Mapping[str, Sequence[str]]

    @property
    def date_keys(self) -> list[str]:
        """The fact's keys into the calendar. Each has a view: payment_date_key and dim_payment_date."""
        return [column.name for column in columns_of(self.fact.table) if column.name.endswith("_date_key")]

    @property
    def event_date_key(self) -> str:
        """The fact's day of its event: payment_date_key of payment_ts."""
        return self.fact.event.removesuffix("_ts") + "_date_key"

    def key_of(self, dimension: str) -> str:
        """The surrogate key of a dimension."""
        return next(d.key for d in self.dimensions if d.table == dimension)
