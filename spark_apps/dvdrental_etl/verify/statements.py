"""Every statement that verify sends to a warehouse, for tryout to send them to a new one."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dvdrental_etl.db.names import quoted
from dvdrental_etl.model.contract import KEY_RANGE_SIZE, script
from dvdrental_etl.verify.checks import CHECKS
from dvdrental_etl.verify.predicates import restricted
from dvdrental_etl.verify.run import FACT_QUERIES
from dvdrental_etl.verify.scope import RunScope
from dvdrental_etl.verify.tables import declared_tables

#: The parameter of the queries by day.
BOUND = {"left_out": (-1,)}


class Statement(NamedTuple):
    """A statement, what it checks, and the values that it is executed with."""

    name: str
    sql: str
    values: Mapping[str, object] | None = None


def all_statements(schema: str, batch_id: int) -> Iterator[Statement]:
    """The checks of a whole warehouse, those of one run, and the queries that are compared with the source."""
    for check in CHECKS:
        yield Statement(check, script(f"verify/{check}.sql"))
    tables = declared_tables()
    scopes = {
        table.name: RunScope(
            table,
            quoted(schema),
            newest_batch=batch_id,
            batches=(batch_id,),
            keys=(1, 2, 3),
            key_ranges=((0, KEY_RANGE_SIZE - 1),),
            has_last_load=True,
            first_closed_day=20070514,
        )
        for table in tables.all
    }
    for check, predicates in CHECKS.items():
        sql = restricted(script(f"verify/{check}.sql"), quoted(schema), predicates(scopes))
        yield Statement(f"{check}, of a run", sql)
    members = [name for dimension in tables.dimensions for name in dimension.queries]
    for name in (*members, *FACT_QUERIES):
        yield Statement(name, script(f"verify/warehouse/{name}.sql"), BOUND)
