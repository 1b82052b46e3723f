"""Every statement reads in the grammars of both dialects, PostgreSQL's and Redshift's."""

import importlib
import re

import pytest
from sqlfluff.core import FluffConfig, Linter

from dvdrental_etl.publish import steps
from tests.support.paths import ROOT

SQL_SCRIPTS = ROOT / "sql_scripts"
SCRIPTS = [importlib.import_module(path.stem) for path in sorted((ROOT / "spark_apps").glob("load_*.py"))]
DIALECTS = ("postgres", "redshift")
BOUND = {
    "as_of": "TIMESTAMP '2007-05-15 00:00:00'",
    "batch_id": "7",
    "load_id": "8",
    "horizon": "'1234'",
    "left_out": "(1025, 3333)",
}


def bound(sql):
    """A statement with values in place of its parameters."""
    return re.sub(r"%\((\w+)\)s", lambda match: BOUND[match[1]], sql)


def statements():
    """Name -> (SQL, the dialects that it is for)."""
    found = {}
    for path in sorted(SQL_SCRIPTS.rglob("*.sql")):
        name = path.relative_to(SQL_SCRIPTS).as_posix()
        own = [dialect for dialect in DIALECTS if re.match(rf"physical/{dialect}|roles/.*_{dialect}", name)]
        if name.startswith(("verify/source/", "roles/source")):
            own = ["postgres"]
        text = path.read_text(encoding="utf-8")
        if name.endswith("_dimension.sql"):
            text = text.format(table="dim_customer", natural_key="customer_id", key="customer_key")
        found[name] = (bound(text), own or DIALECTS)
    for script in SCRIPTS:
        table = script.TARGET.table
        for number, step in enumerate(steps.steps(script.TARGET, f"stg_{table}_0a1b2c3d")):
            found[f"publish {table} {number}"] = (bound(step.sql), DIALECTS)
    return found


STATEMENTS = statements()


@pytest.fixture(scope="module")
def linters():
    return {dialect: Linter(config=FluffConfig(overrides={"dialect": dialect})) for dialect in DIALECTS}


def unread(linter, sql):
    """What a grammar cannot read of a text: nothing, on good SQL."""
    parsed = linter.parse_string(sql)
    trees = [variant.tree for variant in parsed.parsed_variants]
    assert trees
    assert all(trees)
    sections = [part.raw for tree in trees for part in tree.recursive_crawl("unparsable")]
    return [*sections, *(violation.desc() for violation in parsed.violations)]


@pytest.mark.parametrize(
    ("name", "dialect"),
    [(name, dialect) for name, (_, dialects) in STATEMENTS.items() for dialect in dialects],
)
def test_a_statement_reads_in_the_dialect(linters, name, dialect):
    assert unread(linters[dialect], STATEMENTS[name][0]) == []


@pytest.mark.parametrize(
    "name", [name for name, (_, dialects) in STATEMENTS.items() if "redshift" in dialects]
)
def test_a_statement_uses_nothing_that_only_the_grammar_takes_for_redshift(name):
    # The grammar inherits these from PostgreSQL's; Redshift itself refuses them.
    unsupported = (
        r"\bIS (NOT )?DISTINCT FROM\b|\bFILTER ?\(|\bDISTINCT ON\b|\bRETURNING\b|\bLATERAL\b|\bINDEX\b"
        r"|\bstring_agg\b|\bgenerate_series\b|\bUNLOGGED\b|\bDEFERRABLE\b|\bTABLESPACE\b"
    )
    plain = " ".join(re.sub(r"--.*", "", STATEMENTS[name][0]).split())
    assert not re.search(unsupported, plain, re.I)


def test_every_kind_of_statement_is_among_them():
    names = set(STATEMENTS)
    assert {path.name for path in SQL_SCRIPTS.glob("*.sql")} <= names
    assert {"physical/postgres.sql", "physical/redshift.sql", "create_dim_date.sql"} <= names
    assert {"verify/keys_are_unique.sql", "verify/source/facts.sql", "verify/warehouse/facts.sql"} <= names
    assert {name.split()[1] for name in names if name.startswith("publish ")} >= {
        *("dim_customer", "dim_movie", "dim_store", "dim_staff", "fact_sales")
    }


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("SELEC 1;", "postgres"),
        ("ALTER TABLE t ALTER DISTSTYLE ALL;", "postgres"),
        ("INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING;", "redshift"),
        ("UPDATE t SET a = FROM p;", "redshift"),
    ],
)
def test_a_grammar_refuses_what_its_dialect_does_not_have(linters, sql, dialect):
    assert unread(linters[dialect], sql) != []
