"""Airflow reads its home when it is imported: a folder that goes away with the session, never the user's own."""

import atexit
import os
import shutil
import tempfile
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]

_home = tempfile.mkdtemp(prefix="dvdrental-airflow-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ["AIRFLOW_HOME"] = _home
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(ROOT / "dags")


@pytest.fixture(scope="session")
def dag_file() -> ModuleType:
    """The DAG file as a module."""
    spec = util.spec_from_file_location("dvdrental_etl_dag", ROOT / "dags" / "dvdrental_etl_dag.py")
    assert spec
    assert spec.loader
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
