"""Try a warehouse: `python -m dvdrental_etl.tryout [CONFIG]` sends it every kind of statement of the suite.

For a real cluster, before the first load. In a scratch schema that is dropped at the end: the tables; each table loaded
three times (new, changed, deleted), by the same steps as a script's load; and verify's checks. No source and no Spark;
on Redshift, rows go by way of the configured place on S3.
"""

import datetime as dt
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

from dvdrental_etl import config
from dvdrental_etl.config import Settings
from dvdrental_etl.db.names import quoted
from dvdrental_etl.errors import EtlError, WarehouseError
from dvdrental_etl.extract import changes
from dvdrental_etl.limits import DEFAULT_LIMITS
from dvdrental_etl.model.contract import Column, star_tables
from dvdrental_etl.model.key_ranges import RangeCount
from dvdrental_etl.model.run_record import Batch, BatchStatus, Counts
from dvdrental_etl.model.targets import Fact, Target
from dvdrental_etl.model.totals import Totals
from dvdrental_etl.pipeline import attempts, batch
from dvdrental_etl.pipeline.context import LoadContext, SourceState
from dvdrental_etl.pipeline.load import stage_and_publish
from dvdrental_etl.staging.results import Reject, Staged
from dvdrental_etl.verify.statements import all_statements
from dvdrental_etl.warehouse.base import DirectLoad, Warehouse
from dvdrental_etl.warehouse.factory import open_warehouse

DAY = dt.datetime(2007, 5, 14, 13, 44, 29, 996577)  # noqa: DTZ001 - the source's clock has no zone
AMOUNT = Decimal("2.99")
#: The key of a row that each load puts into quarantine.
REJECTED = 9
#: The rows of three loads: their keys, and what their texts say.
NIGHTS: tuple[tuple[Sequence[int], str], ...] = (((1, 2, 3), "Zoë 東京"), ((1, 2), "moved"), ((1,), "moved"))
#: What the loads must count: (new, changed, deleted). Facts have no text, so the second load changes none.
MEMBERS, FACTS = ((3, 0, 0), (0, 2, 1), (0, 0, 1)), ((3, 0, 0), (0, 0, 1), (0, 0, 1))


@dataclass(frozen=True)
class Table:
    """A table that is loaded, as its script declares it."""

    target: Target
    grain: str


def tables() -> list[Table]:
    """The tables that scripts load, dimensions first."""
    scripts = [import_module(f"load_{name}") for name in star_tables()]
    return [Table(one.TARGET, one.SOURCES[0].name) for one in scripts]


def sample(column: Column, key: int, text: str, target: Target) -> Any:
    """A value of the column's type for the row with that key."""
    if column.name == target.grain_key:
        return key
    values = {
        "varchar": text[: column.bytes or 1],
        "timestamp": DAY,
        "date": DAY.date(),
        "boolean": True,
        "numeric": AMOUNT,
    }
    return values.get(column.type.split("(")[0], 20070514 if column.name.endswith("_date_key") else 1)


def rows(target: Target, keys: Sequence[int], text: str) -> Iterator[pa.RecordBatch]:
    """Sample rows as the Arrow batch that Spark would make of them."""
    columns = target.staging
    arrays = [
        pa.array([sample(column, key, text, target) for key in keys], arrow_type(column))
        for column in columns
    ]
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


