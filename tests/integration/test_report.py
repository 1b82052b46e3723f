"""The report of a run against SQL of the test's own, on both warehouses."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from dvdrental_etl import config
from dvdrental_etl.errors import UsageError
from dvdrental_etl.pipeline import batch
from dvdrental_etl.report import text
from dvdrental_etl.report.plan import planned
from dvdrental_etl.report.read import read
from dvdrental_etl.report.run_report import Money, Run, Totals
from tests.support.environment import Environment

MONTHS = "SELECT to_char(payment_date, 'YYYYMM'), count(*), sum(amount) FROM payment GROUP BY 1 ORDER BY 1"
FILMS = """
    SELECT f.title, count(*), sum(p.amount)
    FROM payment p JOIN rental r USING (rental_id) JOIN inventory i USING (inventory_id) JOIN film f USING (film_id)
    GROUP BY f.film_id ORDER BY 3 DESC, f.film_id LIMIT 10
"""
STORES = """
    SELECT c.city, count(*), sum(p.amount)
    FROM payment p JOIN rental r USING (rental_id) JOIN inventory i USING (inventory_id)
    JOIN store s ON s.store_id = i.store_id JOIN address a USING (address_id) JOIN city c USING (city_id)
    GROUP BY s.store_id, c.city ORDER BY 3 DESC
"""


def test_a_night_with_quarantined_films(env: Environment) -> None:
    env.source(
        "UPDATE film SET rental_rate = -1 WHERE film_id IN (1, 2); UPDATE film SET length = 0 WHERE film_id = 3"
    )
    env.source(
        "INSERT INTO payment SELECT 90001, customer_id, staff_id, rental_id, 4.56, payment_date FROM payment LIMIT 1"
    )
    env.load_all("--batch-id", "night")

    report = read(config.load(env.config, {}), "night", ["a finding"])
    movie, sales = (
        {load.table: load for load in report.loads}[table] for table in ("dim_movie", "fact_sales")
    )
    assert (movie.status, movie.read, movie.quarantined, movie.warned) == ("published", 3, 2, 1)
    assert (sales.read, sales.new, sales.quarantined) == (1, 1, 0)
    assert [(r.table, r.rule, r.key, r.column, r.value) for r in report.rejects] == [
        ("dim_movie", "0.00 or more", "1", "rental_rate", "-1.00"),
        ("dim_movie", "0.00 or more", "2", "rental_rate", "-1.00"),
    ]
    ((payments, amount),) = env.source("SELECT count(*), sum(amount) FROM payment")
    assert report.money is not None
    assert report.money.source == report.money.warehouse == Totals(payments, amount)
    assert report.money.difference == Totals(0, Decimal(0))
    assert report.findings == ("a finding",)
    assert {(past.batch_id, past.table, past.written) for past in report.past} >= {(2, "fact_sales", 1)}
    for part, query in {"month": MONTHS, "film": FILMS, "store": STORES}.items():
        ours = sorted((s for s in report.sales if s.part == part), key=lambda s: (-s.amount, s.label))
        theirs = sorted(env.source(query), key=lambda row: (-row[2], row[0]))
        assert [(s.label, s.payments, s.amount) for s in ours] == theirs, part
    assert [*text.lines(report)][-1].startswith(
        "1 finding of verify; 2 rows in quarantine; 1 row with warnings; "
    )


def test_the_last_run_and_a_run_that_is_not_there(env: Environment) -> None:
    settings = config.load(env.config, {})
    assert read(settings).run.run_id == "base"
    with pytest.raises(UsageError, match="there is no run 'tomorrow'"):
        read(settings, "tomorrow")


def test_a_dry_run_is_a_plan_beside_what_is_loaded(env: Environment, empty: Environment) -> None:
    plans = {
        "dim_movie": {"read": 3, "new": 1, "changed": 2, "expired": 1, "deleted": 0, "quarantined": 2},
        "dim_store": None,
        "fact_sales": dict.fromkeys(("read", "new", "changed", "expired", "deleted", "quarantined"), 0)
        | {"source_amount": "9.00", "published_amount": "8.01", "quarantined_amount": "0.99"}
        | {"source_rows": 3, "published_rows": 2, "quarantined_rows": 1},
    }
    settings, now = config.load(env.config, {}), dt.datetime(2007, 6, 1)
    batch.record_dry_run(settings, "rehearsal", now)
    run = Run(0, "rehearsal", "dry run", now, "1.0", now, now)

    report = planned(settings, run, plans)
    assert (report.run.batch_id, report.run.finished_at) == (2, now)
    assert {load.table: (load.status, load.new) for load in report.loads} == {
        "dim_customer": ("not run", None),
        "dim_movie": ("planned", 1),
        "dim_store": ("failed", None),
        "dim_staff": ("not run", None),
        "fact_sales": ("planned", 0),
    }
    assert report.money == Money(
        2, Totals(3, Decimal("9.00")), Totals(2, Decimal("8.01")), Totals(1, Decimal("0.99"))
    )
    assert {past.batch_id for past in report.past} == {1}
    assert sum(sale.payments for sale in report.sales if sale.part == "month") == 730
    assert read(settings).run.run_id == "base"  # the last run that did something

    first = planned(config.load(empty.config, {}), run, plans)
    assert [load.status for load in first.loads] == [load.status for load in report.loads]
    assert (first.money, first.past, first.sales) == (replace(report.money, batch_id=0), (), ())


def test_a_failed_load_is_told_with_its_reason(env: Environment) -> None:
    env.source("ALTER TABLE film RENAME title TO name")
    env.load("dim_movie", "--batch-id", "broken", code=4)
    report = read(config.load(env.config, {}), "broken")
    (failed,) = report.failed
    assert failed.table == "dim_movie"
    assert "title" in (failed.reason or "")
    assert report.tone == "bad"
    assert {load.status for load in report.loads if load.table != "dim_movie"} == {"not run"}


def test_a_fact_without_payments(env: Environment) -> None:
    env.source("DELETE FROM payment")
    env.load("fact_sales", "--allow-mass-delete", "--batch-id", "night")
    report = read(config.load(env.config, {}), "night")
    nothing = Totals(0, Decimal(0))
    assert report.money is not None
    assert [report.money.source, report.money.warehouse, report.money.quarantined] == [nothing] * 3
    assert [*text.lines(report)]
