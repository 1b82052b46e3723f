"""How a run ended: in one sentence and in one word."""

from dataclasses import replace
from decimal import Decimal

import pytest

from dvdrental_etl.report.run_report import TableLoad, Totals
from tests.support.reports import LOADS, REPORT, report

CLEAN = tuple(replace(load, quarantined=0, warned=0) for load in LOADS)
PLAN = (TableLoad("dim_movie", "planned", 1000, 1, 2, 1, 0, 3), TableLoad("fact_sales"))
FAILED = TableLoad("dim_store", "failed", reason="source contract: no column city")


@pytest.mark.parametrize(
    ("changed", "tone", "headline"),
    [
        ({"loads": CLEAN}, "good", "2 tables published, 8 rows written"),
        ({}, "warn", "3 rows in quarantine; 1 row with warnings; 2 tables published, 8 rows written"),
        ({"loads": (FAILED, CLEAN[0])}, "bad", "dim_store failed; 1 table published, 3 rows written"),
        (
            {"loads": CLEAN, "findings": ("keys_are_unique: 7",)},
            "bad",
            "1 finding of verify; 2 tables published, 8 rows written",
        ),
        (
            {"loads": (), "run": replace(REPORT.run, status="failed")},
            "bad",
            "the run failed; 0 tables published, 0 rows written",
        ),
        (
            {"loads": PLAN, "run": replace(REPORT.run, status="dry run")},
            "warn",
            "dry run, nothing was written; 3 rows in quarantine; 1 table planned, 3 rows to write",
        ),
    ],
)
def test_the_worst_comes_first(changed, tone, headline):
    told = report(**changed)
    assert (told.tone, told.headline) == (tone, headline)


def test_money_that_is_missing_is_the_headline():
    assert REPORT.money
    money = replace(REPORT.money, warehouse=Totals(14600, Decimal("61330.03")))
    assert money.difference == Totals(0, Decimal("0.01"))
    told = report(loads=CLEAN, money=money)
    assert told.tone == "bad"
    assert told.headline.startswith("source and warehouse differ; ")
