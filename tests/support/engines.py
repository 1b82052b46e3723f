"""The engine that the tests run on: Spark, or Sail with ENGINE=sail, in .venv-sail."""

import os

import pytest

IS_SAIL = os.environ.get("ENGINE") == "sail"
#: What a job of the tests is told. Their databases hold nothing that is worth protecting from other accounts.
ON_SAIL = {"ENGINE": "sail", "DVDRENTAL_ENGINE_ON_SHARED_HOST": "allow"}
SETTINGS = ON_SAIL if IS_SAIL else {}

about_spark = pytest.mark.skipif(IS_SAIL, reason="it is about Spark itself")
