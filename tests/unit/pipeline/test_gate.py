"""The gate: what stops a publish, at its threshold and on either side of it."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from dvdrental_etl.errors import GateRefused, WarehouseError
from dvdrental_etl.limits import DEFAULT_LIMITS
from dvdrental_etl.model.rules import Severity
from dvdrental_etl.model.totals import Totals
from dvdrental_etl.pipeline import gate
from dvdrental_etl.staging.results import Reject, Staged
from tests.support.rows import SALES, STAFF


def reject(key="1", rule="not null", column="payment_ts", **row):
    return Reject(key, rule, column, None, row)


MONDAY, TUESDAY = dt.date(2007, 5, 14), dt.date(2007, 5, 15)


def test_quarantined_facts_are_totalled_by_day_as_the_source_counts_them():
    rejects = [
        reject(payment_ts="2007-05-14T13:44:29.996577", sales_amount=Decimal("2.99")),
        reject(payment_ts="2007-05-14T00:00:00", sales_amount=Decimal("0.01")),
        reject(payment_ts="2007-05-14T23:59:59"),  # no amount: a row worth nothing known
        reject(payment_ts="2007-05-15T00:00:00"),
        reject(sales_amount=Decimal("4.99")),  # no day
        reject(sales_amount=5),
    ]
    assert gate.reject_totals(SALES, rejects) == {
        MONDAY: (3, Decimal("3.00")),
        TUESDAY: (1, None),
        None: (2, Decimal("9.99")),
    }


def test_quarantined_members_are_counted_without_day_or_money():
    rejects = [reject(staff_id=1, payment_ts="2007-05-14", sales_amount=Decimal("1.00")), reject(staff_id=2)]
    assert gate.reject_totals(STAFF, rejects) == {None: (2, None)}
    assert gate.reject_totals(STAFF, []) == {}


def refusal(check, *arguments, **named):
    with pytest.raises(GateRefused) as refused:
        check(*arguments, **named)
    assert refused.value.exit_code == 5
    return str(refused.value.line)


def accept(table, read, rejected, rejects):
    staged = Staged(rows=read - rejected, rejected=rejected, rejects=tuple(rejects))
    gate.require_acceptable_rejects(table, read, staged, DEFAULT_LIMITS)


def test_a_row_that_stops_the_load():
    stopping = replace(
        reject("-1", "not -1, which is Unknown", "staff_id"), value="-1", severity=Severity.STOP
    )
    assert refusal(accept, "dim_staff", 2, 1, [stopping]) == (
        "gate: dim_staff: staff_id -1 breaks 'not -1, which is Unknown' at key -1"
        " -> correct it in the source; the published table is unchanged"
    )
    accept("dim_staff", 2, 1, [reject()])


def test_rows_that_landed_twice_or_not_at_all():
    gate.require_all_landed(SALES, 3, 3)
    for landed in (2, 4):
        with pytest.raises(WarehouseError, match=f"fact_sales: {landed} rows are in staging, 3 were sent"):
            gate.require_all_landed(SALES, landed, 3)


@pytest.mark.parametrize(
    ("read", "rejected"),
    [
        (0, 0),
        (10, 10),  # ten are always allowed
        (1000, 10),
        (1099, 10),
        (1100, 11),  # one in a hundred
        (50_000, 500),
    ],
)
def test_few_rejects_pass(read, rejected):
    accept("fact_sales", read, rejected, [reject()] * rejected)


@pytest.mark.parametrize(("read", "rejected"), [(11, 11), (1000, 11), (1099, 11), (50_000, 501)])
def test_many_rejects_stop_the_load(read, rejected):
    rejects = [reject("17503", "at most 80 bytes", "district"), *[reject()] * (rejected - 1)]
    assert refusal(accept, "dim_staff", read, rejected, rejects) == (
        f"gate: dim_staff: {rejected} of {read} rows break a rule, such as district 'at most 80 bytes'"
        " at key 17503 -> correct them in the source; the published table is unchanged"
    )


def test_more_rejects_than_could_be_kept_stop_the_load():
    message = refusal(accept, "fact_sales", 10_000_000, 60_001, [reject()] * 60_000)
    assert message.startswith(
        "gate: fact_sales: 60001 of 10000000 rows break a rule, such as payment_ts 'not null'"
    )


def test_equal_totals_reconcile():
    source: Totals = {MONDAY: (2, Decimal("5.98")), TUESDAY: (1, None)}
    gate.require_reconciled("fact_sales", source, {TUESDAY: (1, None), MONDAY: (2, Decimal("5.98"))})
    gate.require_reconciled("fact_sales", {MONDAY: (1, Decimal("5"))}, {MONDAY: (1, Decimal("5.00"))})
    gate.require_reconciled("dim_staff", {None: (2, None)}, {None: (2, None)})
    gate.require_reconciled("dim_staff", {}, {})


@pytest.mark.parametrize(
    ("loaded", "message"),
    [
        (
            {MONDAY: (2, Decimal("5.98")), TUESDAY: (1, Decimal("4.98"))},
            "(1 of 2 days): on 2007-05-15 the source has 1 rows worth 4.99, the load 1 worth 4.98",
        ),
        (
            {MONDAY: (3, Decimal("5.98")), TUESDAY: (1, Decimal("4.99"))},
            "(1 of 2 days): on 2007-05-14 the source has 2 rows worth 5.98, the load 3 worth 5.98",
        ),
        (
            {MONDAY: (2, Decimal("5.98"))},
            "(1 of 2 days): on 2007-05-15 the source has 1 rows worth 4.99, the load 0 worth None",
        ),
        (
            {MONDAY: (2, None), TUESDAY: (1, Decimal("4.99")), None: (1, Decimal("0.00"))},
            "(2 of 3 days): on 2007-05-14 the source has 2 rows worth 5.98, the load 2 worth None",
        ),
        (
            {},
            "(2 of 2 days): on 2007-05-14 the source has 2 rows worth 5.98, the load 0 worth None",
        ),
    ],
    ids=["a cent", "a row", "a day", "money and a row without day", "everything"],
)
def test_totals_that_differ_stop_the_load(loaded, message):
    source = {MONDAY: (2, Decimal("5.98")), TUESDAY: (1, Decimal("4.99"))}
    assert refusal(gate.require_reconciled, "fact_sales", source, loaded) == (
        f"gate: fact_sales does not reconcile {message}"
        " -> look for joins of transform() that lose or multiply rows; the published table is unchanged"
    )


def test_members_that_differ_stop_the_load():
    message = refusal(gate.require_reconciled, "dim_staff", {None: (2, None)}, {None: (3, None)})
    assert message.startswith(
        "gate: dim_staff does not reconcile (1 of 1 days): in all the source has 2 rows worth None, the load 3"
    )


def test_a_key_that_occurs_twice_stops_the_load():
    gate.require_unique("dim_staff", "staff_id", [])
    assert refusal(gate.require_unique, "dim_staff", "staff_id", [(7, 2)]) == (
        "gate: dim_staff: staff_id 7 occurs 2 times"
        " -> the source must have each key once; the published table is unchanged"
    )
    several = refusal(gate.require_unique, "fact_sales", "sales_key", [(9, 3), (7, 2)])
    assert several.startswith("gate: fact_sales: sales_key 9 occurs 3 times ->")


@pytest.mark.parametrize(
    ("before", "deleted", "staged"),
    [
        (0, 0, 0),  # the first load of an empty source
        (0, 0, 100),
        (1, 1, 1),
        (5, 5, 1),  # five are always allowed
        (25, 5, 20),
        (100, 20, 80),  # one in five
        (14_596, 2919, 11_677),
    ],
)
def test_few_deletions_pass(before, deleted, staged):
    delete(before, deleted, staged)


def delete(before, deleted, source_rows):
    gate.require_few_deletions(
        "fact_sales", before=before, deleted=deleted, source_rows=source_rows, limits=DEFAULT_LIMITS
    )


@pytest.mark.parametrize(("before", "deleted"), [(6, 6), (25, 6), (100, 21), (14_596, 2920)])
def test_a_mass_delete_stops_the_load(before, deleted):
    assert refusal(delete, before, deleted, 1) == (
        f"gate: fact_sales: {deleted} of {before} rows would be deleted"
        " -> if that is intended, run again with --allow-mass-delete; the published table is unchanged"
    )


@pytest.mark.parametrize("before", [1, 3, 14_596])
def test_an_empty_source_stops_the_load(before):
    assert refusal(delete, before, before, 0) == (
        f"gate: fact_sales: the source is empty, {before} rows are published"
        " -> if that is intended, run again with --allow-mass-delete; the published table is unchanged"
    )
