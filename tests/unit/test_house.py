"""The rules of the house, held against the source text."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib

import pytest

from dvdrental_etl.model import contract
from tests.support.paths import ROOT

SPARK_APPS, DAGS, UNIT = ROOT / "spark_apps", ROOT / "dags", ROOT / "tests" / "unit"
SCRIPTS = sorted(SPARK_APPS.glob("load_*.py"))
JOB_FILES = sorted(SPARK_APPS.rglob("*.py"))
MODULES = [importlib.import_module(path.stem) for path in SCRIPTS]
STEMS = {path.stem.removeprefix("load_") for path in SCRIPTS}


def shown(path):
    return path.relative_to(ROOT).as_posix()


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(path):
    """The top-level packages that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def constants(path):
    """The strings that a module's plain assignments give to its names."""
    found = {}
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            texts = [part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant)]
            found[node.targets[0].id] = texts
    return found


# One stem per table, everywhere.


def test_one_stem_per_table_everywhere():
    dag = constants(DAGS / "dvdrental_etl_dag.py")
    assert {"dim_customer", "dim_movie", "dim_store", "dim_staff", "fact_sales"} <= STEMS
    assert {
        path.stem.removeprefix("create_")
        for kind in ("dim", "fact")
        for path in (ROOT / "sql_scripts").glob(f"create_{kind}_*.sql")
    } - {"dim_date"} == STEMS
    assert {*dag["DIMENSIONS"], *dag["FACT"]} == STEMS
    assert {path.stem.removeprefix("test_load_") for path in UNIT.glob("test_load_*.py")} == STEMS
    assert {module.TARGET.table for module in MODULES} == STEMS
    assert set(contract.star_tables()) == STEMS


def test_a_task_and_its_script_are_named_by_the_stem():
    text = (DAGS / "dvdrental_etl_dag.py").read_text(encoding="utf-8")
    assert 'task_id=f"load_{table}"' in text
    assert 'SPARK_APPS / f"load_{table}.py"' in text


@pytest.mark.parametrize("path", SCRIPTS, ids=shown)
def test_a_script_is_about_the_table_that_it_is_named_after(path):
    stem = path.stem.removeprefix("load_")
    text = path.read_text(encoding="utf-8")
    first = text.splitlines()[0]
    assert first.startswith(f'"""Load {stem}. Grain: one row per ')
    assert f'table="{stem}"' in text


@pytest.mark.parametrize("path", SCRIPTS, ids=shown)
def test_a_script_can_be_read_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("path", SCRIPTS, ids=shown)
def test_a_script_has_the_four_parts(path):
    names = [
        *(node.name for node in tree(path).body if isinstance(node, ast.FunctionDef)),
        *constants(path),
    ]
    assert {"SOURCES", "TARGET", "transform", "main"} <= set(names)
    assert path.read_text(encoding="utf-8").endswith('\n\nif __name__ == "__main__":\n    main()\n')


# Who may import whom.


@pytest.mark.parametrize("path", JOB_FILES, ids=shown)
def test_a_job_never_imports_airflow(path):
    assert "airflow" not in imported(path)


@pytest.mark.parametrize("path", sorted(DAGS.rglob("*.py")), ids=shown)
def test_a_dag_never_imports_pyspark(path):
    assert "pyspark" not in imported(path)


