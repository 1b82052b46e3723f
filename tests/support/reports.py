"""A report of a run, written by hand: three films in quarantine, one warning, and two earlier runs."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

from dvdrental_etl.report.run_report import (
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

NIGHT = dt.datetime(2026, 11, 26, 3, 0)
LOADS = (
    TableLoad(
        "dim_movie", "published", 1000, 1, 2, 1, 0, 3, 1, Decimal("9.12"), "4 keys: films changed", None
    ),
    TableLoad(
        "fact_sales", "published", 5, 5, 0, 0, 0, 0, 0, Decimal("12.00"), "5 keys: payments added", None
    ),
)
REPORT = RunReport(
    run=Run(3, "scheduled__2026-11-26", "done", NIGHT, "0.2.0", NIGHT, NIGHT + dt.timedelta(seconds=75)),
    loads=LOADS,
    rejects=(
        Reject("dim_movie", "0.00 or more", "3", "rental_rate", "-0.99"),
        Reject("dim_movie", "0.00 or more", "7", "rental_rate", "<script>alert(1)</script>"),
        Reject("dim_movie", "not null", "11", "title", None),
    ),
    money=Money(
        3,
        Totals(14601, Decimal("61332.04")),
        Totals(14600, Decimal("61330.04")),
        Totals(1, Decimal("2.00")),
    ),
    past=(
        PastLoad(1, NIGHT, "done", "dim_movie", Decimal(20), 1000, 0),
        PastLoad(1, NIGHT, "done", "fact_sales", Decimal(30), 14596, 0),
        PastLoad(3, NIGHT, "done", "dim_movie", Decimal("9.12"), 3, 3),
    ),
    freshness=(Freshness("dim_movie", NIGHT, NIGHT),),
    sales=(
        Sales("month", "200705", 200705, 182, Decimal("514.18")),
        Sales("month", "200704", 200704, 6754, Decimal("28559.46")),
        Sales("store", "Lethbridge", 1, 7000, Decimal("14000.00")),
        Sales("store", "Woodridge & Sons", 2, 7600, Decimal("15073.64")),
        Sales("category", "Sports", 0, 900, Decimal("4892.19")),
        Sales("film", "Telegraph Voyage", 1, 27, Decimal("215.75")),
    ),
    findings=(),
)


def report(**replaced: Any) -> RunReport:
    """That report with other values in some of its fields."""
    return replace(REPORT, **replaced)
