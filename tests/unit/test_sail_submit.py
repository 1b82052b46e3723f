"""spark-submit's flags, taken for Sail."""

import subprocess

import pytest

import sail_submit
from tests.support.paths import SPARK_APPS

#: As the hook of Airflow's Spark provider writes them.
FLAGS = [
    *("--master", "sail", "--conf", "a=b c", "--properties-file", "/x/spark.conf", "--jars", "/x/p.jar"),
    *("--py-files", "/x/jobs.zip", "--name", "load_dim_store", "--verbose", "--deploy-mode", "client"),
]


def test_what_comes_after_the_flags_is_the_script_and_its_own():
    own = ["/x/load_dim_store.py", "--batch-id=r 1", "--full-refresh"]
    assert sail_submit.application([*FLAGS, *own]) == own
    assert sail_submit.application(["--name=x", *own]) == own
    assert sail_submit.application(own) == own
    assert sail_submit.application(FLAGS) == []


def submitted(*argv, python):
    return subprocess.run(
        [SPARK_APPS / "sail_submit.py", *argv],
        env={"PATH": "/usr/bin:/bin", "DVDRENTAL_SAIL_PYTHON": str(python), "SECRET": "s"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_script_runs_on_sail_in_this_environment_and_its_exit_code_stays(tmp_path):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$@" "$DVDRENTAL_ENGINE_KIND" "$SECRET"\nexit 5\n')
    python.chmod(0o755)
    done = submitted(*FLAGS, "load_x.py", "--dry-run", python=python)
    assert (done.returncode, done.stdout, done.stderr) == (5, "load_x.py --dry-run sail s\n", "")


@pytest.mark.parametrize(
    ("script", "code", "line"),
    [
        ([], 2, "sail_submit: error: there is no script -> give one, after the flags\n"),
        (["a/load_x.py"], 3, "load_x: error: there is no /no -> make sail, or set DVDRENTAL_SAIL_PYTHON\n"),
    ],
)
def test_what_is_missing_is_said_in_one_line(script, code, line):
    done = submitted(*FLAGS, *script, python="/no")
    assert (done.returncode, done.stderr) == (code, line)
