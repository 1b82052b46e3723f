"""The README's steps to a new dimension, done in a copy of the tree: dim_language is loaded and verified, and each
forgotten step is named by a check."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.engines import ON_SAIL, PYTHON
from tests.support.environment import Environment
from tests.support.jobs import job_environment
from tests.support.paths import copy_project

NAME = "dim_language"
WRITTEN = {
    f"sql_scripts/create_{NAME}.sql",
    f"spark_apps/load_{NAME}.py",
    f"sql_scripts/verify/source/{NAME}.sql",
    f"tests/unit/test_load_{NAME}.py",
}
DAG = "dags/dvdrental_etl_dag.py"


class Tree:
    """A copy of the project, in a repository of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        copy_project(folder)
        self.run("git", "init", "-q")
        self.run("git", "add", "-A")
        self.run("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "before")

    def run(self, *command: str, code: int = 0, settings: Mapping[str, str] | None = None) -> str:
        """Run a command in the copy; its output."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=job_environment(PYTHONPATH="spark_apps:dags", **(settings or {})),
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, f"{' '.join(command)}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def python(self, *arguments: str, code: int = 0) -> str:
        return self.run(sys.executable, *arguments, code=code)

    def tool(self, name: str, *arguments: str) -> str:
        return self.run(str(Path(sys.executable).with_name(name)), *arguments)

    def changed(self) -> set[str]:
        """The files that differ from the committed ones, or are new."""
        status = self.run("git", "status", "--porcelain", "-uall", "--", ".", ":!jars", ":!build")
        return {line[3:] for line in status.splitlines()}

    def add_to_dag(self) -> None:
        """The one word in the DAG."""
        path = self.folder / DAG
        text = path.read_text()
        assert text.count('"dim_staff")') == 1
        path.write_text(text.replace('"dim_staff")', f'"dim_staff", "{NAME}")'))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A copy in which all steps are done."""
    made = Tree(tmp_path_factory.mktemp("tree"))
    made.python("-m", "tools.new_dimension", NAME)
    made.add_to_dag()
    made.python("-m", "tools.generate_verify")
    return made


@pytest.fixture
def untouched(tree: Tree) -> Iterator[Tree]:
    """The same; what a test changes is put back."""
    before = {name: (tree.folder / name).read_bytes() for name in tree.changed()}
    yield tree
    for name, content in before.items():
        (tree.folder / name).write_bytes(content)


def test_only_the_files_of_the_steps_and_generated_ones_change(tree: Tree) -> None:
    others = tree.changed() - WRITTEN - {DAG}
    assert f"sql_scripts/verify/warehouse/{NAME}.sql" in others
    generated = ("sql_scripts/verify/", "sql_scripts/reporting/", "docs/data-dictionary.md", "docs/star.svg")
    assert all(name.startswith(generated) for name in others), others
    assert not any(name.startswith("sql_scripts/verify/source/") for name in others), others


def test_the_linters_accept_them(tree: Tree) -> None:
    tree.tool("ruff", "check", ".")
    tree.tool("ruff", "format", "--check", ".")
    tree.tool("mypy", f"spark_apps/load_{NAME}.py", f"tests/unit/test_load_{NAME}.py")
    tree.tool("lint-imports", "--no-cache")


def test_the_unit_tests_and_the_structure_of_the_dag_pass(tree: Tree) -> None:
    tests = [
        f"tests/unit/test_load_{NAME}.py",
        "tests/unit/test_conventions.py",
        "tests/unit/model",
        "tests/unit/verify",
    ]
    # Of the statements that are read in both dialects, those of the dimension are new.
    chosen = ("-k", "not dialect or language", "-p", "no:cacheprovider")
    tree.python("-m", "pytest", "-q", *tests, "tests/dag/test_structure.py", *chosen)


def test_it_is_loaded_and_verified(tree: Tree, env: Environment) -> None:
    config = str(env.config)
    loaded = tree.python(f"spark_apps/load_{NAME}.py", "--config", config)
    assert f"{NAME}: published: 6 read, 6 new, 0 changed" in loaded
    assert env.warehouse(
        f"SELECT language_id, name FROM {NAME} WHERE language_key > 0 ORDER BY 1"
    ) == env.source("SELECT language_id, rtrim(name) FROM language ORDER BY 1")
    env.source("UPDATE language SET name = 'Latin', last_update = '2007-06-02' WHERE language_id = 6")
    python, settings = (str(PYTHON), ON_SAIL) if PYTHON.exists() else (sys.executable, {})  # by either engine
    changed = tree.run(python, f"spark_apps/load_{NAME}.py", "--config", config, settings=settings)
    assert f"{NAME}: published: 1 read, 0 new, 1 changed, 1 expired" in changed
    assert " 0 findings" in tree.python("-m", "dvdrental_etl.verify", config)
    env.warehouse(f"UPDATE {NAME} SET name = 'Greek' WHERE language_id = 6 AND is_current")
    assert "Greek" in tree.python("-m", "dvdrental_etl.verify", config, code=5)


@pytest.mark.parametrize("forgotten", [*sorted(WRITTEN), DAG])
def test_a_forgotten_step_is_named(untouched: Tree, forgotten: str) -> None:
    path = untouched.folder / forgotten
    if forgotten == DAG:
        path.write_text(path.read_text().replace(f', "{NAME}"', ""))
    else:
        path.unlink()
    said = untouched.python(
        "-m",
        "pytest",
        "-qx",
        "-p",
        "no:cacheprovider",
        "tests/unit/test_conventions.py",
        "tests/unit/verify",
        code=1,
    )
    assert NAME in said


def test_forgotten_generated_files_are_named(untouched: Tree) -> None:
    (untouched.folder / f"sql_scripts/verify/warehouse/{NAME}.sql").unlink()
    said = untouched.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/verify", code=1)
    assert f"{NAME}.sql" in said


def test_a_name_that_is_taken_or_not_a_dimension_is_refused(tree: Tree) -> None:
    for name, reason in (("dim_staff", "dim_staff exists"), ("language", "is not the name of a dimension")):
        assert reason in tree.python("-m", "tools.new_dimension", name, code=2)
