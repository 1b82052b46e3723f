"""Every statement that verify sends to a warehouse, for tryout to send them to a new one."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dvdrental_etl.db.names import quoted
from dvdrental_etl.model.contract import KEY_RANGE_SIZE, script
from dvdrental_etl.verify.checks import CHECKS
from dvdrental_etl.verify.run import DAYS, MEMBERS, RANGES, ROWS
from dvdrental_etl.verify.written import TABLES, Written, narrowed

#: What verify writes into its queries.
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
    parts = {
        table.name: Written(
            table,
            quoted(schema),
            newest=batch_id,
            batches=(batch_id,),
            keys=(1, 2, 3),
            spans=((0, KEY_RANGE_SIZE - 1),),
            is_last=True,
            closed_on=20070514,
        )
        for table in TABLES.values()
    }
    for check, narrow in CHECKS.items():
        sql = narrowed(script(f"verify/{check}.sql"), quoted(schema), narrow(parts))
        yield Statement(f"{check}, of a run", sql)
    for name in (*MEMBERS, RANGES, ROWS, DAYS):
        yield Statement(name, script(f"verify/warehouse/{name}.sql"), BOUND)
