"""The check of the source before a JVM is started: where nothing changed, the load is made here, without Spark.

It is the same load, with the same record. It ends where rows have to be read, and leaves nothing behind then.
"""

import datetime as dt
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from dvdrental_etl import config
from dvdrental_etl.engine.spark import Spark
from dvdrental_etl.extract.source import Source
from dvdrental_etl.model.run_record import Batch
from dvdrental_etl.pipeline import batch, command_line
from dvdrental_etl.pipeline.context import SparkNeeded
from dvdrental_etl.pipeline.failures import attributed
from dvdrental_etl.pipeline.job import Run
from dvdrental_etl.warehouse.factory import open_warehouse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Precheck(Run):
    """A run that may not start Spark, and whose batch is open."""

    def _start_spark(self, certain: bool = True) -> None:
        if certain:
            raise SparkNeeded

    def _session(self) -> "SparkSession":
        raise SparkNeeded

    def _join(self, name: str, clock: dt.datetime) -> Batch:
        return batch.join(self._warehouse, name, None, clock, must_exist=True)


def precheck(script: Path, argv: Sequence[str], environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Run a script's load if it needs no Spark. Returns its result line and amounts; None if it has to be submitted.

    Raises EtlError.
    """
    if (
        importlib.util.find_spec("pyspark") is None
    ):  # the submit may have another Python; importing starts no JVM
        return None
    declared = _imported(script)
    options = command_line.parse(declared.TARGET, declared.__doc__ or "", argv)
    settings = config.load(options.config, environment)
    with (
        Source(settings.source, settings.limits) as source,
        open_warehouse(settings) as warehouse,
        attributed(settings),
    ):
        # Whatever the engine is: none is started.
        run = Precheck(declared.TARGET, options, source, warehouse, Spark())
        try:
            return run.result(declared.SOURCES, declared.transform)
        except SparkNeeded:
            return None


def _imported(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
