"""The shape of the SQL that makes staging live. What it does to tables is for the integration tests."""

import importlib
import itertools
import re
import sqlite3

import pytest

from dvdrental_etl.model.targets import Scd2Dimension
from dvdrental_etl.publish import steps
from dvdrental_etl.publish.statements import differs
from tests.support.paths import SPARK_APPS

SCRIPTS = [importlib.import_module(path.stem) for path in sorted(SPARK_APPS.glob("load_*.py"))]
TARGETS = {script.TARGET.table: script.TARGET for script in SCRIPTS}
DIMENSIONS = [name for name, target in TARGETS.items() if isinstance(target, Scd2Dimension)]
STEPS = {name: steps.steps(target, "stg_x") for name, target in TARGETS.items()}
EVERY = [
    pytest.param(name, step, id=f"{name}-{number}")
    for name, steps in STEPS.items()
    for number, step in enumerate(steps)
]


def flat(sql):
    return " ".join(sql.split())


def beginnings(steps):
    """What each step does to which table: its first words, up to the table's name."""
    pattern = r"CREATE TEMP TABLE \w+|INSERT INTO \w+|UPDATE \w+|DELETE FROM \w+|DROP TABLE \w+|SELECT"
    return [re.findall(f"^(?:{pattern})", flat(step.sql))[0] for step in steps]


@pytest.mark.parametrize("name", ["dim_customer", "dim_movie", "dim_staff"])
def test_the_steps_of_a_dimension_in_their_order(name):
    assert beginnings(STEPS[name]) == [
        f"CREATE TEMP TABLE {name}_affected",
        f"CREATE TEMP TABLE {name}_plan",
        "SELECT",
        f"UPDATE {name}",  # close versions
        f"INSERT INTO {name}",  # open versions
        f"UPDATE {name}",  # correct in place
        f"UPDATE {name}",  # mark deleted
        f"UPDATE {name}",  # overwrite what has no history
        f"DROP TABLE {name}_affected",
        f"DROP TABLE {name}_plan",
    ]


def test_a_dimension_that_keeps_history_of_everything_overwrites_nothing():
    assert beginnings(STEPS["dim_store"]) == [
        "CREATE TEMP TABLE dim_store_affected",
        "CREATE TEMP TABLE dim_store_plan",
        "SELECT",
        "UPDATE dim_store",
        "INSERT INTO dim_store",
        "UPDATE dim_store",
        "UPDATE dim_store",
        "DROP TABLE dim_store_affected",
        "DROP TABLE dim_store_plan",
    ]


def test_the_steps_of_the_fact_in_their_order():
    assert beginnings(STEPS["fact_sales"]) == [
        "INSERT INTO dim_customer",  # members that facts name before they came
        "INSERT INTO dim_staff",
        "INSERT INTO dim_store",
        "INSERT INTO dim_movie",
        "DELETE FROM fact_sales",  # gone into quarantine
        "DELETE FROM fact_sales",  # gone from the source
        "INSERT INTO stg_x",  # facts whose version was closed before their event
        "CREATE TEMP TABLE fact_sales_plan",
        "SELECT",
        "DELETE FROM fact_sales",  # the old form of what changed
        "INSERT INTO fact_sales",
        "UPDATE etl_load",  # those versions are seen
        "DROP TABLE fact_sales_plan",
    ]


@pytest.mark.parametrize("name", DIMENSIONS)
def test_what_a_dimension_counts_comes_from_its_plan(name):
    counting = [(number, step.counts) for number, step in enumerate(STEPS[name]) if step.counts]
    assert counting == [(2, ("new", "changed", "expired", "deleted"))]
    assert flat(STEPS[name][2].sql) == (
        "SELECT COUNT(CASE WHEN action = 'new' THEN 1 END),"
        " COUNT(CASE WHEN action IN ('version', 'complete', 'correct') OR overwrites = 1 THEN 1 END),"
        " COUNT(CASE WHEN action IN ('version', 'delete') THEN 1 END),"
        " COUNT(CASE WHEN action IN ('delete', 'mark deleted') THEN 1 END)"
        f" FROM {name}_plan"
    )


