"""The DAG run once for real: Airflow, four Spark jobs at a time, the embedded source and warehouse."""

import json
import re
import sqlite3
from contextlib import closing

import psutil  # type: ignore[import-untyped]

from local_airflow import report
from tests.support.dag_runs import DIMENSIONS, Finished


def test_every_table_is_published_once(finished: Finished) -> None:
    result = report.read(finished.demo.credentials, finished.run_id)
    assert sorted(load["table_name"] for load in result.loads) == [*DIMENSIONS, "fact_sales"]
    assert finished.warehouse("SELECT run_id, status FROM {}.etl_batch WHERE batch_id > 0") == [
        (finished.run_id, "done")
    ]


def test_the_fact_agrees_with_the_source_to_the_cent(finished: Finished) -> None:
    result = report.read(finished.demo.credentials, finished.run_id)
    assert result.source.rows > 2000
    assert result.source == result.warehouse
    by_month = "SELECT date_trunc('month', {0}), count(*), sum({1}) FROM {{}}.{2} GROUP BY 1 ORDER BY 1"
    paid = finished.source(by_month.format("payment_date", "amount", "payment"))
    assert finished.warehouse(by_month.format("payment_ts", "sales_amount", "fact_sales")) == paid


def test_the_four_dimensions_ran_at_the_same_time_and_the_fact_after_them(finished: Finished) -> None:
    with closing(sqlite3.connect(finished.demo.home / "airflow.db")) as metadata:
        rows = metadata.execute(
            "SELECT task_id, start_date, end_date, try_number FROM task_instance"
        ).fetchall()
    times = {task: (start, end) for task, start, end, _ in rows}
    assert all(tries == 1 for *_, tries in rows)
    starts, ends = zip(*(times[f"load_{table}"] for table in DIMENSIONS), strict=True)
    assert max(starts) < min(ends)
    assert times["prepare"][1] <= min(starts)
    assert times["load_fact_sales"][0] >= max(ends)
    assert times["verify"][0] >= times["load_fact_sales"][1]


def test_no_password_is_in_a_command_line(finished: Finished) -> None:
    lines = "\n".join(finished.command_lines)
    for table in (*DIMENSIONS, "fact_sales"):
        assert re.search(rf"SparkSubmit .*load_{table}\.py --batch-id=", lines), "the watch was on"
    assert not [password for password in finished.passwords() if password in lines]


def test_no_password_is_in_a_log_or_in_the_metadata(finished: Finished) -> None:
    files = [path for path in finished.demo.home.rglob("*") if path.is_file()]
    assert len([path for path in files if path.name == "attempt=1.log"]) == 7
    assert any(path.name == "airflow.db" for path in files)
    finished.check_holds_no_password(files)


def test_rendered_fields_are_shown_without_secrets(finished: Finished) -> None:
    with closing(sqlite3.connect(finished.demo.home / "airflow.db")) as metadata:
        query = "SELECT rendered_fields FROM rendered_task_instance_fields WHERE task_id = 'load_fact_sales'"
        fields = json.loads(metadata.execute(query).fetchone()[0])
    shown = fields["env_vars"] if isinstance(fields["env_vars"], dict) else json.loads(fields["env_vars"])
    assert shown["DVDRENTAL_SOURCE_PASSWORD"] == "***"
    assert shown["DVDRENTAL_WAREHOUSE_PASSWORD"] == "***"
    assert shown["DVDRENTAL_SOURCE_URL"].startswith("jdbc:postgresql://127.0.0.1:")


def test_nothing_is_left_running(finished: Finished) -> None:
    left = [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline", "environ"])
        if belongs(process, finished)
    ]
    assert left == []


def belongs(process: psutil.Process, finished: Finished) -> bool:
    environment = process.info["environ"] or {}
    return environment.get("AIRFLOW_HOME") == str(finished.demo.home)
