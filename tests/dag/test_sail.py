"""The DAG with Sail in place of Spark, by nothing but the host of the connection."""

from pathlib import Path

import pytest

from tests.support.engines import PYTHON, on_sail_too
from tests.support.paths import ROOT, SPARK_APPS
from tests.support.waiting import long_running


@long_running
@on_sail_too
def test_the_dag_on_sail(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    from local_airflow.runner import SAIL, DagRunner
    from tests.support.dag_runs import DIMENSIONS, CommandLines, sandbox_in

    monkeypatch.setenv("DVDRENTAL_ENGINE_ON_SHARED_HOST", "allow")
    folder: Path = tmp_path_factory.mktemp("dag")
    with sandbox_in(folder), CommandLines() as watch:
        demo = DagRunner(folder, SAIL)
        with demo.started(train=False) as client:
            run_id = demo.run_once(client, {})
        demo.show(run_id)  # raises where source and warehouse differ
    for table in (*DIMENSIONS, "fact_sales"):
        script = SPARK_APPS / f"load_{table}.py"
        assert f"{PYTHON} {script} --batch-id={run_id}" in watch.seen
    passwords = [demo.credentials[side]["password"] for side in ("source", "warehouse")]
    assert not [line for line in watch.seen for password in passwords if password in line]
    assert not [line for line in watch.seen if "org.apache.spark" in line and str(ROOT) in line]
