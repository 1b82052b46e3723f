"""What of a person's shell must not reach the processes of this machine that the project starts."""

from __future__ import annotations

import os
from collections.abc import Mapping

#: Between these no proxy stands. Many shells set http_proxy for a company's network, and no_proxy not at all.
HERE = "127.0.0.1", "localhost", "::1"
#: Another Spark, its settings, or a notebook in place of Python: this project brings its own.
SPARKS_OWN = "SPARK_", "PYSPARK_"


def reach_this_machine_directly() -> None:
    """Let requests to this machine pass by a proxy: those of this process, and of all that it starts."""
    known = (os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "").split(",")
    hosts = ",".join(dict.fromkeys([*filter(None, known), *HERE]))
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = hosts


def without(environment: Mapping[str, str], *beginnings: str) -> dict[str, str]:
    """The environment without the variables whose names begin so."""
    return {name: value for name, value in environment.items() if not name.startswith(beginnings)}
