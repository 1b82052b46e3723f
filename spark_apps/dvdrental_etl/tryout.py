"""Try a warehouse: `python -m dvdrental_etl.tryout [CONFIG] [--schema NAME]` sends it every kind of statement.

For a real cluster, before the first load. In a scratch schema that is dropped at the end: the tables; each table loaded
three times (new, changed, deleted), by the same steps as a script's load, its staged values read back and compared; and
verify's checks. No source and no Spark; on Redshift, rows go by way of the configured place on S3.
"""

import argparse
import datetime as dt
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from dvdrental_etl import config
from dvdrental_etl.errors import EtlError, WarehouseError
from dvdrental_etl.extract import changes
from dvdrental_etl.limits import DEFAULT_LIMITS
from dvdrental_etl.model.contract import star_tables
from dvdrental_etl.model.key_ranges import RangeCount
from dvdrental_etl.model.row_hash import row_hash_sql
from dvdrental_etl.model.run_record import Batch, BatchStatus, Counts
from dvdrental_etl.model.targets import ROW_HASH, Fact, Scd2Dimension, Target
from dvdrental_etl.model.totals import Totals
from dvdrental_etl.pipeline import attempts, batch
from dvdrental_etl.pipeline.context import LoadContext, SourceState
from dvdrental_etl.pipeline.load import stage_and_publish
from dvdrental_etl.staging.results import Reject, Staged
from dvdrental_etl.tryout_rows import AMOUNT, DAY, expected_rows, rows
from dvdrental_etl.tryout_schema import scratch_schema
from dvdrental_etl.verify.statements import all_statements
from dvdrental_etl.warehouse import reporting
from dvdrental_etl.warehouse.base import DirectLoad, Warehouse
from dvdrental_etl.warehouse.factory import open_warehouse

#: The key of a row that each load puts into quarantine.
REJECTED = 9
#: The rows of three loads: their keys, and what their texts say.
NIGHTS: tuple[tuple[Sequence[int], str], ...] = (((1, 2, 3), "Zoë 東京"), ((1, 2), "moved"), ((1,), "moved"))
#: What the loads must count: (new, changed, deleted). The second load changes row 1 only: facts and row 2 have no text.
MEMBERS, FACTS = ((3, 0, 0), (0, 1, 1), (0, 0, 1)), ((3, 0, 0), (0, 0, 1), (0, 0, 1))


@dataclass(frozen=True)
class Table:
    """A table that is loaded, as its script declares it."""

    target: Target
    grain: str


def tables() -> list[Table]:
    """The tables that scripts load, dimensions first."""
    scripts = [import_module(f"load_{name}") for name in star_tables()]
    return [Table(one.TARGET, one.SOURCES[0].name) for one in scripts]


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
        with self.step("views, comments and keys"):
            reporting.make(self.warehouse)
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
            tables=(),
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
            self._require_read_back(target, staging, keys, text)
            if isinstance(target, Scd2Dimension):
                self._hash(target, staging)
            return Staged(rows=len(keys), rejected=1, rejects=(_reject(target),))

        attempt = attempts.start(warehouse, night, target.table, code_digest="")
        return stage_and_publish(context, attempt, state, stage)

    def _hash(self, target: Scd2Dimension, staging: str) -> None:
        """Give staged rows, which hold any text there, the hash that the warehouse computes for them."""
        with self.warehouse.transaction() as cursor:
            cursor.execute(f"UPDATE {staging} SET {ROW_HASH.name} = {row_hash_sql(target)}")

    def _require_read_back(self, target: Target, staging: str, keys: Sequence[int], text: str) -> None:
        """Raise WarehouseError, naming the column and its type, if a staged value is not the one that was sent."""
        names = [column.name for column in target.staging]
        with self.warehouse.transaction(keep=False) as cursor:
            cursor.execute(f"SELECT {', '.join(names)} FROM {staging} ORDER BY {target.grain_key}")
            found = cursor.fetchall()
        for sent, came in zip(expected_rows(target, keys, text), found, strict=True):
            for column, value, other in zip(target.staging, sent, came, strict=True):
                if value != other:
                    raise WarehouseError(
                        f"{staging}.{column.name} ({column.type}) was sent {value!r} and is read back as {other!r}",
                        "do not load this warehouse; please report it",
                    )


def _totals(target: Target, count: int) -> Totals:
    return {DAY.date(): (count, count * AMOUNT)} if isinstance(target, Fact) else {None: (count, None)}


def _reject(target: Target) -> Reject:
    row: dict[str, object] = {target.grain_key: REJECTED}
    if isinstance(target, Fact):
        row |= {target.event: str(DAY), target.amount: str(AMOUNT)}
    return Reject(str(REJECTED), "not null", target.grain_key, None, row)


def main(argv: Sequence[str]) -> int:
    """Run in a scratch schema, and return the exit code: 0, or that of the error."""
    parser = argparse.ArgumentParser(prog="tryout", description="Send a warehouse every kind of statement.")
    parser.add_argument("config", nargs="?", type=Path, help="JSON file; default config/credentials.json")
    parser.add_argument(
        "--schema", help="an empty schema to work in; default: one that is created and dropped"
    )
    arguments = parser.parse_args(argv)
    try:
        settings = config.load(arguments.config, os.environ)
        with scratch_schema(settings, arguments.schema) as scratch, open_warehouse(scratch) as warehouse:
            place, schema = scratch.warehouse.place, scratch.warehouse.schema
            print(f"{scratch.warehouse.kind} {place}, scratch schema {schema}")  # noqa: T201
            Trial(warehouse, lambda what, seconds: print(f"  {seconds:6.2f} s  {what}")).run()  # noqa: T201
    except EtlError as error:
        print(f"tryout: error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    print(f"tryout: everything works here; schema {schema} is as it was")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
