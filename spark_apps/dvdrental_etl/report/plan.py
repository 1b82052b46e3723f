"""The report of a dry run: what each load would do, beside what the warehouse holds."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from dvdrental_etl.config import Settings
from dvdrental_etl.errors import UsageError, WarehouseError
from dvdrental_etl.model.contract import star_tables
from dvdrental_etl.report.read import read
from dvdrental_etl.report.run_report import FAILED, PLANNED, Money, Run, RunReport, TableLoad, Totals

COUNTS = ("read", "new", "changed", "expired", "deleted", "quarantined")


def planned(settings: Settings, run: Run, plans: Mapping[str, Mapping[str, Any] | None]) -> RunReport:
    """The report of a dry run, which is in the warehouse as one row of etl_batch, or not at all.

    plans: what the load of each selected table returned; None where it failed.
    """
    try:
        known = read(settings, run.run_id)
    except (UsageError, WarehouseError):  # the plan is known all the same
        known = RunReport(run=run, loads=(), rejects=(), money=None, past=(), freshness=(), sales=())
    run = replace(run, batch_id=known.run.batch_id)
    loads = tuple(
        _load(table, plans[table]) if table in plans else TableLoad(table) for table in star_tables()
    )
    money = next((_money(run, plan) for plan in plans.values() if plan and "source_amount" in plan), None)
    return replace(known, run=run, loads=loads, money=money)


def _load(table: str, plan: Mapping[str, Any] | None) -> TableLoad:
    if plan is None:
        return TableLoad(table, FAILED, reason=f"there is no plan: see the log of load_{table}")
    return TableLoad(table, PLANNED, **{name: plan[name] for name in COUNTS})


def _money(run: Run, plan: Mapping[str, Any]) -> Money:
    source, published, quarantined = (
        Totals(plan[f"{side}_rows"], Decimal(plan[f"{side}_amount"]))
        for side in ("source", "published", "quarantined")
    )
    return Money(run.batch_id, source, published, quarantined)
