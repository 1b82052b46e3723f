"""Conventions of the scripts and of the package that no linter knows, checked on syntax trees and declarations."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dvdrental_etl.model import contract
from tests.support.paths import ROOT, SPARK_APPS

UNIT = ROOT / "tests" / "unit"
SCRIPTS = sorted(SPARK_APPS.glob("load_*.py"))
JOB_FILES = sorted(SPARK_APPS.rglob("*.py"))
MODULES = {path: importlib.import_module(path.stem) for path in SCRIPTS}
TABLES = {path.stem.removeprefix("load_") for path in SCRIPTS}


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))


def method_calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """The name of each method that is called, and the call."""
    for node in nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node


# One name for each table, everywhere.


def tables_of_the_dag() -> set[str]:
    """Its DIMENSIONS and FACT, by its syntax tree: importing it would start Airflow."""
    dag = ast.parse((ROOT / "dags" / "dvdrental_etl_dag.py").read_text(encoding="utf-8"))
    values = {ast.unparse(node.targets[0]): node.value for node in dag.body if isinstance(node, ast.Assign)}
    return {*ast.literal_eval(values["DIMENSIONS"]), ast.literal_eval(values["FACT"])}


def test_a_table_has_one_name_everywhere() -> None:
    assert {"dim_customer", "dim_movie", "dim_store", "dim_staff", "fact_sales"} <= TABLES
    assert set(contract.star_tables()) == TABLES
    assert tables_of_the_dag() == TABLES
    assert {path.stem.removeprefix("test_load_") for path in UNIT.glob("test_load_*.py")} == TABLES


@pytest.mark.parametrize("path", SCRIPTS, ids=shown)
def test_a_script_declares_the_table_of_its_name_and_states_its_grain(path: Path) -> None:
    module, table = MODULES[path], path.stem.removeprefix("load_")
    assert module.TARGET.table == table
    assert module.__doc__
    assert module.__doc__.startswith(f"Load {table}. Grain: one row per ")


@pytest.mark.parametrize("path", SCRIPTS, ids=shown)
def test_a_script_has_its_four_parts_and_runs_as_a_program(path: Path) -> None:
    assert {"SOURCES", "TARGET", "transform", "main"} <= vars(MODULES[path]).keys()
    last = ast.parse(path.read_text(encoding="utf-8")).body[-1]
    assert ast.unparse(last) == "if __name__ == '__main__':\n    main()"


@pytest.mark.parametrize("path", SCRIPTS, ids=shown)
def test_a_script_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 120


# Imports: import-linter and ruff check the rest.


def test_what_a_task_of_the_dag_imports_does_not_load_pyspark() -> None:
    program = (
        "import sys; from dvdrental_etl import config; from dvdrental_etl.pipeline import batch\n"
        "from dvdrental_etl.verify import run; print('pyspark' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=SPARK_APPS, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


# What a job does not do.

#: These run a plan to print it, guess, multiply rows, or hold a whole frame in the driver as pandas.
FORBIDDEN = {"show", "crossJoin", "toPandas"}
#: These bring rows to the driver.
COLLECTING = {"collect", "toLocalIterator", "take", "head", "first", "toArrow"}
#: Who may: it sends few rows from the driver, and reads what executors report.
SENDER = SPARK_APPS / "dvdrental_etl" / "staging" / "send.py"


@pytest.mark.parametrize("path", JOB_FILES, ids=shown)
def test_a_job_calls_nothing_forbidden(path: Path) -> None:
    called = {name for name, _ in method_calls(path)}
    assert not called & FORBIDDEN
    assert path == SENDER or not called & COLLECTING
    assert "inferSchema" not in {node.value for node in nodes(path) if isinstance(node, ast.Constant)}


def test_the_drivers_clock_is_read_in_one_place() -> None:
    """It dates the run record only: on a machine whose clock is wrong, loads are right."""
    readers = r"\.(now|utcnow|today|time_ns|current_\w+|localtimestamp)$|^time\.(time|gmtime|localtime)$"
    calls = [
        (path, ast.unparse(node.func))
        for path in JOB_FILES
        for node in nodes(path)
        if isinstance(node, ast.Call)
    ]
    reads = [f"{shown(path)}: {name}" for path, name in calls if re.search(readers, name)]
    assert reads == ["spark_apps/dvdrental_etl/pipeline/batch.py: dt.datetime.now"]


def test_the_sender_is_there() -> None:
    assert {name for name, _ in method_calls(SENDER)} & COLLECTING


@pytest.mark.parametrize("path", JOB_FILES, ids=shown)
def test_a_query_names_its_columns(path: Path) -> None:
    texts = [
        node.value for node in nodes(path) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    words = [" ".join(text.upper().split()) for text in texts]
    assert not [text for text in words if "SELECT *" in text or "SELECT DISTINCT *" in text]


def joins(path: Path) -> Iterator[ast.Call]:
    """The calls of a method named join, except those of texts and of modules."""
    modules = {
        alias.asname or alias.name
        for node in nodes(path)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for name, call in method_calls(path):
        assert isinstance(call.func, ast.Attribute)
        owner = call.func.value
        is_text = isinstance(owner, ast.JoinedStr | ast.Constant)
        if name == "join" and not is_text and not (isinstance(owner, ast.Name) and owner.id in modules):
            yield call


@pytest.mark.parametrize("path", JOB_FILES, ids=shown)
def test_a_join_states_its_kind(path: Path) -> None:
    for call in joins(path):
        assert "how" in {keyword.arg for keyword in call.keywords}, f"{shown(path)}:{call.lineno}"


def test_joins_are_found() -> None:
    assert sum(1 for path in JOB_FILES for _ in joins(path)) >= 11


# What never leaves the source.

SECRETS = {"username", "password", "picture"}


def test_no_secret_of_staff_is_read_or_written() -> None:
    read = {
        (module.TARGET.table, table.name, column)
        for module in MODULES.values()
        for table in module.SOURCES
        for column in table.types
    }
    assert ("dim_staff", "staff", "email") in read
    assert not [entry for entry in read if entry[2] in SECRETS]
    written = {column.name for table in TABLES for column in contract.columns_of(table)}
    assert "email" in written
    assert not written & SECRETS
