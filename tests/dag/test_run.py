"""Runs of the DAG: Airflow, four Spark jobs at a time on a Spark cluster, the embedded source and warehouse.

Executors are processes that get all that they need from Spark.
"""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from dvdrental_etl.report.run_report import RunReport
from local_airflow import report
from local_airflow.client import DAG
from local_airflow.runtime import LINEAGE
from sandbox import spark_cluster
from tests.support.dag_runs import DIMENSIONS, NO_NIGHT, Finished, running

TABLES = (*DIMENSIONS, "fact_sales")
PLANNED = "dry run, nothing was written; 5 tables planned, 0 rows to write"
FACTS = """
    SELECT f.sales_key, f.payment_date_key, f.rental_date_key, f.return_date_key, c.customer_id, e.staff_id,
        s.store_id, m.film_id, f.sales_amount, f.rental_id, f.payment_ts
    FROM {}.fact_sales f
    JOIN dw.dim_customer c USING (customer_key) JOIN dw.dim_staff e USING (staff_key)
    JOIN dw.dim_store s USING (store_key) JOIN dw.dim_movie m USING (movie_key) ORDER BY 1
"""
PAYMENTS = """
    SELECT payment_id, to_char(payment_date, 'YYYYMMDD')::int, coalesce(to_char(rental_date, 'YYYYMMDD')::int, -1),
        CASE WHEN r.rental_id IS NULL THEN -1 ELSE coalesce(to_char(return_date, 'YYYYMMDD')::int, -2) END,
        p.customer_id, p.staff_id, coalesce(i.store_id, -1), coalesce(i.film_id, -1), amount, p.rental_id, payment_date
    FROM {}.payment p LEFT JOIN rental r USING (rental_id) LEFT JOIN inventory i USING (inventory_id) ORDER BY 1
"""


def executor_logs(folder: Path, worker: int) -> list[Path]:
    return sorted((folder / spark_cluster.FOLDER / f"worker-{worker}").glob("*/*/stderr"))


def metadata(finished: Finished, query: str) -> list[Any]:
    """Rows of Airflow's own database."""
    with closing(sqlite3.connect(finished.demo.home / "airflow.db")) as connection:
        return connection.execute(query).fetchall()


def left_by_report(finished: Finished, run_id: str) -> dict[str, Any]:
    """What the task `report` of a run left in XCom, by key."""
    rows = metadata(finished, f"SELECT key, value FROM xcom WHERE task_id = 'report' AND run_id = '{run_id}'")
    return {key: json.loads(value) if isinstance(value, str) else value for key, value in rows}


# What was loaded.


def test_every_table_is_published_once(finished: Finished) -> None:
    result = report.read(finished.demo.credentials, finished.run_id)
    assert sorted(load["table_name"] for load in result.loads) == sorted(TABLES)
    assert finished.warehouse("SELECT run_id, status FROM {}.etl_batch WHERE batch_id > 0 ORDER BY 1") == [
        (finished.run_id, "done"),
        (finished.quiet, "done"),
        (finished.dry, "dry run"),
    ]


def test_the_warehouse_equals_the_source(finished: Finished) -> None:
    facts = finished.warehouse(FACTS)
    assert len(facts) > 2000
    assert facts == finished.source(PAYMENTS)
    for table, natural in zip(DIMENSIONS, ("customer", "film", "staff", "store"), strict=True):
        members = f"SELECT {natural}_id FROM {{}}.{table} WHERE {natural}_id > 0 ORDER BY 1"
        known = f"SELECT {natural}_id FROM {{}}.{natural} ORDER BY 1"
        assert finished.warehouse(members) == finished.source(known)


def test_the_report_compares_both_sides(finished: Finished) -> None:
    result = report.read(finished.demo.credentials, finished.run_id)
    assert result.source.rows > 2000
    assert result.source == result.warehouse
    by_month = "SELECT date_trunc('month', {0}), count(*), sum({1}) FROM {{}}.{2} GROUP BY 1 ORDER BY 1"
    paid = finished.source(by_month.format("payment_date", "amount", "payment"))
    assert finished.warehouse(by_month.format("payment_ts", "sales_amount", "fact_sales")) == paid


