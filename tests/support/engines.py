"""The engine that the tests run on: Spark, or Sail with ENGINE=sail, in .venv-sail."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dvdrental_etl.engine.base import Engine

#: The Python that Sail is installed in.
PYTHON = ROOT / ".venv-sail" / "bin" / "python"
IS_SAIL = os.environ.get("ENGINE") == "sail"
#: What a job of the tests is told. Their databases hold nothing that is worth protecting from other accounts.
ON_SAIL = {"ENGINE": "sail", "DVDRENTAL_ENGINE_ON_SHARED_HOST": "allow"}
SETTINGS = ON_SAIL if IS_SAIL else {}

on_sail_too = pytest.mark.skipif(not PYTHON.exists(), reason="there is no .venv-sail: make sail")
about_spark = pytest.mark.skipif(IS_SAIL, reason="it is about Spark itself")


def engine() -> Engine:
    """The engine, as a job gets it."""
    from dvdrental_etl.config import EngineChoice
    from dvdrental_etl.engine.factory import chosen_engine

    return chosen_engine(EngineChoice("sail", "allow") if IS_SAIL else EngineChoice())


def give_workers(spark: SparkSession, variables: Mapping[str, str]) -> None:
    """Give workers these variables of the environment. Those of Sail are threads of this process, which has them."""
    if not IS_SAIL:
        spark.sparkContext.environment.update(variables)
