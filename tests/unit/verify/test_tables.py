"""What verify knows of the tables, and what is reported when a query on the source is missing or has other columns."""

from collections.abc import Iterator, Sequence

import pytest

from dvdrental_etl.errors import ContractError
from dvdrental_etl.verify.query_pair import QueryPair, Snapshots
from dvdrental_etl.verify.source_changes import LastLoad
from dvdrental_etl.verify.tables import (
    Dimension,
    Fact,
    Lookup,
    Tables,
    declared_tables,
    require_source_queries,
)

FILM = Dimension("dim_film", "film_key", "film_id", "film", "film_id", ("dim_film", "dim_film.category"))


class Rows:
    """A database whose queries return these columns and one row."""

    schema = '"public"'

    def __init__(self, *names: str) -> None:
        self.names = names

    def stream(self, *_: object) -> tuple[tuple[str, ...], Iterator[Sequence[object]]]:
        return self.names, iter([range(len(self.names))])


def test_declared_tables() -> None:
    tables = declared_tables()
    assert Dimension(
        "dim_movie", "movie_key", "film_id", "film", "film_id", ("dim_movie", "dim_movie.category")
    ) in (tables.dimensions)
    assert isinstance(tables.fact, Fact)
    assert (tables.fact.name, tables.fact.source_table, tables.fact.event_date_key) == (
        "fact_sales",
        "payment",
        "payment_date_key",
    )
    assert Lookup("movie_key", "dim_movie", "movie_key") in tables.fact.lookups


def test_every_dimension_has_a_query_on_the_source() -> None:
    require_source_queries(declared_tables())


def test_a_missing_query_on_the_source_is_named() -> None:
    tables = Tables((FILM,), declared_tables().fact)
    with pytest.raises(ContractError, match=r"verify: sql_scripts/verify/source/dim_film\.sql is missing"):
        require_source_queries(tables)


def test_queries_with_different_columns_are_named() -> None:
    source = Rows("store_id", "phone", "is_inferred", "written_since_load", "missing_reference")
    warehouse = Rows("store_id", "phone", "country", "is_inferred", "is_inferred_member")
    store = Dimension("dim_store", "store_key", "store_id", "store", "store_id", ("dim_store",))
    load = LastLoad("dim_store", "store", 1, None, {})
    pair = QueryPair("dim_store", store, Snapshots(source, warehouse), load)  # type: ignore[arg-type]
    with pytest.raises(ContractError) as raised:
        list(pair.findings(set()))
    assert raised.value.message == (
        "verify: sql_scripts/verify/source/dim_store.sql returns the columns store_id, phone, is_inferred;"
        " warehouse/dim_store.sql returns store_id, phone, country, is_inferred"
    )
