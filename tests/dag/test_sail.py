"""The DAG with Sail in place of Spark, by nothing but the host of the connection."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.access import SOURCE
from sandbox.server import Sandbox
from tests.support.engines import PYTHON, on_sail_too
from tests.support.paths import SPARK_APPS
from tests.support.waiting import long_running

if TYPE_CHECKING:
    from local_airflow.runner import DagRunner

pytestmark = [long_running, on_sail_too]

A_CUSTOMER_WHO_PAYS = """
    INSERT INTO customer (customer_id, store_id, first_name, last_name, address_id)
    SELECT max(customer_id) + 1, 1, 'NEW', 'CUSTOMER', min(address_id) FROM customer;
    INSERT INTO payment (payment_id, customer_id, staff_id, rental_id, amount, payment_date)
    SELECT max(payment_id) + 1, (SELECT max(customer_id) FROM customer), 1, min(rental_id), 1.00, max(payment_date)
    FROM payment;
"""


@dataclass(frozen=True)
class Runs:
    """The first run, and one of fact_sales alone after a customer came who has paid already."""

    demo: "DagRunner"
    first: str
    fact_alone: str
    command_lines: set[str]
    events: list[tuple[str, str, Any]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    from local_airflow.runner import SAIL, DagRunner
    from tests.support.dag_runs import CommandLines, sandbox_in

    folder: Path = tmp_path_factory.mktemp("dag")
    with pytest.MonkeyPatch.context() as patch, sandbox_in(folder), CommandLines() as watch:
        patch.setenv("DVDRENTAL_ENGINE_ON_SHARED_HOST", "allow")
        demo = DagRunner(folder, SAIL)
        with demo.started(train=False) as client:
            first = demo.run_once(client, {})
            with Sandbox(folder).superuser(SOURCE) as connection, connection.cursor() as cursor:
                cursor.execute(A_CUSTOMER_WHO_PAYS)
            fact_alone = demo.run_once(client, {"tables": ["fact_sales"]})
        query = "SELECT a.name, e.source_run_id, e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id"
        with closing(sqlite3.connect(demo.home / "airflow.db")) as airflow:
            events = [(name, run, json.loads(extra)) for name, run, extra in airflow.execute(query)]
        yield Runs(demo, first, fact_alone, watch.seen, events)


def test_it_loads_by_sail_alone(runs: Runs) -> None:
    from tests.support.dag_runs import DIMENSIONS

    runs.demo.show(runs.fact_alone)  # raises where source and warehouse differ
    for table in (*DIMENSIONS, "fact_sales"):
        script = SPARK_APPS / f"load_{table}.py"
        assert f"{PYTHON} {script} --batch-id={runs.first}" in runs.command_lines
    passwords = [runs.demo.credentials[side]["password"] for side in ("source", "warehouse")]
    lines = runs.command_lines
    assert not [line for line in lines for password in passwords if password in line]
    assert not [
        line for line in lines if "org.apache.spark" in line and runs.first in line
    ]  # other tests start Spark


def test_a_dimension_has_an_event_if_the_fact_made_a_member_in_it(runs: Runs) -> None:
    after = {name: extra for name, run, extra in runs.events if run == runs.fact_alone}
    assert sorted(after) == ["dim_customer", "fact_sales"]
    assert after["dim_customer"] == {"batch": runs.fact_alone, "inferred": 1}
    assert (after["fact_sales"]["batch"], after["fact_sales"]["new"]) == (runs.fact_alone, 1)
