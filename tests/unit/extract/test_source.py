"""What a script declares of its sources, and the SQL that the extract makes of it. No database here."""

import importlib
import re

import pytest

from dvdrental_etl.config import Database
from dvdrental_etl.extract import jdbc, source
from dvdrental_etl.extract.changes import Range
from dvdrental_etl.extract.source import Snapshot, Source, Table
from tests.support.paths import SPARK_APPS

SCRIPTS = [importlib.import_module(path.stem) for path in sorted(SPARK_APPS.glob("load_*.py"))]
DECLARED = [
    pytest.param(table, id=f"{script.__name__}-{table.name}")
    for script in SCRIPTS
    for table in script.SOURCES
]

ODD = Database("jdbc:postgresql://h/d", "u", "p", 'my "schema"')


def test_every_script_is_among_them():
    assert len(SCRIPTS) >= 5
    assert len(DECLARED) >= 20


def test_a_declaration_is_read_in_its_order():
    table = Table(
        "any",
        "a int, b smallint, c bigint, d string, e boolean, f date,"
        " g timestamp, h decimal(5,2), i array<string>",
        key="a",
    )
    assert list(table.types.items()) == [
        ("a", ("int", "")),
        ("b", ("smallint", "")),
        ("c", ("bigint", "")),
        ("d", ("string", "")),
        ("e", ("boolean", "")),
        ("f", ("date", "")),
        ("g", ("timestamp", "")),
        ("h", ("decimal", "(5,2)")),
        ("i", ("array<string>", "")),
    ]


@pytest.mark.parametrize("table", DECLARED)
def test_every_declaration_of_every_script_is_read_completely(table):
    # Counted without the pattern under test: the commas that stand outside of brackets.
    words = re.sub(r"\(.*?\)", "", table.columns).split(",")
    assert [word.split()[0] for word in words] == list(table.types)
    assert [word.split()[1] for word in words] == [declared for declared, _ in table.types.values()]


@pytest.mark.parametrize("table", DECLARED)
def test_every_declared_type_is_one_that_the_source_can_cast_to(table):
    for name, (declared, precision) in table.types.items():
        assert declared in source.TYPES, name
        assert bool(precision) == (declared == "decimal"), name
    assert table.types[table.key][0] in ("int", "bigint")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_every_table_but_that_of_the_grain_is_joined_on_a_column_of_an_earlier_one(script):
    grain, *others = script.SOURCES
    assert grain.joined_on is None
    assert grain.name == script.TARGET.counted.table
    earlier = {grain.name: grain}
    for table in others:
        upper, column = table.joined_on.split(".")
        assert column in earlier[upper].types
        earlier[table.name] = table


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_transform_is_given_each_source_by_its_name(script):
    parameters = script.transform.__code__.co_varnames[: script.transform.__code__.co_argcount]
    assert list(parameters) == [table.name for table in script.SOURCES]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_what_is_reconciled_is_among_the_sources(script):
    counted = script.TARGET.counted
    table = next(table for table in script.SOURCES if table.name == counted.table)
    assert {counted.day, counted.amount} - {None} <= set(table.types)


def test_a_type_is_taken_only_from_types_that_it_holds_without_loss():
    taken = {declared: sorted(kinds) for declared, (_, kinds) in source.TYPES.items()}
    assert taken == {
        "smallint": ["int2", "int4", "int8"],
        "int": ["int2", "int4", "int8"],
        "bigint": ["int2", "int4", "int8"],
        "string": ["bpchar", "enum", "text", "varchar"],
        "boolean": ["bool"],
        "date": ["date"],
        "timestamp": ["timestamp", "timestamptz"],
        "decimal": ["numeric"],
        "array<string>": ["_text", "_varchar"],
    }


def test_each_column_is_cast_by_the_source_and_every_name_is_quoted():
    table = Table(
        "film", "film_id int, rate decimal(4,2), title string, tags array<string>, at timestamp", "film_id"
    )
    assert jdbc._select(Source(ODD), table) == (
        'SELECT CAST("film_id" AS int4) AS "film_id", CAST("rate" AS numeric(4,2)) AS "rate",'
        ' CAST("title" AS text) AS "title", CAST("tags" AS text[]) AS "tags",'
        ' CAST("at" AS timestamp) AS "at" FROM "my ""schema"""."film"'
    )


def test_every_reader_joins_the_one_snapshot_in_the_same_zone():
    opened = Source(ODD)
    opened.snapshot = Snapshot("00000003-0000001B-1", "10:20:", "0/16B3748", "O'Hare", "system 7")
    assert jdbc._join_snapshot(opened) == (
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
        " SET TRANSACTION SNAPSHOT '00000003-0000001B-1'; SET LOCAL TIME ZONE 'O''Hare'"
    )


def test_a_snapshot_says_from_which_transaction_on_things_may_be_missing():
    taken = Snapshot("x", "4294967310:4294967320:4294967310,4294967315", "0/16B3748", "UTC", "system 7")
    assert (taken.horizon, taken.next_transaction) == (4_294_967_310, 4_294_967_320)


def test_rows_are_chosen_by_keys_in_parts_of_bounded_size(monkeypatch):
    monkeypatch.setattr(jdbc, "KEYS_PER_PARTITION", 2)
    assert jdbc._among("k", [1, -2, 30_000_000_000]) == [
        "k = ANY('{1,-2}'::bigint[])",
        "k = ANY('{30000000000}'::bigint[])",
    ]
    assert jdbc._among("k", []) == ["k = ANY('{}'::bigint[])"]


def test_by_however_many_keys_no_more_connections_are_opened(monkeypatch):
    monkeypatch.setattr(jdbc, "KEYS_PER_PARTITION", 2)
    monkeypatch.setattr(jdbc, "MOST_CONNECTIONS", 3)
    assert [part.count(",") + 1 for part in jdbc._among("k", list(range(10)))] == [4, 4, 2]


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
    ranges = {number: Range(held, 0) for number, held in rows.items()}
    assert jdbc._parts(ranges, count, "k") == parts


@pytest.mark.parametrize(
    ("name", "sql"),
    [("payment", '"payment"'), ("Order", '"Order"'), ('a"b', '"a""b"'), ("x; DROP y", '"x; DROP y"')],
)
def test_an_identifier_is_quoted_whatever_it_holds(name, sql):
    assert source.quoted(name) == sql


@pytest.mark.parametrize(
    ("url", "binary"),
    [
        ("jdbc:postgresql://h/d", "jdbc:postgresql://h/d?prepareThreshold=-1"),
        (
            "jdbc:postgresql://h/d?sslmode=require",
            "jdbc:postgresql://h/d?sslmode=require&prepareThreshold=-1",
        ),
    ],
)
def test_binary_transfer_is_asked_for_in_the_url(url, binary):
    assert jdbc._binary(url) == binary


@pytest.mark.parametrize(
    ("modifier", "scale"),
    [
        (327686, 2),  # numeric(5,2): (5 << 16 | 2) + 4
        (262150, 2),  # numeric(4,2)
        (655364, 0),  # numeric(10,0), written numeric(10)
        (1179662, 10),  # numeric(18,10)
        (2490392, 20),  # numeric(38,20)
        (65541, 1),  # numeric(1,1)
        (-1, 1000),  # numeric: as many as it likes
    ],
)
def test_the_decimals_of_a_numeric(modifier, scale):
    assert source._scale(modifier) == scale
