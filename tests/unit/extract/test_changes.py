"""What a load has to read, as far as it can be told without a database."""

import datetime as dt

import pytest

from dvdrental_etl.extract import changes
from dvdrental_etl.extract.changes import Extent, Range, Watermark
from dvdrental_etl.extract.source import Snapshot, Table

PAYMENT = Table("payment", "payment_id bigint", "payment_id")
DAY = dt.datetime.fromisoformat("2007-05-14T00:00:00")


class Asked:
    """A source that notes what it is asked, and answers with nothing."""

    def __init__(self, next_transaction=1000, identity="the same", without=()):
        self.snapshot = Snapshot("x", f"900:{next_transaction}:", "0/0", "UTC", "system 7")
        self.parameters, self._identity, self._without = [], identity, list(without)

    def rows(self, _query, parameters=()):
        self.parameters.append(parameters)
        return []

    def name(self, table):
        return f'"public"."{table}"'

    def identity(self, _tables):
        return self._identity

    def without_transactions(self, _tables):
        return self._without


def mark(**others):
    known = {
        "horizon": 500,
        "identity": "the same",
        "code_digest": "same code",
        "full_as_of": DAY,
        "ranges": {},
        "quarantined": (),
    }
    return Watermark(**(known | others))


@pytest.mark.parametrize(
    ("then", "now", "spans"),
    [
        ({}, {}, []),
        ({0: Range(2, 7)}, {0: Range(2, 7)}, []),
        ({0: Range(2, 7)}, {0: Range(3, 9)}, [(0, 1023)]),
        ({0: Range(2, 7)}, {0: Range(2, 9)}, [(0, 1023)]),  # as many keys, and not the same
        ({0: Range(2, 7)}, {}, [(0, 1023)]),
        ({}, {-1: Range(1, 1), 0: Range(1, 1), 2: Range(1, 1)}, [(-1024, 1023), (2048, 3071)]),
        ({}, {3_000_000: Range(1, 1)}, [(3_072_000_000, 3_072_001_023)]),
    ],
)
def test_ranges_whose_keys_are_not_the_same_any_more(then, now, spans):
    assert changes._differing(then, now) == spans


@pytest.mark.parametrize(
    ("horizon", "asked"),
    [
        (500, "500"),
        (2**32 - 1, "4294967295"),
        (2**32 + 5, "5"),  # ids in rows have 32 bits, that of a snapshot has 64
        (2**32, "3"),  # 0, 1 and 2 are no transactions'
        (2**32 + 2, "3"),
        (7 * 2**32 + 3, "3"),
    ],
)
def test_the_horizon_on_the_circle_of_transaction_ids(horizon, asked):
    source = Asked()
    assert changes.written_since(source, PAYMENT, horizon) == []
    assert source.parameters == [(asked, changes.MOST_KEYS + 1)]


def why(source=None, known=None, as_of=DAY, digest="same code"):
    return changes.reason_for_all(source or Asked(), [PAYMENT], known, as_of, digest)


def test_the_first_load_reads_everything():
    assert why(known=None) == "nothing is loaded yet"


def test_when_nothing_speaks_against_it_changes_alone_are_read():
    assert why(known=mark()) is None
    found = changes.since(Asked(), [PAYMENT], mark(), {"payment": []}, {"payment": {}})
    assert found == Extent({"payment": []}, [], "changes: 0 rows and 0 ranges of payment")
    assert found.is_empty
    assert not found.is_full


@pytest.mark.parametrize(
    ("source", "known", "said"),
    [
        (Asked(), mark(code_digest="other code"), "the code has changed"),
        (Asked(identity="another"), mark(), "was replaced or restored (it was the same, it is another)"),
        (Asked(499), mark(), "the source was restored, or left alone for long: -1 transactions have passed"),
        (Asked(500 + 2**31), mark(), "left alone for long: 2147483648 transactions"),
        (Asked(without=["payment"]), mark(), "payment cannot tell who wrote a row"),
    ],
)
def test_in_doubt_everything_is_read(source, known, said):
    assert said in why(source, known)


@pytest.mark.parametrize(
    ("as_of", "full"), [("2007-05-20T23:59:59", False), ("2007-05-21T00:00:00", True), ("2007-05-01", False)]
)
def test_everything_is_compared_once_a_week(as_of, full):
    assert (why(known=mark(), as_of=dt.datetime.fromisoformat(as_of)) is not None) is full


def test_everything_has_no_keys_and_no_bounds():
    found = changes.everything("why not")
    assert (found.keys, found.spans) == (None, ((-(2**63), 2**63 - 1),))
    assert found.is_full
    assert not found.is_empty
