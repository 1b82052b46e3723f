"""Try a warehouse: `python -m dvdrental_etl.tryout [CONFIG]` sends it every kind of statement of the suite.

For somebody with a real cluster, before the first load. In a scratch schema that is dropped at the end: the tables,
rows by COPY, the publish of each table three times (new, changed, gone), the run record, verify's checks. No source,
no Spark; on Redshift, rows go by way of the S3 place of the configuration.
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
from dvdrental_etl.errors import EtlError, WarehouseError
from dvdrental_etl.extract.changes import Range
from dvdrental_etl.extract.source import quoted
from dvdrental_etl.model.contract import TABLES, Column, script
from dvdrental_etl.model.targets import Target
from dvdrental_etl.pipeline import audit, load
from dvdrental_etl.pipeline.audit import Batch, Load
from dvdrental_etl.pipeline.gate import Reject
from dvdrental_etl.pipeline.watermark import write
from dvdrental_etl.verify import written
from dvdrental_etl.verify.checks import CHECKS
from dvdrental_etl.verify.run import DAYS, MEMBERS, RANGES, ROWS
from dvdrental_etl.verify.written import Written, narrowed
from dvdrental_etl.warehouse.postgres import Warehouse, open_warehouse

DAY = dt.datetime(2007, 5, 14, 13, 44, 29, 996577)  # noqa: DTZ001 - the source's clock has no zone
EVERYTHING = ((-(2**63), 2**63 - 1),)
#: What verify writes into its queries.
BOUNDS = {"left_out": (-1,)}
#: The rows of three publishes: keys, and what their texts say.
NIGHTS: tuple[tuple[Sequence[int], str], ...] = (((1, 2, 3), "Zoë 東京"), ((1, 2), "moved"), ((1,), "moved"))


def targets() -> list[Target]:
    """The tables that are loaded, dimensions first, as their scripts declare them."""
    names = [name for name in TABLES if name.startswith(("dim_", "fact_")) and name != "dim_date"]
    return [import_module(f"load_{name}").TARGET for name in names]


def sample(column: Column, key: int, text: str, target: Target) -> Any:
    """A value of the column's type for the row of that key."""
    if column.name == target.grain_key:
        return key
    kind = column.type.split("(")[0]
    return {
        "varchar": text[: column.bytes or 1],
        "timestamp": DAY,
        "date": DAY.date(),
        "boolean": True,
        "numeric": Decimal("2.99"),
    }.get(kind, 20070514 if column.name.endswith("_date_key") else 1)


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
    """A warehouse that is tried, and who is told of what worked in how many seconds."""

    warehouse: Warehouse
    tell: Callable[[str, float], None]

    @contextmanager
    def step(self, what: str, *, writes: bool = False) -> Iterator[Any]:
        """A cursor in a transaction. Raises WarehouseError, saying in what."""
        began = time.monotonic()
        try:
            with self.warehouse.writing() if writes else self.warehouse.transaction() as cursor:
                yield cursor
        except WarehouseError as error:
            raise WarehouseError(f"{what}: {error.message}", error.hint) from error
        self.tell(what, time.monotonic() - began)

    def run(self) -> None:
        """Try everything."""
        with self.step("tables, keys and their physical design") as cursor:
            self.warehouse.ensure_tables(cursor)
        with self.step("the same again, which changes nothing") as cursor:
            self.warehouse.ensure_tables(cursor)
        run = audit.join(self.warehouse, "tryout", DAY, DAY)
        for target in targets():
            for number, (keys, text) in enumerate(NIGHTS, start=1):
                self._night(target, replace(run, as_of=DAY + dt.timedelta(days=number)), keys, text)
        for check in CHECKS:
            with self.step(f"verify: {check}") as cursor:
                cursor.execute(script(f"verify/{check}.sql"))
        schema = quoted(self.warehouse.address.schema)
        parts = {
            table.name: Written(
                table, schema, run.batch_id, (run.batch_id,), (1, 2, 3), ((0, 1023),), True, 20070514
            )
            for table in written.TABLES.values()
        }
        for check, narrow in CHECKS.items():
            with self.step(f"verify, of a run: {check}") as cursor:
                cursor.execute(narrowed(script(f"verify/{check}.sql"), schema, narrow(parts)))
        for name in (*MEMBERS, RANGES, ROWS, DAYS):
            with self.step(f"verify: {name}") as cursor:
                cursor.execute(script(f"verify/warehouse/{name}.sql"), BOUNDS)
        audit.end(self.warehouse, run.run_id, "done")

    def _night(self, target: Target, run: Batch, keys: Sequence[int], text: str) -> None:
        warehouse, what = self.warehouse, f"{target.table}, {len(keys)} rows"
        attempt = audit.start_load(warehouse, run, target.table)
        with self.step(f"{what}: staging table", writes=True) as cursor:
            warehouse.create_staging(cursor, attempt.staging, target.staging)
        warehouse.stage_rows(target, attempt.staging, rows(target, keys, text))
        with self.step(f"{what}: publish and record", writes=True) as cursor:
            _publish(warehouse, cursor, target, attempt, run, len(keys))
        with self.step(f"{what}: statistics") as cursor:
            warehouse.settle(cursor, target)


def _publish(
    warehouse: Warehouse, cursor: Any, target: Target, attempt: Load, run: Batch, expected: int
) -> None:
    reject = Reject("9", "not null", target.grain_key, None, {target.grain_key: 9})
    warehouse.lock(cursor, target)
    audit.require_newest(cursor, attempt)
    warehouse.totals(cursor, target, attempt.staging)
    warehouse.doubled(cursor, target.grain_key, attempt.staging)
    warehouse.create_bounds(cursor, target.table, EVERYTHING, [9])
    counted = load.run_steps(cursor, target, attempt, run)
    published = load.published_rows(cursor, target)
    if published != expected:
        raise WarehouseError(f"{target.table} has {published} rows of the source, not {expected}")
    warehouse.drop_bounds(cursor, target.table)
    audit.record_rejects(warehouse, cursor, attempt, run, [reject])
    counts = audit.Counts(new=counted["new"], deleted=counted["deleted"])
    audit.record_published(cursor, attempt, counts, 0.0, [])
    write(warehouse, cursor, target.table, attempt.load_id, {target.counted.table: {0: Range(expected, 1)}})
    warehouse.drop_staging(cursor, attempt.staging)


def main(argv: Sequence[str]) -> int:
    """Run, print a line for each step, and give the exit code: 0, or that of the error."""
    try:
        configured = config.load(Path(argv[0]) if argv else None, os.environ)
        schema = f"{configured.warehouse.schema}_tryout_{secrets.token_hex(4)}"
        configured = replace(configured, warehouse=replace(configured.warehouse, schema=schema))
        with open_warehouse(configured) as warehouse:
            print(f"{configured.warehouse.kind} {configured.warehouse.place}, scratch schema {schema}")  # noqa: T201
            try:
                Trial(warehouse, lambda what, seconds: print(f"  {seconds:6.2f} s  {what}")).run()  # noqa: T201
            finally:
                if warehouse.is_cut_off:
                    warehouse.connect()
                with warehouse.transaction() as cursor:
                    cursor.execute(f"DROP SCHEMA IF EXISTS {quoted(schema)} CASCADE")
    except EtlError as error:
        print(f"tryout: error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    print("tryout: all of it works here; the scratch schema is gone")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
