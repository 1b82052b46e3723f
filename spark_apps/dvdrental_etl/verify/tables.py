"""The tables of the star as verify knows them: sql_scripts/verify/tables.json, which `make generate` writes."""

import json
from dataclasses import dataclass
from functools import cache

from dvdrental_etl.errors import ContractError
from dvdrental_etl.model.contract import script


@dataclass(frozen=True)
class Table:
    """A table of the star, and the source table of its grain: each row is made of one row there.

    natural_key is the column that holds source_key; of a fact, that is its key.
    """

    name: str
    key: str
    natural_key: str
    source_table: str
    source_key: str


@dataclass(frozen=True)
class Dimension(Table):
    """queries: the names of the queries that compare it with the source, one row per member."""

    queries: tuple[str, ...]


@dataclass(frozen=True)
class Lookup:
    """A key of the fact, and the dimension and column that it points to."""

    key: str
    dimension: str
    dimension_key: str


@dataclass(frozen=True)
class Fact(Table):
    """event_date_key: the column of the day on which the event happened."""

    event_date_key: str
    lookups: tuple[Lookup, ...]


@dataclass(frozen=True)
class Tables:
    """The star."""

    dimensions: tuple[Dimension, ...]
    fact: Fact

    @property
    def all(self) -> tuple[Dimension | Fact, ...]:
        """Every table that a script loads."""
        return (*self.dimensions, self.fact)


@cache
def declared_tables() -> Tables:
    """The tables of tables.json."""
    document = json.loads(script("verify/tables.json"))
    fact = document["fact"]
    lookups = tuple(Lookup(**lookup) for lookup in fact.pop("lookups"))
    dimensions = (
        Dimension(**entry | {"queries": tuple(entry["queries"])}) for entry in document["dimensions"]
    )
    return Tables(tuple(dimensions), Fact(**fact, lookups=lookups))


def require_source_queries(tables: Tables) -> None:
    """Raise ContractError, naming the file, if a dimension has no query on the source."""
    for name in (query for dimension in tables.dimensions for query in dimension.queries):
        try:
            script(f"verify/source/{name}.sql")
        except FileNotFoundError:
            raise ContractError(
                f"verify: sql_scripts/verify/source/{name}.sql is missing",
                f"write the query on the source: the columns of sql_scripts/verify/warehouse/{name}.sql,"
                " written_since_load and missing_reference",
            ) from None
