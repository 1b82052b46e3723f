"""Reads the report of a run from the warehouse: sql_scripts/report/*.sql, on one snapshot, read-only."""

from collections.abc import Sequence

from dvdrental_etl.config import Settings
from dvdrental_etl.db.cursor import Row
from dvdrental_etl.errors import UsageError, WarehouseError
from dvdrental_etl.model.contract import script, star_tables
from dvdrental_etl.report.run_report import (
    DRY_RUN,
    Freshness,
    Money,
    PastLoad,
    Reject,
    Run,
    RunReport,
    Sales,
    TableLoad,
    Totals,
)
from dvdrental_etl.verify.reader import SnapshotReader


def read(settings: Settings, run_id: str | None = None, findings: Sequence[str] | None = None) -> RunReport:
    """The report of a run; without a name, of the last one that was no dry run. findings: what verify found, if it ran.

    Raises UsageError if there is no such run, WarehouseError if the warehouse cannot be read.
    """
    with SnapshotReader(settings.warehouse, "warehouse", WarehouseError, settings.limits) as warehouse:
        batch_id = _batch_id(warehouse, run_id)

        def rows(name: str) -> list[Row]:
            return warehouse.rows(script(f"report/{name}.sql"), {"batch_id": batch_id})

        loads = {row[0]: TableLoad(*row) for row in rows("loads")}
        return RunReport(
            run=Run(*rows("run")[0]),
            loads=tuple(loads.get(table, TableLoad(table)) for table in star_tables()),
            rejects=tuple(Reject(*row) for row in rows("rejects")),
            money=next((_money(row) for row in rows("money")), None),
            past=tuple(PastLoad(*row) for row in rows("history")),
            freshness=tuple(Freshness(*row) for row in rows("freshness")),
            sales=tuple(Sales(*row) for row in rows("sales")),
            findings=None if findings is None else tuple(findings),
        )


def _batch_id(warehouse: SnapshotReader, run_id: str | None) -> int:
    if run_id is None:
        found = warehouse.rows(
            "SELECT MAX(batch_id) FROM etl_batch WHERE batch_id > 0 AND status <> %s", (DRY_RUN,)
        )
    else:
        found = warehouse.rows("SELECT MAX(batch_id) FROM etl_batch WHERE run_id = %s", (run_id,))
    if found[0][0] is None:
        raise UsageError(
            f"there is no run {run_id!r} in etl_batch" if run_id else "nothing was loaded yet",
            "name no run, for the last one, or load a table first",
        )
    return int(found[0][0])


def _money(row: Row) -> Money:
    batch_id, source_rows, source_amount, payments, amount, rejected_rows, rejected_amount = row
    return Money(
        batch_id=batch_id,
        source=Totals(source_rows, source_amount),
        warehouse=Totals(payments, amount),
        quarantined=Totals(rejected_rows, rejected_amount),
    )