def test_the_run_has_its_report(finished: Finished) -> None:
    """In XCom as values, in the log as text, in the run's note as one sentence."""
    entries = left_by_report(finished, finished.run_id)
    told = TypeAdapter(RunReport).validate_python(entries["return_value"])
    assert told.run.run_id == finished.run_id
    assert told.findings == ()
    assert told.money is not None
    assert told.money.source.payments == finished.source("SELECT count(*) FROM {}.payment")[0][0]
    assert entries["quarantined"] == 0
    assert re.fullmatch(r"5 tables published, [\d,]+ rows written", entries["headline"])
    note = "SELECT content FROM dag_run_note JOIN dag_run ON id = dag_run_id WHERE run_id = "
    assert metadata(finished, f"{note}'{finished.run_id}'") == [(entries["headline"],)]
    assert metadata(finished, f"{note}'{finished.dry}'") == [(PLANNED,)]
    events = [entry["event"] for entry in finished.log(finished.run_id, "report")]
    assert "difference          0       0.00" in "\n".join(events)


# Who ran, and when.


def test_the_four_dimensions_ran_at_the_same_time_and_the_fact_after_them(finished: Finished) -> None:
    rows = metadata(
        finished,
        "SELECT task_id, start_date, end_date, try_number FROM task_instance"
        f" WHERE run_id = '{finished.run_id}'",
    )
    times = {task: (start, end) for task, start, end, _ in rows}
    assert all(tries == 1 for *_, tries in rows)
    starts, ends = zip(*(times[f"load_{table}"] for table in DIMENSIONS), strict=True)
    assert max(starts) < min(ends)
    assert times["prepare"][1] <= min(starts)
    assert times["load_fact_sales"][0] >= max(ends)
    assert times["verify"][0] >= times["load_fact_sales"][1]


def test_executors_of_both_workers_took_part(finished: Finished) -> None:
    for worker in (1, 2):
        log = "".join(path.read_text() for path in executor_logs(finished.folder, worker))
        assert re.search(r"Executor: Finished task 0\.0 in stage", log), f"worker {worker} did nothing"
        assert "Generated JDBC query to fetch data" in log
    apps = {path.parts[-3] for worker in (1, 2) for path in executor_logs(finished.folder, worker)}
    assert len(apps) == len(TABLES)


# Nights without changes, dry runs, guards.


def test_no_night_of_the_schedule_began_meanwhile(finished: Finished) -> None:
    assert metadata(finished, f"SELECT next_dagrun_create_after FROM dag WHERE dag_id = '{DAG}'") == [
        (NO_NIGHT,)
    ]


def test_only_the_first_run_started_spark(finished: Finished) -> None:
    submitted = [line for line in finished.command_lines if "SparkSubmit" in line]  # other tests submit, too
    assert any(finished.run_id in line for line in submitted)
    assert not any(finished.quiet in line for line in submitted)
    loads = finished.warehouse(
        "SELECT table_name, rows_read, is_full FROM {}.etl_load JOIN {}.etl_batch USING (batch_id)"
        f" WHERE run_id = '{finished.quiet}' AND etl_load.status = 'published' ORDER BY 1"
    )
    assert loads == [(table, 0, False) for table in sorted(TABLES)]


def test_assets_have_events_of_the_load_that_changed_them_and_no_others(finished: Finished) -> None:
    query = "SELECT a.name, e.source_run_id, e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id ORDER BY 1"
    events = [(name, run_id, json.loads(extra)) for name, run_id, extra in metadata(finished, query)]
    assert [(name, run_id) for name, run_id, _ in events] == [
        (table, finished.run_id) for table in sorted(TABLES)
    ]
    ((rows, amount),) = finished.source("SELECT count(*), sum(amount) FROM {}.payment")
    (of_fact,) = (extra for name, _, extra in events if name == "fact_sales")
    assert (of_fact["batch"], of_fact["new"], of_fact["published_amount"]) == (
        finished.run_id,
        rows,
        str(amount),
    )


def test_the_example_ran_once_and_knows_what_was_loaded(finished: Finished) -> None:
    query = "SELECT run_id, state FROM dag_run WHERE dag_id = 'dvdrental_downstream_example'"
    ((run_id, state),) = metadata(finished, query)
    assert state == "success"
    told = [entry["event"] for entry in finished.log(run_id, "tell")]
    rows = finished.warehouse("SELECT count(*) FROM {}.fact_sales")[0][0]
    assert f"fact_sales, batch {finished.run_id}: {rows} new, 0 changed" in told


