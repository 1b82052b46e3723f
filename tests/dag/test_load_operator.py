"""The task of one table: what it makes of a job's output. spark-submit is a script that prints what Spark prints."""

import json
import logging
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dvdrental.failures import JobFailed, explained, tell_failure

START = """
echo 'WARNING: Using incubator modules: jdk.incubator.vector'
echo '26/11/26 18:38:24 WARN NativeCodeLoader: Unable to load native-hadoop library for your platform...'
echo 'dim_movie:   3.2 s: reads changes: 3 rows and 0 key ranges of film'
"""
PUBLISHED = "dim_movie: published: 3 read, 1 new, 2 changed, 0 expired, 0 deleted, 0 quarantined"
FACT = "fact_sales: published: 3 read, 0 new, 0 changed, 0 expired, 1 deleted, 1 quarantined"
AMOUNTS = "source 61312.04 (14596 rows), published -0.01 (14595 rows), quarantined 4.99 (1 rows)"
REFUSED = "gate: dim_movie: 20 of 50 rows break a rule -> correct them in the source"


class Outlets(dict[Any, Any]):
    def __missing__(self, asset: Any) -> Any:
        return self.setdefault(asset, SimpleNamespace(extra={}))


class Heard(list[tuple[str, str]]):
    """A logger that remembers level and line."""

    def __getattr__(self, level: str) -> Any:
        return lambda line, *values: self.append((level, line % values if values else line))


