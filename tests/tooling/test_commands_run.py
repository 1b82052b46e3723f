"""Every command of README and runbook runs as it is written there, from a fresh clone: in order, over one sandbox."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.jobs import job_environment
from tests.support.paths import ROOT, copy_project
from tests.support.waiting import long_running
from tests.support.written_commands import commands, queries

PAGES = (ROOT / "README.md", ROOT / "docs" / "runbook.md")
SHOWN = set(commands(PAGES))

#: The order of a first hour. A command may come again where the pages say so.
IN_ORDER = (
    "make driver",
    "make demo",
    ". .venv/bin/activate",
    "spark-submit spark_apps/load_dim_customer.py --config .sandbox/credentials.json",
    "python spark_apps/load_fact_sales.py --config .sandbox/credentials.json --dry-run",
    ".venv/bin/python -m sandbox psql",
    "make report",
    "make verify",
    ".venv/bin/python -m sandbox simulate --days 7 --seed 1",
    "make demo",
    "make verify",
    "python spark_apps/load_dim_movie.py --config .sandbox/credentials.json --full-refresh",
    "make tryout",
    "make down",
    "make demo WAREHOUSE=redshift",
    "make verify",
    "make report",
    "make down",
    "make generate",
    "make new-dimension NAME=dim_language",
)
NOT_HERE = {
    "make test": "the tests of the daily run, this one among them; CI runs it",
    "make check": "a part of `make test`",
    "make airflow": "serves until Ctrl-C; tests/ui has the same Airflow in a browser",
    "make screenshots": "needs Chromium; `make test-ui` takes the same steps",
    "make demo DUMP=dvdrental.tar": "needs the dump, which is not ours to ship; the golden numbers are tested with it",
}


def test_each_command_is_run_here_or_has_a_reason_why_not() -> None:
    assert SHOWN - set(IN_ORDER) == set(NOT_HERE)
    assert set(IN_ORDER) - SHOWN == set()
    assert len([query for page in PAGES for query in queries(page)]) >= 4


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the project with the environment of this one, and its warehouse where `make tryout` looks for it."""
    folder = tmp_path_factory.mktemp("clone")
    copy_project(folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "config" / "credentials.json").symlink_to(folder / ".sandbox" / "credentials.json")
    yield folder
    run("make down", folder)


def run(command: str, folder: Path, typed: str = "") -> str:
    """The output of a command in a shell with the environment activated, as the README has it."""
    done = subprocess.run(
        ["bash", "-c", f". .venv/bin/activate; {command}"],
        cwd=folder,
        env=job_environment(VIRTUAL_ENV_DISABLE_PROMPT="1"),
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout + done.stderr


@long_running
@pytest.mark.parametrize("step", range(len(IN_ORDER)), ids=IN_ORDER)
def test_a_command_runs_as_written(clone: Path, step: int) -> None:
    output = run(IN_ORDER[step], clone)
    if IN_ORDER[step].startswith("make demo"):
        assert "│ difference              │        0 │      0.00 │" in output
    if IN_ORDER[step] == "make verify":
        assert " 0 findings" in output
    if IN_ORDER[step] == "make report":
        assert (clone / ".sandbox" / "report.html").stat().st_size > 10_000
    if IN_ORDER[step].endswith("psql"):
        for query in (query for page in PAGES for query in queries(page)):
            answer = run(f"{IN_ORDER[step]} -- --set ON_ERROR_STOP=1", clone, typed=query)
            assert "row" in answer, query
