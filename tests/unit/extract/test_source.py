"""The SQL of the extract, without a database."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from dvdrental_etl.config import Database
from dvdrental_etl.db import postgres
from dvdrental_etl.db.names import quoted
from dvdrental_etl.db.watched import WatchedConnection
from dvdrental_etl.engine import spark
from dvdrental_etl.engine.base import TableRead
from dvdrental_etl.errors import SourceError
from dvdrental_etl.extract import reader
from dvdrental_etl.extract.source import Snapshot, Source
from dvdrental_etl.limits import DEFAULT_LIMITS, Limits
from dvdrental_etl.model.key_ranges import RangeCount
from dvdrental_etl.model.source_tables import SourceTable

ODD = Database("jdbc:postgresql://h/d", "u", "p", 'my "schema"')


def test_each_column_is_cast_by_the_source_and_every_name_is_quoted():
    table = SourceTable("film", "film_id bigint, is_new boolean", "film_id")
    assert spark._select(TableRead(table, Source(ODD).name("film"), ("TRUE",), 1)) == (
        'SELECT CAST("film_id" AS int8) AS "film_id", CAST("is_new" AS bool) AS "is_new", "film_id" AS stored_key'
        ' FROM "my ""schema"""."film"'
    )


def test_every_reader_joins_the_one_snapshot_in_the_same_zone():
    opened = Source(ODD)
    opened.snapshot = Snapshot("00000003-0000001B-1", "10:20:", "0/16B3748", "O'Hare", "system 7")
    opened._connection = cast(Any, SimpleNamespace(server_version=180001))
    limits = Limits(lock_seconds=600, statement_seconds=9, read_seconds=100)
    begin = reader._import_snapshot(opened, limits)
    assert begin[:2] == [
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        "SET TRANSACTION SNAPSHOT '00000003-0000001B-1'",
    ]
    assert "SET LOCAL TimeZone = E'O''Hare'" in begin
    assert {"SET LOCAL lock_timeout = E'50s'", "SET LOCAL statement_timeout = E'9s'"} <= set(begin)


def test_a_snapshot_names_the_first_transaction_that_may_be_invisible():
    taken = Snapshot("x", "4294967310:4294967320:4294967310,4294967315", "0/16B3748", "UTC", "system 7")
    assert (taken.horizon, taken.next_transaction) == (4_294_967_310, 4_294_967_320)


@pytest.mark.parametrize(
    ("sessions", "is_refused"),
    [
        ([(7, 7)], False),  # no pooler: the session has the number that the server says
        ([(7, 1001), (8, 1002)], False),  # a pooler that gives each connection a session of its own
        ([(7, 1001), (7, 1002)], True),
    ],
)
def test_a_pooler_that_shares_sessions_is_refused(monkeypatch, sessions, is_refused):
    """sessions: of each connection, the number that the server says, and the one that the client was told."""
    made: list[Session] = []

    def connect(*_):
        made.append(Session(*sessions[len(made)]))
        return made[-1]

    monkeypatch.setattr(postgres, "connect", connect)
    opened = Source(ODD)
    if not is_refused:
        opened.__enter__()
        return
    with pytest.raises(SourceError, match="exported snapshots need session pooling"):
        opened.__enter__()
    assert all(session.is_closed for session in made)


class Session:
    """A connection, as far as its number goes."""

    has_pooler = WatchedConnection.has_pooler

    def __init__(self, said, told):
        self.server_pid, self._told, self.is_closed = said, told, False

    def get_backend_pid(self):
        return self._told

    def set_session(self, **_):
        pass

    def close(self):
        self.is_closed = True


def test_rows_are_chosen_by_keys_in_chunks():
    assert reader._chunks("k", [1, -2, 30_000_000_000], 2) == [
        "k = ANY('{1,-2}'::bigint[])",
        "k = ANY('{30000000000}'::bigint[])",
    ]
    assert reader._chunks("k", [], 2) == ["k = ANY('{}'::bigint[])"]


@pytest.mark.parametrize(
    ("rows", "count", "parts"),
    [
        ({0: 10}, 1, ["TRUE"]),
        ({}, 4, ["TRUE"]),
        ({0: 10, 1: 10}, 2, ["k < 1024 OR k IS NULL", "k >= 1024"]),
        # Most rows lie in few ranges: what counts is rows, not how far the keys reach.
        (
            {-3: 1, 5: 30, 6: 30, 7: 29, 9_000: 30},
            4,
            [
                "k < 6144 OR k IS NULL",
                "k >= 6144 AND k < 7168",
                "k >= 7168 AND k < 9216000",
                "k >= 9216000",
            ],
        ),
        ({3: 1000, 4: 1}, 8, ["k < 4096 OR k IS NULL", "k >= 4096"]),  # a range is not cut
    ],
)
def test_a_table_is_cut_into_parts_of_about_equally_many_rows(rows, count, parts):
    counts = {number: RangeCount(held, 0) for number, held in rows.items()}
    assert reader._even_parts(counts, count, "k") == parts


@pytest.mark.parametrize(
    ("name", "sql"),
    [("payment", '"payment"'), ("Order", '"Order"'), ('a"b', '"a""b"'), ("x; DROP y", '"x; DROP y"')],
)
def test_an_identifier_is_quoted_whatever_it_holds(name, sql):
    assert quoted(name) == sql


@pytest.mark.parametrize(
    ("url", "options"),
    [
        (
            "jdbc:postgresql://h/d",
            "?prepareThreshold=-1&connectTimeout=10&loginTimeout=20&socketTimeout=300&tcpKeepAlive=true",
        ),
        (
            "jdbc:postgresql://h/d?socketTimeout=9&sslmode=require",
            "&prepareThreshold=-1&connectTimeout=10&loginTimeout=20&tcpKeepAlive=true",
        ),
    ],
)
def test_binary_transfer_and_limited_waits_are_asked_for_in_the_url(url, options):
    assert spark._with_options(url, DEFAULT_LIMITS) == url + options
