"""Pure parts of the Redshift emulator: text as tokens, Redshift's DDL as PostgreSQL's, COPY as options."""

from __future__ import annotations

import pytest

from redshift_emulator import copy
from redshift_emulator.statement import translate
from redshift_emulator.tokens import normalized, shape, split, sql_text, tokenize
from redshift_emulator.wire import SqlError, error_fields


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 'a;''b', \"X\" -- c;\nFROM t", "SELECT '?' , \"X\" FROM T"),
        (r"SELECT 'it\'s; -- no comment'", "SELECT '?'"),
        ("/* a; 'b */SELECT $1::int, %s, 1.5e3, .5", "SELECT $1 :: INT , %s , 1.5e3 , .5"),
        ("SELECT $x$ ; $x$", "SELECT '?'"),
        ("SELECT a FROM #t", "SELECT A FROM #T"),
    ],
)
def test_rules_see_words_and_no_literals(sql, expected):
    assert normalized(tokenize(sql)) == expected
    assert sql_text(tokenize(sql)) == sql


def test_statements_are_cut_where_they_end():
    assert [sql_text(part).strip() for part in split(tokenize("SELECT ';' ; ; SELECT (1; 2)"), ";")] == [
        "SELECT ';'",
        "SELECT (1; 2)",
    ]


def test_rows_of_one_shape_are_parsed_once():
    rows = ", ".join(f"({n}, 'x{n}')" for n in range(50))
    assert shape(f"INSERT INTO s.t (a, b) VALUES {rows}, (1, NULL)") == (
        "INSERT INTO s.t ( a , b ) VALUES ( 1 , 'x' ), ( 1 , NULL )"
    )


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TABLE t (a text, b varchar(max))", "CREATE TABLE t (a varchar(256), b varchar(65535))"),
        ("CREATE TABLE t (a decimal, b char)", "CREATE TABLE t (a numeric(18,0), b char(1))"),
        ("CREATE TABLE t (a int, b int, PRIMARY KEY (a, b))", "CREATE TABLE t (a int NOT NULL, b int NOT NULL)"),
        ("CREATE TABLE t (a int DEFAULT (1) ENCODE az64 NOT NULL)", "CREATE TABLE t (a int DEFAULT ( 1 ) NOT NULL)"),
        ("CREATE TABLE #t (LIKE u)", 'CREATE TEMP TABLE "#t" (LIKE u)'),
        ("CREATE TABLE t DISTKEY (a) AS SELECT 1 AS a", "CREATE TABLE t AS SELECT 1 AS a"),
        ("ALTER TABLE s.t ADD COLUMN a text ENCODE zstd", "ALTER TABLE s.t ADD COLUMN a varchar(256)"),
        ("ALTER TABLE t ALTER SORTKEY (a)", None),
        ("LOCK t, u", "LOCK TABLE t, u"),
        ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", "BEGIN"),
        ("SELECT SYSDATE", "SELECT redshift_emulator_sysdate()"),
        ("SELECT DATEADD(day, 1, d) FROM t", "SELECT DATEADD('day', 1, d) FROM t"),
        ("SELECT LISTAGG(v) FROM t", "SELECT STRING_AGG(CAST(v AS text), '' ) FROM t"),
        ("SELECT a FROM t MINUS SELECT 1", "SELECT a FROM t EXCEPT SELECT 1"),
    ],
)  # fmt: skip
def test_what_postgresql_runs_instead(sql, expected):
    assert translate(sql).sql == expected


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("INSERT INTO s.t (a) VALUES (1)", "s.t"),
        ('UPDATE "T" SET a = 1', '"T"'),
        ("DELETE FROM #t USING u WHERE u.a = #t.a", '"#t"'),
        ("TRUNCATE TABLE t", "t"),
        ("COPY s.t FROM 's3://b/k' IAM_ROLE default PARQUET", "s.t"),
        ("SELECT a FROM t", None),
    ],
)
def test_the_table_that_is_written(sql, table):
    assert translate(sql).written_table == table


def test_what_is_remembered_of_a_table():
    made = translate(
        "CREATE TABLE t (a int PRIMARY KEY, b int ENCODE raw) DISTSTYLE KEY DISTKEY (a) SORTKEY (b, a)"
    )
    assert made.definition is not None
    assert made.definition.design.facts() == {
        "diststyle": "KEY",
        "distkey": "a",
        "sortkey": ["b", "a"],
        "keys": ["PRIMARY KEY (a)"],
        "primary": ["a"],
        "encodings": {"b": "RAW"},
    }


def test_a_copy_in_its_parts():
    order = copy.parse(
        "COPY s.t (a, \"B\") FROM 's3://bucket/a/b.manifest' CREDENTIALS 'aws_iam_role=arn:x' FORMAT PARQUET MANIFEST"
    )
    assert (order.table, order.columns, order.bucket, order.key) == (
        "s.t",
        ["a", "B"],
        "bucket",
        "a/b.manifest",
    )
    assert (order.role, order.manifest) == ("arn:x", True)


def test_an_error_survives_the_wire():
    packed = SqlError("XX000", "1023", "detail é", "hint").packed()
    assert error_fields(packed) == {"S": "ERROR", "C": "XX000", "M": "1023", "D": "detail é", "H": "hint"}
