"""The DAG on a Spark cluster: executors are processes of their own, which get all that they need from Spark."""

import re
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from sandbox import spark_cluster
from tests.support.dag_runs import DIMENSIONS, Finished

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


def logs(folder: Path, worker: int) -> list[Path]:
    """What the executors of a worker said."""
    return sorted((folder / spark_cluster.FOLDER / f"worker-{worker}").glob("*/*/stderr"))


def test_the_star_is_what_the_source_says(finished: Finished) -> None:
    facts = finished.warehouse(FACTS)
    assert len(facts) > 2000
    assert facts == finished.source(PAYMENTS)
    for table, natural in zip(DIMENSIONS, ("customer", "film", "staff", "store"), strict=True):
        members = f"SELECT {natural}_id FROM {{}}.{table} WHERE {natural}_id > 0 ORDER BY 1"
        known = f"SELECT {natural}_id FROM {{}}.{natural} ORDER BY 1"
        assert finished.warehouse(members) == finished.source(known)
    assert finished.warehouse("SELECT run_id, status FROM {}.etl_batch WHERE batch_id > 0") == [
        (finished.run_id, "done")
    ]


def test_executors_of_both_workers_did_it(finished: Finished) -> None:
    for worker in (1, 2):
        said = "".join(path.read_text() for path in logs(finished.folder, worker))
        assert re.search(r"Executor: Finished task 0\.0 in stage", said), f"worker {worker} did nothing"
        assert "Generated JDBC query to fetch data" in said
    apps = {path.parts[-3] for worker in (1, 2) for path in logs(finished.folder, worker)}
    assert len(apps) == len((*DIMENSIONS, "fact_sales"))


def test_no_password_is_in_a_command_line(finished: Finished) -> None:
    lines = "\n".join(finished.command_lines)
    assert re.search(r"SparkSubmit .*--master spark://127\.0\.0\.1:\d+ .*load_fact_sales\.py", lines)
    assert re.search(r"CoarseGrainedExecutorBackend .*--hostname 127\.0\.0\.1", lines)
    assert not [password for password in finished.passwords() if password in lines]


def test_no_password_is_in_what_the_cluster_and_airflow_keep(finished: Finished) -> None:
    kept = [path for path in (finished.folder / spark_cluster.FOLDER).rglob("*") if path.is_file()]
    assert {"master.log", "worker-1.log", "stderr", "jobs.zip", "postgresql.jar"} <= {
        path.name for path in kept
    }
    finished.check_holds_no_password([*kept, finished.folder / spark_cluster.STATE])
    finished.check_holds_no_password([path for path in finished.demo.home.rglob("*") if path.is_file()])


def test_nothing_is_left_running(finished: Finished) -> None:
    ours = str(finished.folder / spark_cluster.FOLDER)

    def running() -> list[list[str]]:
        found = psutil.process_iter(["cmdline", "environ"])
        return [
            p.info["cmdline"] for p in found if ours in (p.info["environ"] or {}).get("SPARK_LOCAL_DIRS", "")
        ]

    assert len(running()) == 3, "a master and two workers, and no executor"
    assert spark_cluster.stop(finished.folder)
    assert running() == []
