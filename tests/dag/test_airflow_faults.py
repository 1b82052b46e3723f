"""Airflow's own processes are killed in the middle of a run: restarts and retries make it right, nothing is doubled."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import pytest

from dvdrental_etl.engine.package_zip import build
from sandbox.server import Sandbox
from tests.support.aftermath import (
    check_clean,
    check_equals_undisturbed,
    undisturbed,
    wait_for_sessions_to_end,
)
from tests.support.airflow_faults import (
    PATIENCE,
    VICTIMS,
    Stage,
    airflow_over,
    java,
    jobs,
    kill,
    process_of,
)
from tests.support.dag_runs import clear
from tests.support.jobs import Outcome, start_script
from tests.support.paths import ROOT
from tests.support.servers import MakeEnvironment
from tests.support.waiting import long_running, until

pytestmark = long_running
numbers = count(1)
#: What happens in the source before each run, so that its job has something to publish.
CHANGES = {
    "dim_customer": "UPDATE customer SET store_id = 3 - store_id WHERE customer_id % 3 = {n} % 3",
    "fact_sales": "UPDATE payment SET amount = amount + 0.01 WHERE payment_id % 7 = {n} % 7",
}


@pytest.fixture(scope="module")
def opened(make_environment: MakeEnvironment, source_template: str) -> Iterator[Stage]:
    """An Airflow over a source that is loaded."""
    build(ROOT / "build" / "jobs.zip")
    env = make_environment(source_template)
    env.load_all()
    with airflow_over(env) as running:
        yield running


@pytest.fixture
def stage(opened: Stage) -> Iterator[Stage]:
    """The same for each test: a run that one has left unfinished would hold up the next."""
    yield opened
    opened.client.end_unfinished_runs()


def check_all_right(stage: Stage, server: Sandbox, *runs: str) -> None:
    for run_id in runs:
        until(lambda: not jobs(run_id), f"no process of {run_id} is left", 60)  # noqa: B023 - called at once
    wait_for_sessions_to_end(stage.env)
    check_clean(stage.env)
    ended = stage.env.warehouse("SELECT run_id, status FROM etl_batch WHERE run_id = ANY (%s)", list(runs))
    assert dict(ended) == dict.fromkeys(runs, "done")
    check_equals_undisturbed(stage.env, undisturbed(stage.env, server, next(numbers)))


@pytest.mark.parametrize("table", CHANGES)
@pytest.mark.parametrize("victim", VICTIMS)
def test_killed_before_its_publish(stage: Stage, server: Sandbox, victim: str, table: str) -> None:
    """The load has staged its rows and waits for its turn to publish when it happens."""
    stage.env.source(CHANGES[table].format(n=next(numbers)))
    with stage.env.locked(table):
        run_id = stage.client.trigger({})
        stage.wait_for_publish(run_id, table)
        victims, components = VICTIMS[victim](stage, java(run_id))
        kill(*victims)
        stage.restart(*components)
    assert stage.finish(run_id) == "success"
    check_all_right(stage, server, run_id)


def test_each_task_of_a_run_is_killed_once(stage: Stage, server: Sandbox) -> None:
    """Also those that start no job: prepare, checks without changes, verify, report, quarantine."""
    run_id, killed = stage.client.trigger({}), set[str]()

    def is_over() -> bool:
        for task in stage.client.tasks(run_id):
            victim = process_of(task["id"])
            if victim and task["task_id"] not in killed:
                kill(victim)
                killed.add(task["task_id"])
        return stage.is_over(run_id)

    until(is_over, f"{run_id} has ended", PATIENCE)
    assert stage.client.run_state(run_id) == "success"
    assert len(killed) == 9
    check_all_right(stage, server, run_id)


def test_a_task_that_is_gone_for_good_ends_its_run(stage: Stage, server: Sandbox) -> None:
    """Its last attempt: nobody is left to close the batch but Airflow's DAG processor. Then a person clears it."""
    stage.env.source(CHANGES["dim_customer"].format(n=next(numbers)))
    with stage.env.locked("dim_customer"):
        run_id = stage.client.trigger({})
        stage.wait_for_publish(run_id, "dim_customer")
        no_retry(stage, run_id)
        kill(java(run_id).parent().parent())
        until(lambda: stage.client.run_state(run_id) == "failed", "the run has failed", PATIENCE)
    ended = "SELECT status FROM etl_batch WHERE run_id = %s"
    until(lambda: stage.env.warehouse.value(ended, run_id) == "failed", "its batch is closed")
    left = [task["task_id"] for task in stage.client.tasks(run_id) if task["state"] != "success"]
    assert "load_dim_customer" in left
    clear(stage.client, run_id, *left, "report", "quarantine")
    assert stage.finish(run_id) == "success"
    check_all_right(stage, server, run_id)


def no_retry(stage: Stage, run_id: str) -> None:
    """Take the run's tasks their other attempts."""
    with closing(sqlite3.connect(stage.airflow.home / "airflow.db", timeout=30)) as connection:
        connection.execute("UPDATE task_instance SET max_tries = 0 WHERE run_id = ?", (run_id,))
        connection.commit()


def test_two_runs_and_a_script_at_once(stage: Stage, server: Sandbox) -> None:
    """The second run waits for the first one; the script wants the table that the first one is about to publish."""
    env, announced = stage.env, "SELECT count(*) FROM etl_load WHERE table_name = 'dim_customer'"
    env.source(CHANGES["dim_customer"].format(n=next(numbers)))
    with env.locked("dim_customer"):
        runs = [stage.client.trigger({}), stage.client.trigger({})]
        stage.wait_for_publish(runs[0], "dim_customer")
        before = env.warehouse.value(announced)
        script = start_script("dim_customer", env.config)
        until(lambda: env.warehouse.value(announced) > before or script.poll() is not None, "it is announced")
    out, err = script.communicate(timeout=240)
    assert script.returncode in (0, 6), err
    env.check_output(Outcome(script.returncode, out, err))
    assert [stage.finish(run_id) for run_id in runs] == ["success", "success"]
    check_all_right(stage, server, *runs)