@pytest.fixture
def execute(dag_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Execute the task of dim_movie with what its check found and a script's text; returns result, outlets, log."""
    from dvdrental import load_operator

    def run(
        checked: str | None, script: str = "exit 99", host: str = "local[1]", **params: Any
    ) -> tuple[Any, Any, Outlets, Heard]:
        binary = tmp_path / "spark-submit"
        binary.write_text(f"#!/bin/sh\n{script}\n")
        binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(
            load_operator,
            "job_module",
            lambda _: SimpleNamespace(precheck=lambda *_: checked and (checked, "")),
        )
        monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", json.dumps({"conn_type": "spark", "host": host}))
        task = dag_file.load("dim_movie", infers=["dim_store", "dim_staff"])
        if host == "sail":
            monkeypatch.setattr(load_operator, "SAIL_SUBMIT", binary)
        else:
            task._spark_binary = str(binary)
        task.properties_file = None
        task.application_args, task.env_vars = [], {}
        outlets, heard = Outlets(), Heard()
        hook = task._get_hook()
        hook._log = heard
        monkeypatch.setattr(task, "_get_hook", lambda: hook)
        context = {"params": {"dry_run": False} | params, "run_id": "r 1", "outlet_events": outlets}
        try:
            result = task.execute(context)
        except Exception as error:
            result = error
        return result, task, outlets, heard

    return run


def test_a_submitted_load_returns_its_numbers_and_names_them_in_its_event(execute: Any) -> None:
    warned = "dim_movie:   4.0 s: warning: rating 'is one of': 3 rows"
    result, task, outlets, heard = execute(None, f'{START}\necho "{warned}"\necho "{PUBLISHED}"')
    assert result == {"read": 3, "new": 1, "changed": 2, "expired": 0, "deleted": 0, "quarantined": 0}
    assert [asset.name for asset in task.outlets] == ["dim_movie"]
    assert outlets[task.outlets[0]].extra == {"batch": "r 1", **result}
    assert ("warning", warned) in heard
    assert ("info", PUBLISHED) in heard
    assert not [line for _, line in heard if "incubator" in line or "native-hadoop" in line]


def test_the_amounts_of_a_submitted_fact_come_from_its_log(execute: Any) -> None:
    result, _, outlets, _ = execute(None, f'echo "fact_sales:   4.0 s: amounts: {AMOUNTS}"\necho "{FACT}"')
    assert (result["quarantined"], result["published_amount"]) == (1, "-0.01")
    assert [event.extra["deleted"] for event in outlets.values()] == [1]  # it only withdrew a fact


def test_a_dimension_has_an_event_if_the_fact_made_members_in_it(execute: Any) -> None:
    warned = "store_id 'refers to a member': 12 inferred members of dim_store"
    script = f'echo "dim_movie:   4.0 s: warning: {warned}"\necho "{PUBLISHED}"'
    _, task, outlets, _ = execute(None, script)
    assert {asset.name: event.extra["batch"] for asset, event in outlets.items()} == {
        "dim_movie": "r 1",
        "dim_store": "r 1",
    }
    assert [event.extra for asset, event in outlets.items() if asset.name == "dim_store"] == [
        {"batch": "r 1", "inferred": 12}
    ]
    assert sorted(asset.name for asset in task.outlets) == ["dim_movie", "dim_store"]
    _, task, outlets, _ = execute(None, script, dry_run=True)
    assert (task.outlets, outlets) == ([], {})


def test_sail_gets_the_flags_of_spark_submit(execute: Any) -> None:
    result, _, _, heard = execute(None, f'echo "got $*"\necho "{PUBLISHED}"', host="sail")
    assert result["changed"] == 2
    (got,) = [line for _, line in heard if line.startswith("got ")]
    assert got.startswith("got --master sail ")
    assert got.endswith("/spark_apps/load_dim_movie.py")


def test_what_the_check_has_loaded_is_not_submitted(execute: Any) -> None:
    result, _, outlets, _ = execute(PUBLISHED)
    assert result["new"] == 1
    assert len(outlets) == 1


@pytest.mark.parametrize(
    ("result", "params"), [(PUBLISHED, {"dry_run": True}), (PUBLISHED.replace("1 new, 2", "0 new, 0"), {})]
)
def test_no_event_of_a_dry_run_and_of_a_load_without_changes(execute: Any, result: str, params: Any) -> None:
    _, task, outlets, _ = execute(result, **params)
    assert task.outlets == []
    assert outlets == {}


def test_a_failed_job_is_its_line_for_people(execute: Any) -> None:
    error, _, _, heard = execute(
        None, f'{START}\necho "load_dim_movie: error: {REFUSED}"\necho "at java.lang.Thread"\nexit 5'
    )
    assert (str(error), error.exit_code) == (REFUSED, 5)
    assert error.__suppress_context__  # Airflow's own text, the command, is not shown
    assert not [line for _, line in heard if REFUSED in line]
    assert explained("load_dim_movie", error) == (
        "load_dim_movie failed with exit code 5\n"
        "What is wrong: gate: dim_movie: 20 of 50 rows break a rule\n"
        "What to do:    correct them in the source"
    )


def test_a_job_that_was_killed_says_so(execute: Any) -> None:
    error, *_ = execute(None, f"{START}\nkill -9 $$")
    assert error.exit_code == -9
    assert "without a message -> see the log above; it may have been killed" in str(error)


def test_the_money_of_a_fact() -> None:
    from dvdrental.jobs import numbers

    found = numbers(FACT, AMOUNTS)
    assert found == {
        "read": 3,
        "new": 0,
        "changed": 0,
        "expired": 0,
        "deleted": 1,
        "quarantined": 1,
        "source_amount": "61312.04",
        "source_rows": 14596,
        "published_amount": "-0.01",
        "published_rows": 14595,
        "quarantined_amount": "4.99",
        "quarantined_rows": 1,
    }


@pytest.mark.parametrize("kind", ["new", "changed", "expired", "deleted"])
def test_one_row_is_a_change(kind: str) -> None:
    from dvdrental.jobs import changes, numbers

    quiet = numbers(FACT.replace("1 deleted", "0 deleted"), AMOUNTS)
    assert changes("fact_sales", quiet, {}) == {}
    changed = quiet | {kind: 1}
    assert changes("fact_sales", changed, {}) == {"fact_sales": changed}


def test_long_lines_are_wrapped_and_the_unexpected_is_said_to_be_so() -> None:
    lines = explained("verify", KeyError("x" * 30 + " y" * 60)).splitlines()
    assert lines[0] == "verify failed"
    assert lines[1].startswith("What is wrong: unexpected: KeyError: ")
    assert lines[2].startswith("               y")
    assert lines[-1] == "What to do:    see the stack trace above, and report it"
    assert callable(tell_failure)
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    ("run_type", "conf", "complaint"),
    [
        ("backfill", {}, "a backfill is refused: a load always reads the source as it is now"),
        ("manual", {"table": ["dim_store"]}, "unknown key 'table', did you mean tables"),
        ("manual", {"xyz": 1}, "unknown key 'xyz' -> use as_of, tables"),
    ],
)
def test_a_run_that_must_not_be(run_type: str, conf: dict[str, Any], complaint: str) -> None:
    from airflow.sdk.exceptions import AirflowFailException
    from dvdrental.guards import check_run

    with pytest.raises(AirflowFailException, match=complaint):
        check_run(run_type, conf, ["tables", "as_of"])
    check_run("manual", {"tables": []}, ["tables", "as_of"])
    check_run("scheduled", None, ["tables", "as_of"])


def test_the_failure_is_told_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    context: Any = {"ti": SimpleNamespace(task_id="load_dim_movie"), "exception": JobFailed(REFUSED, 5)}
    caplog.set_level(logging.INFO)
    tell_failure(context)
    group, (_, level, text) = caplog.record_tuples
    assert group[-1] == "::endgroup::"  # of Airflow's folded one
    assert level == logging.ERROR
    assert text.startswith("load_dim_movie failed with exit code 5\nWhat is wrong: gate: ")


def test_a_task_whose_process_is_gone_is_told_without_an_exception(caplog: pytest.LogCaptureFixture) -> None:
    """Airflow's DAG processor calls back for it, and knows no error."""
    gone: Any = {"ti": SimpleNamespace(task_id="verify")}
    caplog.set_level(logging.INFO)
    tell_failure(gone)
    _, (_, level, text) = caplog.record_tuples
    assert level == logging.ERROR
    assert text.startswith(
        "verify failed\nWhat is wrong: the task's process ended without a result: it was killed"
    )
