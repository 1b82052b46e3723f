"""What the scripts declare as SOURCES, and how a declaration is read."""

import importlib
import re

import pytest

from dvdrental_etl.model.source_tables import SOURCE_TYPES, SourceTable
from dvdrental_etl.model.targets import Fact
from tests.support.paths import SPARK_APPS

SCRIPTS = [importlib.import_module(path.stem) for path in sorted(SPARK_APPS.glob("load_*.py"))]
DECLARED = [
    pytest.param(table, id=f"{script.__name__}-{table.name}")
    for script in SCRIPTS
    for table in script.SOURCES
]


def test_every_script_is_among_them():
    assert len(SCRIPTS) >= 5
    assert len(DECLARED) >= 20


@pytest.mark.parametrize(
    ("columns", "wrong"),
    [
        ("a int; b int", "a int;"),
        ("a", "a"),
        ("a int, b", " b"),
        ("a integer", "integer"),
        ("a int, b jsonb", "jsonb"),
    ],
)
def test_a_declaration_that_cannot_be_read_is_refused(columns, wrong):
    with pytest.raises(ValueError, match=re.escape(f"columns of any: cannot read '{wrong}'")):
        SourceTable("any", columns, key="a")


def test_a_declaration_is_read_in_its_order():
    table = SourceTable(
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
        assert declared in SOURCE_TYPES, name
        assert bool(precision) == (declared == "decimal"), name
    assert table.types[table.key][0] in ("int", "bigint")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_every_table_but_that_of_the_grain_is_joined_on_a_column_of_an_earlier_one(script):
    grain, *others = script.SOURCES
    assert grain.joined_on is None
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
    if isinstance(script.TARGET, Fact):
        reconciled, grain = script.TARGET.reconciled, script.SOURCES[0]
        assert {reconciled.day, reconciled.amount} <= set(grain.types)


def test_a_type_is_taken_only_from_types_of_the_same_kind():
    taken = {declared: sorted(kinds) for declared, kinds in SOURCE_TYPES.items()}
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
