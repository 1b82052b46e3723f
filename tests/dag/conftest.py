"""Airflow reads its home when it is imported: a temporary folder, never the user's own."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib import util
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tests.support.paths import ROOT

if TYPE_CHECKING:
    from tests.support.dag_runs import Finished


_home = tempfile.mkdtemp(prefix="dvdrental-airflow-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ["AIRFLOW_HOME"] = _home
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(ROOT / "dags")
# The file does not change while the tests run: to read it again every 30 seconds costs as much as a Spark job.
os.environ["AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL"] = "3600"
os.environ["AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL"] = "3600"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Finished]":
    """One run of the DAG, on a Spark cluster of this machine; `make demo` is the same with a Spark in each job."""
    from sandbox import spark_cluster
    from tests.support.dag_runs import run, running, sandbox_in

    folder = tmp_path_factory.mktemp("dag")
    with sandbox_in(folder):
        try:
            yield run(folder, spark_cluster.start(folder, {})["url"])
        finally:
            spark_cluster.stop(folder)
    assert running("SPARK_LOCAL_DIRS", str(folder / spark_cluster.FOLDER)) == []


@pytest.fixture(scope="session")
def dag_file() -> ModuleType:
    """The DAG file as a module."""
    spec = util.spec_from_file_location("dvdrental_etl_dag", ROOT / "dags" / "dvdrental_etl_dag.py")
    assert spec
    assert spec.loader
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
