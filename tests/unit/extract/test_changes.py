"""What a load has to read, as far as it can be decided without a database."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from dvdrental_etl.extract import changes
from dvdrental_etl.extract.catalog import Catalog, Relation
from dvdrental_etl.extract.changes import Changes, Extent, Watermark
from dvdrental_etl.extract.source import Snapshot
from dvdrental_etl.limits import DEFAULT_LIMITS
from dvdrental_etl.model.source_tables import SourceTable

PAYMENT = SourceTable("payment", "payment_id bigint", "payment_id")
DAY = dt.datetime.fromisoformat("2007-05-14T00:00:00")


class Asked:
    """A source that records its queries, and answers with nothing."""

    def __init__(self, next_transaction=1000, origin="the same"):
        self.snapshot = Snapshot("x", f"900:{next_transaction}:", "0/0", "UTC", origin)
        self.parameters = []

    def rows(self, _query, parameters=()):
        self.parameters.append(parameters)
        return []

    def name(self, table):
        return f'"public"."{table}"'


TABLE, VIEW = Relation(7, True, True, {}, "a1"), Relation(7, True, False, {}, "a1")


def watermark(**others):
    known = Watermark(
        horizon=500,
        identity="the same, payment 7, payment columns a1",
        code_digest="same code",
        full_as_of=DAY,
        counts={},
        quarantined=(),
    )
    return replace(known, **others)


@pytest.mark.parametrize(
    ("horizon", "asked"),
    [
        (500, "500"),
        (2**32 - 1, "4294967295"),
        (2**32 + 5, "5"),  # ids in rows have 32 bits, that of a snapshot has 64
        (2**32, "3"),  # 0, 1 and 2 are reserved
        (2**32 + 2, "3"),
        (7 * 2**32 + 3, "3"),
    ],
)
def test_the_horizon_on_the_circle_of_transaction_ids(horizon, asked):
    source: Any = Asked()
    assert changes.written_since(source, PAYMENT, horizon, most=1_000_000) == []
    assert source.parameters == [(asked, 1_000_001)]


def why(source=None, relation=TABLE, known=None, as_of=DAY):
    found = Catalog({"payment": relation}, [PAYMENT])
    asked: Any = source or Asked()
    return changes.reason_for_full(asked, found, known or watermark(), as_of, DEFAULT_LIMITS)


def test_without_a_reason_only_changes_are_read():
    assert why() is None
    seen = Changes({"payment": []}, {"payment": {}})
    source: Any = Asked()
    found = changes.affected(source, [PAYMENT], watermark(), seen, DEFAULT_LIMITS)
    assert found == Extent({"payment": []}, [], "changes: 0 rows and 0 key ranges of payment")
    assert found.is_empty
    assert not found.is_full


@pytest.mark.parametrize(
    ("source", "relation", "message"),
    [
        (
            *(Asked(origin="another"), TABLE),
            "(it was the same, payment 7, payment columns a1, it is another, payment 7, payment columns a1)",
        ),
        (Asked(), replace(TABLE, definition="b2"), "it is the same, payment 7, payment columns b2)"),
        (Asked(499), TABLE, "the source was restored, or not loaded for long: -1 transactions have passed"),
        (Asked(500 + 2**31), TABLE, "not loaded for long: 2147483648 transactions"),
        (Asked(), VIEW, "rows of payment do not name the transaction that wrote them"),
    ],
)
def test_in_doubt_everything_is_read(source, relation, message):
    assert message in why(source, relation)


@pytest.mark.parametrize(
    ("as_of", "full"),
    [
        ("2007-05-20T23:59:59", False),
        ("2007-05-21T00:00:00", True),
        ("2007-05-07T00:00:01", False),
        ("2007-05-07T00:00:00", True),  # the clock was ahead the last time
    ],
)
def test_everything_is_compared_once_a_week(as_of, full):
    assert (why(as_of=dt.datetime.fromisoformat(as_of)) is not None) is full


def test_everything_has_no_keys_and_no_bounds():
    found = changes.everything("why not")
    assert (found.keys, found.spans) == (None, ((-(2**63), 2**63 - 1),))
    assert found.is_full
    assert not found.is_empty