def test_what_a_dag_imports_of_the_jobs_does_not_load_pyspark():
    program = (
        "import sys; from dvdrental_etl import config; from dvdrental_etl.pipeline import batch\n"
        "from dvdrental_etl.verify import run; print('pyspark' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=SPARK_APPS, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


# What a job does not do.


@pytest.mark.parametrize("path", JOB_FILES, ids=shown)
@pytest.mark.parametrize(
    "forbidden", [r"\.show\(", r"inferSchema", r"SELECT\s+\*", r"toPandas\(", r"\bSELECT\s+\w+\.\*"]
)
def test_a_job_does_not(path, forbidden):
    assert not re.search(forbidden, path.read_text(encoding="utf-8"), re.I)


@pytest.mark.parametrize("path", JOB_FILES, ids=shown)
def test_rows_come_to_the_driver_in_staging_only(path):
    if path.name != "send.py":
        assert not re.search(
            r"\.(collect|toLocalIterator|take|head|toArrow)\(", path.read_text(encoding="utf-8")
        )


def joins(path):
    """The calls of a method named join, but for those on texts and on modules."""
    modules = {
        alias.asname or alias.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "join":
            owner = node.func.value
            is_text = isinstance(owner, ast.JoinedStr) or (
                isinstance(owner, ast.Constant) and isinstance(owner.value, str | bytes)
            )
            is_module = isinstance(owner, ast.Name) and owner.id in modules
            if not is_text and not is_module:
                yield node


@pytest.mark.parametrize("path", JOB_FILES, ids=shown)
def test_a_join_says_how(path):
    for call in joins(path):
        assert "how" in {keyword.arg for keyword in call.keywords}, f"{shown(path)}:{call.lineno}"
    assert ".crossJoin(" not in path.read_text(encoding="utf-8")


def test_there_are_joins_to_look_at():
    assert sum(1 for path in JOB_FILES for _ in joins(path)) >= 11


# What never leaves the source.


def test_no_column_list_has_a_secret_of_staff():
    secret = {"username", "password", "picture"}
    read = {
        (module.__name__, table.name, column)
        for module in MODULES
        for table in module.SOURCES
        for column in table.types
    }
    assert ("load_dim_staff", "staff", "email") in read
    assert not [entry for entry in read if entry[2] in secret]
    written = {column.name for stem in STEMS for column in contract.columns_of(stem)}
    assert "email" in written
    assert not written & secret


def test_no_column_list_names_a_secret_of_staff_even_where_it_does_not_parse():
    for module in MODULES:
        for table in module.SOURCES:
            assert not re.search(r"username|password|picture", table.columns)


# Dependencies.

REQUIREMENT = re.compile(r'^  "(?P<name>[A-Za-z0-9._-]+).*?",? +# (?P<reason>\S.*)$')


#: Lock file -> the lists of pyproject.toml that it is made of.
LOCKS = {"requirements.lock": ("dependencies", "dev"), "benchmarks/requirements.lock": ("bench",)}


def declared(*lists):
    """The lines of pyproject.toml that declare a direct dependency."""
    found, inside = [], False
    for line in (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines():
        if line in {f"{name} = [" for name in lists}:
            inside = True
        elif line == "]":
            inside = False
        elif inside:
            found.append(line)
    return found


def test_every_direct_dependency_has_a_reason():
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*document["project"]["dependencies"], *document["dependency-groups"]["dev"]]
    wanted += document["dependency-groups"]["bench"]
    lines = declared("dependencies", "dev", "bench")
    assert len(lines) == len(wanted) >= 15
    for line in lines:
        match = REQUIREMENT.match(line)
        assert match, line
        assert len(match["reason"]) >= 8, line


def pins(lock):
    """Package -> the hashes of its pin in the lock."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([a-z0-9-]+)(\[[a-z0-9,-]+\])?==\S+", line):
            name = match[1]
            found[name] = []
        elif match := re.match(r"    --hash=sha256:([0-9a-f]{64})( \\)?$", line):
            found[name].append(match[1])
        else:
            assert re.match(r" *#|$", line), line
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_no_address(lock):
    assert "://" not in (ROOT / lock).read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_the_lock_has_hashes(lock):
    found = pins(lock)
    assert len(found) > 30
    assert not [name for name, hashes in found.items() if not hashes]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_direct_dependency_is_in_the_lock(lock):
    names = {match["name"].lower() for line in declared(*LOCKS[lock]) if (match := REQUIREMENT.match(line))}
    assert names
    assert names <= set(pins(lock))