@dataclass(frozen=True)
class Trial:
    """A warehouse that is tried. report: takes what worked, and its seconds."""

    warehouse: Warehouse
    report: Callable[[str, float], None]

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Report a step that works. Raises WarehouseError, naming one that does not."""
        began = time.monotonic()
        try:
            yield
        except WarehouseError as error:
            raise WarehouseError(f"{what}: {error.message}", error.hint) from error
        self.report(what, time.monotonic() - began)

    def run(self) -> None:
        """Try everything."""
        for what in ("tables, keys and their physical design", "the same again, which changes nothing"):
            with self.step(what), self.warehouse.transaction() as cursor:
                self.warehouse.ensure_tables(cursor)
        with self.step("the record of a run"):
            joined = batch.join(self.warehouse, "tryout", DAY, DAY)
        for table in tables():
            expected = FACTS if isinstance(table.target, Fact) else MEMBERS
            for number, (keys, text) in enumerate(NIGHTS):
                night = replace(joined, as_of=DAY + dt.timedelta(days=1 + number))
                with self.step(f"{table.target.table}, {len(keys)} rows: stage, publish and record"):
                    counts = self._load(table, night, keys, text)
                    if (counts.new, counts.changed, counts.deleted) != expected[number]:
                        raise WarehouseError(
                            f"the load counts {counts}, not {expected[number]} (new, changed, deleted)"
                        )
        for name, sql, values in all_statements(self.warehouse.address.schema, joined.batch_id):
            with self.step(f"verify: {name}"), self.warehouse.transaction(keep=False) as cursor:
                cursor.execute(sql, values)
        with self.step("the end of a run"):
            batch.end(self.warehouse, joined.run_id, BatchStatus.DONE)

    def _load(self, table: Table, night: Batch, keys: Sequence[int], text: str) -> Counts:
        """One load, by the steps of every load."""
        target, warehouse = table.target, self.warehouse
        context = LoadContext(
            warehouse=warehouse,
            target=target,
            batch=night,
            limits=DEFAULT_LIMITS,
            allow_mass_delete=False,
            report=lambda _: None,
            started=time.monotonic(),
        )
        state = SourceState(
            grain=table.grain,
            snapshot="1:1:",
            lsn="0/0",
            identity="tryout",
            extent=changes.everything("tryout"),
            counts={table.grain: {0: RangeCount(len(keys) + 1, sum(keys))}},
            totals=_totals(target, len(keys) + 1),
        )

        def stage(_: SourceState, staging: str, direct: DirectLoad | None) -> Staged:
            del direct  # it takes rows of Spark
            warehouse.stage_rows(target, staging, rows(target, keys, text))
            return Staged(rows=len(keys), rejected=1, rejects=(_reject(target),))

        attempt = attempts.start(warehouse, night, target.table, code_digest="")
        return stage_and_publish(context, attempt, state, stage)


def _totals(target: Target, count: int) -> Totals:
    return {DAY.date(): (count, count * AMOUNT)} if isinstance(target, Fact) else {None: (count, None)}


def _reject(target: Target) -> Reject:
    row: dict[str, object] = {target.grain_key: REJECTED}
    if isinstance(target, Fact):
        row |= {target.event: str(DAY), target.amount: str(AMOUNT)}
    return Reject(str(REJECTED), "not null", target.grain_key, None, row)


def try_warehouse(settings: Settings) -> None:
    """Try the warehouse in its configured schema, and drop that at the end. Prints a line for each step."""
    with open_warehouse(settings) as warehouse:
        try:
            Trial(warehouse, lambda what, seconds: print(f"  {seconds:6.2f} s  {what}")).run()  # noqa: T201
        finally:
            if warehouse.is_cut_off:
                warehouse.connect()
            with warehouse.transaction() as cursor:
                cursor.execute(f"DROP SCHEMA IF EXISTS {quoted(settings.warehouse.schema)} CASCADE")


def main(argv: Sequence[str]) -> int:
    """Run in a scratch schema, and return the exit code: 0, or that of the error."""
    try:
        settings = config.load(Path(argv[0]) if argv else None, os.environ)
        schema = f"{settings.warehouse.schema}_tryout_{secrets.token_hex(4)}"
        settings = replace(settings, warehouse=replace(settings.warehouse, schema=schema))
        print(f"{settings.warehouse.kind} {settings.warehouse.place}, scratch schema {schema}")  # noqa: T201
        try_warehouse(settings)
    except EtlError as error:
        print(f"tryout: error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    print("tryout: everything works here; the scratch schema is dropped")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