def test_a_dry_run_ends_with_the_plan_of_all_tables(finished: Finished) -> None:
    lines = [entry["event"] for entry in finished.log(finished.dry, "report")]
    plan = lines[lines.index("dry run, nothing was written: a run would do this") :]
    assert sorted(line.split()[0] for line in plan[3:8]) == sorted(TABLES)
    assert {tuple(line.split()[1:]) for line in plan[3:8]} == {("planned", *["0"] * 6, "-", "-")}
    ((rows, amount),) = finished.source("SELECT count(*), sum(amount) FROM {}.payment")
    assert [line.split() for line in plan[9:11]] == [
        [side, f"{rows:,}", f"{amount:,}"] for side in ("source", "warehouse")
    ]
    assert plan[13] == PLANNED
    assert (
        left_by_report(finished, finished.dry)["return_value"]["run"]["status"] == "dry run"
    )  # the tab's mark
    assert not finished.warehouse(
        f"SELECT 1 FROM {{}}.etl_load JOIN {{}}.etl_batch USING (batch_id) WHERE run_id = '{finished.dry}'"
    )


def test_a_task_can_be_cleared_while_the_run_has_a_deadline(finished: Finished) -> None:
    tries = metadata(
        finished,
        f"SELECT try_number FROM task_instance WHERE task_id = 'quarantine' AND run_id = '{finished.dry}'",
    )
    assert tries == [(2,)]


def test_what_is_wrong_is_said_last_in_the_log(finished: Finished) -> None:
    lines = finished.log(finished.refused, "prepare")
    last = lines[-1]
    assert (last["level"], last["folded"]) == ("error", False), lines[-4:]
    assert [line["folded"] for line in lines if "Task failed with exception" in line["event"]] == [False]
    assert last["event"].splitlines()[:2] == [
        "prepare failed",
        "What is wrong: the run's configuration has the unknown key 'fullrefresh', did you mean full_refresh?",
    ]
    assert not finished.warehouse(f"SELECT 1 FROM {{}}.etl_batch WHERE run_id = '{finished.refused}'")


def test_a_person_is_alerted_of_a_late_night_and_of_a_failed_task(finished: Finished) -> None:
    late, failed = finished.alerts
    assert re.fullmatch(
        r"dvdrental_etl: late night\nthe deadline has passed, and the run is (queued|running)\n"
        rf"run {re.escape(finished.quiet)}; docs/runbook.md#late-night",
        late,
    )
    assert failed.startswith(
        "dvdrental_etl: task failed\nprepare: the run's configuration has the unknown key"
    )
    assert failed.endswith(f"\nrun {finished.refused}; docs/runbook.md#task-failed")


def test_the_logs_of_jobs_are_free_of_noise(finished: Finished) -> None:
    events = [entry["event"] for entry in finished.log(finished.run_id, "load_dim_store")]
    assert any("committed" in event for event in events)
    assert not [event for event in events if "incubator" in event or "native-hadoop" in event]


# Lineage.


def lineage(finished: Finished, table: str) -> list[tuple[set[str], list[dict[str, Any]]]]:
    """Names of the inputs, and the outputs, that OpenLineage was told at the end of a table's task: run by run."""
    lines = (finished.demo.home / LINEAGE).read_text().splitlines()
    ended = [
        event
        for event in map(json.loads, lines)
        if event["job"]["name"] == f"dvdrental_etl.load_{table}" and event["eventType"] == "COMPLETE"
    ]
    ended.sort(key=lambda event: event["eventTime"])
    return [({each["name"] for each in event["inputs"]}, event["outputs"]) for event in ended]