def test_what_the_fact_counts():
    counting = [(number, step.counts) for number, step in enumerate(STEPS["fact_sales"]) if step.counts]
    dimensions = "dim_customer", "dim_staff", "dim_store", "dim_movie"
    assert counting == [
        *((number, (f"inferred {dimension}",)) for number, dimension in enumerate(dimensions)),
        (4, ("withdrawn",)),
        (5, ("deleted",)),
        (8, ("new", "changed")),
    ]
    assert flat(STEPS["fact_sales"][8].sql) == (
        "SELECT COUNT(CASE WHEN is_new = 1 THEN 1 END), COUNT(CASE WHEN is_new = 0 THEN 1 END)"
        " FROM fact_sales_plan"
    )


@pytest.mark.parametrize("name", DIMENSIONS)
def test_every_action_that_a_plan_may_take_is_carried_out(name):
    _, plan, _, *rest = (flat(step.sql) for step in STEPS[name])
    actions = set(re.findall(r"(?:THEN|ELSE) '([a-z ]+)'", plan))
    assert actions == {"new", "keep", "complete", "delete", "mark deleted", "version", "correct"}
    carried_out = {
        action
        for sql in rest
        for listed in re.findall(r"action (?:=|IN) (\(.*?\)|'.*?')", sql)
        for action in re.findall(r"'(.*?)'", listed)
    }
    assert carried_out == actions - {"keep"}


@pytest.mark.parametrize(("name", "step"), EVERY)
def test_columns_are_named_and_joins_say_how(name, step):
    sql = flat(step.sql)
    assert "*" not in sql.replace("COUNT(*)", "")
    assert not re.search(r"(?<!INNER )(?<!LEFT )(?<!FULL OUTER )\bJOIN\b", sql)
    if sql.startswith("INSERT"):
        assert re.match(r"INSERT INTO \w+ ?\(", sql), "an INSERT lists its columns"
    assert "NATURAL" not in sql
    assert not re.search(r"\bUSING \(", sql)


@pytest.mark.parametrize(("name", "step"), EVERY)
def test_only_the_run_is_bound_and_no_clock_is_read(name, step):
    assert set(re.findall(r"%\((\w+)\)s", step.sql)) <= {"as_of", "batch_id", "load_id"}
    assert "%" not in re.sub(r"%\(\w+\)s", "", step.sql)
    assert not re.search(
        r"\b(now|current_timestamp|current_date|getdate|sysdate|localtimestamp)\b", step.sql, re.I
    )


@pytest.mark.parametrize(("name", "step"), EVERY)
def test_what_is_published_is_neither_dropped_nor_emptied_nor_altered(name, step):
    assert not re.search(r"\b(TRUNCATE|ALTER|RENAME|GRANT|VACUUM)\b", step.sql)
    assert set(re.findall(r"(?:DROP|CREATE(?: TEMP)?) TABLE (\w+)", step.sql)) <= {
        f"{name}_plan",
        f"{name}_affected",
    }
    if "DELETE" in step.sql:
        assert "WHERE" in step.sql


@pytest.mark.parametrize(("name", "step"), EVERY)
def test_every_row_that_is_written_names_its_batch(name, step):
    sql = flat(step.sql)
    if sql.startswith("UPDATE") and not sql.startswith("UPDATE etl_load"):
        assert "batch_id = %(batch_id)s" in sql
    if sql.startswith("INSERT") and not sql.startswith("INSERT INTO stg_x"):
        assert re.match(r"INSERT INTO \w+ ?\([^)]*\bbatch_id ?\)", sql)
        assert "%(batch_id)s FROM" in sql


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_made_for_a_publish_goes_with_it(name):
    text = " ".join(flat(step.sql) for step in STEPS[name])
    made, dropped = re.findall(r"CREATE TEMP TABLE (\w+)", text), re.findall(r"DROP TABLE (\w+)", text)
    assert sorted(made) == sorted(dropped)
    assert f"{name}_plan" in made


@pytest.mark.parametrize("name", TARGETS)
def test_staging_is_read_under_the_name_it_is_given_and_never_changed(name):
    text = " ".join(flat(step.sql) for step in STEPS[name])
    assert "FROM stg_x s" in text
    assert not re.search(r"(UPDATE|DELETE FROM|DROP TABLE) stg_x", text)
    other = " ".join(flat(step.sql) for step in steps.steps(TARGETS[name], "stg_y"))
    assert other == text.replace("stg_x", "stg_y")


