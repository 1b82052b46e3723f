"""One run of one script: open both databases, load, and end the process with the exit code of an error."""

import datetime as dt
import logging
import os
import secrets
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from dvdrental_etl import config
from dvdrental_etl.engine.base import Engine
from dvdrental_etl.engine.factory import chosen_engine
from dvdrental_etl.errors import EtlError, first_line
from dvdrental_etl.extract.reader import Reader
from dvdrental_etl.extract.source import Source
from dvdrental_etl.model.run_record import Batch, BatchStatus, Counts
from dvdrental_etl.model.source_tables import SourceTable
from dvdrental_etl.model.targets import Target
from dvdrental_etl.pipeline import batch, command_line
from dvdrental_etl.pipeline.code_version import code_digest
from dvdrental_etl.pipeline.command_line import Options
from dvdrental_etl.pipeline.context import Extraction, LoadContext, SourceState
from dvdrental_etl.pipeline.failures import attributed
from dvdrental_etl.pipeline.load import publish
from dvdrental_etl.pipeline.plan import plan
from dvdrental_etl.warehouse import reporting
from dvdrental_etl.warehouse.base import Warehouse
from dvdrental_etl.warehouse.factory import open_warehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger("dvdrental_etl")


class Run:
    """What a script works with: load() its sources through its transform()."""

    def __init__(
        self, target: Target, options: Options, source: Source, warehouse: Warehouse, engine: Engine
    ) -> None:
        self._target, self._options = target, options
        self._source, self._warehouse, self._engine = source, warehouse, engine
        self._spark: Future[SparkSession] | None = None
        self._started = time.monotonic()

    def load(self, tables: Sequence[SourceTable], transform: "Callable[..., DataFrame]") -> None:
        """Read what changed in the tables, transform it, and publish it in one transaction if it passes the gate.

        The last line of the output is the result.

        transform receives each table as a frame under its name, all from one snapshot of the source: whole, or the rows
        of the grain that a change affects, with all that they are joined to.
        """
        line, amounts = self.result(tables, transform)
        if amounts:
            self._report(f"amounts: {amounts}")
        print(line)  # noqa: T201 - this line is the script's output

    def result(self, tables: Sequence[SourceTable], transform: "Callable[..., DataFrame]") -> tuple[str, str]:
        """The same, returning the line, and the amounts of a fact in currency units."""

        def build_frame(state: SourceState) -> "DataFrame":
            reader = Reader(self._source, self._engine, self._session(), self._warehouse.limits)
            return transform(**reader.frames(state.tables, state.counts, state.extent.keys))

        extraction = Extraction(
            source=self._source,
            tables=tables,
            engine=self._engine,
            build_frame=build_frame,
            start_spark=self._start_spark,
            code_digest=code_digest(self._target.table, transform),
            full_refresh=self._options.full_refresh,
        )
        if self._options.dry_run:
            unnumbered = Batch(0, "plan", self._options.as_of or self._source.clock(), opened_here=False)
            counts, title = plan(self._context(unnumbered), extraction), "plan, nothing written"
        else:
            counts, title = self._publish_in_batch(extraction), "published"
        return f"{self._target.table}: {title}: {counts}", counts.amounts

    def _context(self, joined: Batch) -> LoadContext:
        return LoadContext(
            warehouse=self._warehouse,
            target=self._target,
            batch=joined,
            limits=self._warehouse.limits,
            allow_mass_delete=self._options.allow_mass_delete,
            report=self._report,
            started=self._started,
        )

    def _start_spark(self, certain: bool = True) -> None:  # noqa: ARG002
        """Start Spark in the background.

        It is never stopped here: Java does that when this process ends. Waiting for it took a second and a half.
        """
        if self._spark is None:
            pool = ThreadPoolExecutor(1)
            self._spark = pool.submit(self._engine.start, f"load_{self._target.table}")
            pool.shutdown(wait=False)

    def _session(self) -> "SparkSession":
        self._start_spark()
        assert self._spark is not None
        spark = self._spark.result()
        self._engine.quiet(spark, debug=self._options.debug)
        self._report(f"{self._engine.name} is up")
        return spark

    def _publish_in_batch(self, extraction: Extraction) -> Counts:
        options, clock = self._options, self._source.clock()
        with self._warehouse.transaction() as cursor:
            self._warehouse.ensure_tables(cursor)
        reporting.keep_current(self._warehouse)
        name = (
            options.batch_id or f"load_{self._target.table} {clock:%Y-%m-%dT%H:%M:%S} {secrets.token_hex(3)}"
        )
        joined = self._join(name, clock)
        status = BatchStatus.FAILED
        try:
            counts = publish(self._context(joined), extraction)
            status = BatchStatus.DONE
        finally:
            if joined.opened_here:
                self._end(joined, status)
        return counts

    def _end(self, joined: Batch, status: BatchStatus) -> None:
        """Best effort: the load is published or not, and an error here must not hide which."""
        try:
            if self._warehouse.is_cut_off:
                self._warehouse.connect()
            batch.end(self._warehouse, joined.run_id, status)
        except EtlError as error:
            self._report(f"warning: the end of run '{joined.run_id}' is not recorded: {error.message}")

    def _join(self, name: str, clock: dt.datetime) -> Batch:
        return batch.join(self._warehouse, name, self._options.as_of, clock, tables=[self._target.table])

    def _report(self, text: str) -> None:
        level = logging.WARNING if text.startswith("warning: ") else logging.INFO
        log.log(level, "%s: %5.1f s: %s", self._target.table, time.monotonic() - self._started, text)


@contextmanager
def start(target: Target, description: str | None, argv: Sequence[str] | None) -> Iterator[Run]:
    """Open what a run needs. An error ends the process with its exit code, reported in one line."""
    options = command_line.parse(target, description or "", argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    log.setLevel(logging.INFO)
    try:
        with ExitStack() as stack:
            settings = config.load(options.config, os.environ)
            engine = chosen_engine(settings.engine)
            source = stack.enter_context(Source(settings.source, settings.limits))
            warehouse = stack.enter_context(open_warehouse(settings))
            run = Run(target, options, source, warehouse, engine)
            with attributed(settings):
                yield run
        for warning in settings.warnings:  # last: where a run fails, its error is the first line
            log.warning("load_%s: warning: %s", target.table, warning)
    except EtlError as error:
        _print_error(target, str(error))
        if options.debug:
            traceback.print_exc()
        raise SystemExit(error.exit_code) from None
    except Exception as error:
        _print_error(target, f"unexpected: {first_line(error)} -> please report it")
        raise


def _print_error(target: Target, problem: str) -> None:
    """The one line for people, before anything else about an error."""
    print(f"load_{target.table}: error: {problem}", file=sys.stderr)  # noqa: T201