@pytest.mark.parametrize(
    ("table", "read"),
    [
        ("dim_customer", "customer address city country"),
        ("dim_movie", "film language film_category category"),
        ("dim_store", "store staff address city country"),
        ("dim_staff", "staff address city country"),
        ("fact_sales", "payment rental inventory"),
    ],
)
def test_openlineage_is_told_what_was_read_and_written(finished: Finished, table: str, read: str) -> None:
    """Also in a night that starts no JVM. A dry run reads, and writes nothing."""
    inputs = {f"dvdrental.public.{name}" for name in read.split()}
    if table == "fact_sales":
        inputs |= {f"warehouse.dw.{name}" for name in DIMENSIONS}
    first, quiet, dry = lineage(finished, table)
    assert (first[0], quiet[0], dry[0]) == (inputs, inputs, inputs)
    rows = finished.warehouse(f"SELECT count(*) FROM {{}}.{table} WHERE batch_id > 0")[0][0]
    for outputs, written in ((first[1], rows), (quiet[1], 0)):
        (output,) = outputs
        assert re.fullmatch(r"postgres://127\.0\.0\.1:\d+", output["namespace"])
        assert output["name"] == f"warehouse.dw.{table}"
        assert output["outputFacets"]["outputStatistics"]["rowCount"] == written
    assert dry[1] == []


@pytest.mark.parametrize(
    ("column", "origins"),
    [
        ("dim_customer.city", {"dvdrental.public.city.city"}),
        ("dim_movie.category", {"dvdrental.public.category.name"}),
        ("fact_sales.sales_amount", {"dvdrental.public.payment.amount"}),
        (
            "fact_sales.store_key",
            {
                "dvdrental.public.inventory.store_id",
                "warehouse.dw.dim_store.store_id",
                "warehouse.dw.dim_store.store_key",
            },
        ),
    ],
)
def test_openlineage_is_told_the_origins_of_a_column(
    finished: Finished, column: str, origins: set[str]
) -> None:
    table, name = column.split(".")
    (output,) = lineage(finished, table)[0][1]
    fields = output["facets"]["columnLineage"]["fields"][name]["inputFields"]
    assert {f"{field['name']}.{field['field']}" for field in fields} == origins
    assert name in {field["name"] for field in output["facets"]["schema"]["fields"]}


# Secrets.


def test_no_password_is_in_a_command_line(finished: Finished) -> None:
    lines = "\n".join(finished.command_lines)
    for table in TABLES:  # they were recorded
        submit = rf"SparkSubmit .*--master spark://127\.0\.0\.1:\d+ .*load_{table}\.py --batch-id="
        assert re.search(submit, lines), table
    assert re.search(r"CoarseGrainedExecutorBackend .*--hostname 127\.0\.0\.1", lines)
    assert not [password for password in finished.passwords() if password in lines]


def test_no_password_is_in_a_file_of_airflow(finished: Finished) -> None:
    files = [path for path in finished.demo.home.rglob("*") if path.is_file()]
    logs = [path for path in files if path.name == "attempt=1.log"]
    assert len([path for path in logs if f"run_id={finished.run_id}" in str(path)]) == 9
    assert {"airflow.db", LINEAGE} <= {path.name for path in files}
    finished.check_holds_no_password(files)


def test_no_password_is_in_a_file_of_the_cluster(finished: Finished) -> None:
    files = [path for path in (finished.folder / spark_cluster.FOLDER).rglob("*") if path.is_file()]
    assert {"master.log", "worker-1.log", "stderr", "jobs.zip", "postgresql.jar"} <= {
        path.name for path in files
    }
    finished.check_holds_no_password([*files, finished.folder / spark_cluster.STATE])


def test_rendered_fields_are_shown_without_secrets(finished: Finished) -> None:
    query = (
        "SELECT rendered_fields FROM rendered_task_instance_fields WHERE task_id = 'load_fact_sales'"
        f" AND run_id = '{finished.run_id}'"
    )
    ((text,),) = metadata(finished, query)
    shown = json.loads(text)["env_vars"]
    shown = shown if isinstance(shown, dict) else json.loads(shown)
    assert shown["DVDRENTAL_SOURCE_PASSWORD"] == "***"
    assert shown["DVDRENTAL_WAREHOUSE_PASSWORD"] == "***"
    assert shown["DVDRENTAL_SOURCE_URL"].startswith("jdbc:postgresql://127.0.0.1:")


# What is left.


def test_airflow_leaves_no_process(finished: Finished) -> None:
    assert running("AIRFLOW_HOME", str(finished.demo.home)) == []


def test_only_the_master_and_the_workers_are_left_of_the_cluster(finished: Finished) -> None:
    assert len(running("SPARK_LOCAL_DIRS", str(finished.folder / spark_cluster.FOLDER))) == 3