@pytest.mark.parametrize(("name", "step"), EVERY)
def test_an_insert_gives_as_many_values_as_it_lists_columns(name, step):
    sql = flat(step.sql)
    if sql.startswith("INSERT"):
        columns = re.findall(r"^INSERT INTO \w+ ?\(([^)]*)\)", sql)[0].split(",")
        # The outermost select list, its own brackets taken out first.
        body = sql[sql.index(")") + 1 :]
        while re.search(r"\([^()]*\)", body):
            body = re.sub(r"\([^()]*\)", "", body)
        values = re.findall(r"^ SELECT (.*?) FROM", body)[0].split(",")
        assert len(values) == len(columns)
        assert len(set(columns)) == len(columns)


def test_facts_find_the_version_that_was_valid_when_they_happened():
    plan = flat(STEPS["fact_sales"][7].sql)
    for number, (dimension, natural) in enumerate(
        [
            *(("dim_customer", "customer_id"), ("dim_staff", "staff_id")),
            *(("dim_store", "store_id"), ("dim_movie", "film_id")),
        ]
    ):
        d = f"d{number}"
        assert (
            f"LEFT JOIN {dimension} {d} ON {d}.{natural} = s.{natural}"
            f" AND {d}.valid_from <= s.payment_ts AND s.payment_ts < {d}.valid_to"
        ) in plan
    assert "is_current" not in plan


def test_a_fact_of_nobody_known_is_keyed_unknown():
    plan = flat(STEPS["fact_sales"][7].sql)
    for number, key in enumerate(["customer_key", "staff_key", "store_key", "movie_key"]):
        assert f"COALESCE(d{number}.{key}, -1) AS {key}" in plan


@pytest.mark.parametrize("name", DIMENSIONS)
def test_keys_follow_the_highest_ever_given_in_order_of_natural_key(name):
    target, sql = TARGETS[name], flat(STEPS[name][4].sql)
    key = target.key
    assert (
        f"(SELECT CASE WHEN MAX({key}) > 0 THEN MAX({key}) ELSE 0 END FROM {name})"
        f" + ROW_NUMBER() OVER (ORDER BY v.{target.natural_key})"
    ) in sql


@pytest.mark.parametrize("name", DIMENSIONS)
def test_the_member_unknown_takes_no_part(name):
    concerned, plan, *_ = (flat(step.sql) for step in STEPS[name])
    assert f"WHERE d.is_current AND d.{TARGETS[name].key} > 0" in concerned
    assert f"AND d.is_current AND d.{TARGETS[name].key} > 0" in plan


# differs() is run, by the SQL engine that comes with Python.

VALUES = [None, 0, 1, "", "a", "A", "a "]


def found(left, right, columns):
    query = f"SELECT CASE WHEN {differs('l', 'r', columns)} THEN 1 ELSE 0 END FROM l CROSS JOIN r"
    names = ", ".join(columns)
    with sqlite3.connect(":memory:") as database:
        for table, row in (("l", left), ("r", right)):
            database.execute(f"CREATE TABLE {table} ({names})")
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        return bool(database.execute(query).fetchone()[0])


@pytest.mark.parametrize(("left", "right"), list(itertools.product(VALUES, VALUES)))
def test_null_equals_null_and_differs_from_every_value(left, right):
    # Python says the same of None: None == None, and None is no value.
    assert found([left], [right], ["a"]) is (left != right)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((1, None, "x"), (1, None, "x"), False),
        ((1, None, "x"), (1, "x", None), True),
        ((None, None, None), (None, None, None), False),
        ((None, None, None), (None, None, 0), True),
        ((2, None, None), (1, None, None), True),
        ((1, None, None), (None, None, None), True),
        ((1, 2, 3), (1, 9, 3), True),
        ((1, 2, 3), (1, None, 3), True),
        ((1, 2, 3), (1, 2, None), True),
    ],
)
def test_rows_differ_when_any_column_does(left, right, expected):
    assert found(left, right, ["a", "b", "c"]) is expected
