"""One run of one script: command line, settings, both databases, Spark, the run record, and exit codes for errors."""

import argparse
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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dvdrental_etl import config
from dvdrental_etl.engine import session
from dvdrental_etl.errors import EtlError, SourceError, WarehouseError, first_line
from dvdrental_etl.extract import jdbc
from dvdrental_etl.extract.source import Source, Table
from dvdrental_etl.model.targets import Target
from dvdrental_etl.pipeline import audit
from dvdrental_etl.pipeline.load import Work, plan, publish
from dvdrental_etl.warehouse.postgres import Warehouse, open_warehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger("dvdrental_etl")

#: What Spark says when whoever wrote is gone: a Python worker, an executor, or one with what the next was to read.
LOST = ("Python worker", "ExecutorLostFailure", "FetchFailedException")

EXIT_CODES = """exit codes:
  0 done                      4 source unreachable, or its contract broken
  2 usage                     5 gate refused: the data broke a promise, nothing was published
  3 configuration             6 fenced or locked: another attempt owns the table
                              7 warehouse

Without --config the file is config/credentials.json. Environment variables override it:
DVDRENTAL_SOURCE_URL, _USER, _PASSWORD, _SCHEMA; DVDRENTAL_WAREHOUSE_KIND, _URL, _USER, _PASSWORD, _SCHEMA;
DVDRENTAL_S3_STAGING, _IAM_ROLE, _ENDPOINT."""


@dataclass(frozen=True)
class Options:
    """The command line."""

    config: Path | None
    as_of: dt.datetime | None
    full_refresh: bool
    dry_run: bool
    allow_mass_delete: bool
    batch_id: str | None
    debug: bool


def parse(target: Target, about: str, argv: Sequence[str] | None) -> Options:
    """Read the command line; argparse ends the process with exit code 2 on a bad one."""
    parser = argparse.ArgumentParser(
        prog=f"load_{target.table}.py",
        description=about,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="JSON file with source and warehouse")
    parser.add_argument(
        "--as-of",
        type=_moment,
        metavar="TS",
        help="the moment that this run stands for, as 2007-05-14T13:44:29 on the source's clock;"
        " changes that the source does not date take effect then (default: the source's clock at the extract)",
    )
    parser.add_argument(
        "--full-refresh",
        action="store_true",
        help="compare everything with the source and write only what differs",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the plan (new, changed, expired, deleted, quarantined) and write nothing",
    )
    parser.add_argument(
        "--allow-mass-delete",
        action="store_true",
        help="publish although the source is empty or much of the table would be deleted",
    )
    parser.add_argument(
        "--batch-id",
        metavar="ID",
        help="join the run of that name, such as an Airflow run_id (default: a run of its own)",
    )
    parser.add_argument("--debug", action="store_true", help="show stack traces and Spark's own log")
    return Options(**vars(parser.parse_args(argv)))


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment such as 2007-05-14T13:44:29") from None
    if moment.tzinfo:
        raise argparse.ArgumentTypeError("as_of is on the source's clock and has no zone")
    return moment


class Run:
    """What a script works with: load() its sources through its transform()."""

    def __init__(self, target: Target, options: Options, source: Source, warehouse: Warehouse) -> None:
        self._target, self._options = target, options
        self._source, self._warehouse = source, warehouse
        self._spark: Future[SparkSession] | None = None
        self._began = time.monotonic()

    def load(self, tables: Sequence[Table], transform: "Callable[..., DataFrame]") -> None:
        """Read what changed in the tables, transform it, hold it against the gate, make it live in one transaction.

        transform takes each table as a frame under its name, all at one moment of the source: whole, or the rows of
        the grain that a change shows in, with all that they are joined to.
        """
        options, target = self._options, self._target
        work = Work(
            self._source,
            self._warehouse,
            target,
            tables,
            lambda extent, ranges: transform(
                **jdbc.frames(self._source, self._started(), tables, ranges, extent.keys)
            ),
            self._warm_up,
            options.full_refresh,
            options.allow_mass_delete,
            self._say,
        )
        if options.dry_run:
            counts, title = plan(work, options.as_of), "plan, nothing written"
        else:
            counts, title = self._publish_in_batch(work), "published"
        print(  # noqa: T201 - this line is the script's output
            f"{target.table}: {title}: {counts.read} read, {counts.new} new, {counts.changed} changed,"
            f" {counts.expired} expired, {counts.deleted} deleted, {counts.quarantined} quarantined"
        )

    def _warm_up(self) -> None:
        """Begin to start Spark, beside whatever else there is to do.

        Nobody stops it: Java does that as it ends, with this process. To wait for it took a second and a half.
        """
        if self._spark is None:
            pool = ThreadPoolExecutor(1)
            self._spark = pool.submit(session.start, f"load_{self._target.table}")
            pool.shutdown(wait=False)

    def _started(self) -> "SparkSession":
        self._warm_up()
        assert self._spark is not None
        spark = self._spark.result()
        # Spark logs each failure several times over, with stacks: the one line for people would drown.
        spark.sparkContext.setLogLevel("WARN" if self._options.debug else "OFF")
        self._say("Spark is up")
        return spark

    def _publish_in_batch(self, work: Work) -> audit.Counts:
        options, clock = self._options, self._source.clock()
        with self._warehouse.transaction() as cursor:
            self._warehouse.ensure_tables(cursor)
        name = (
            options.batch_id or f"load_{self._target.table} {clock:%Y-%m-%dT%H:%M:%S} {secrets.token_hex(3)}"
        )
        run = audit.join(self._warehouse, name, options.as_of, clock)
        status = "failed"
        try:
            counts = publish(work, run, self._began)
            status = "done"
        finally:
            if run.opened_here:
                audit.end(self._warehouse, run.run_id, status)
        return counts

    def _say(self, text: str) -> None:
        log.info("%s: %5.1f s: %s", self._target.table, time.monotonic() - self._began, text)


@contextmanager
def start(target: Target, about: str | None, argv: Sequence[str] | None) -> Iterator[Run]:
    """Open what a run needs, and end the process with the exit code of its error, told in one line."""
    options = parse(target, about or "", argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    log.setLevel(logging.INFO)
    try:
        with ExitStack() as stack:
            configured = config.load(options.config, os.environ)
            source = stack.enter_context(Source(configured.source))
            warehouse = stack.enter_context(open_warehouse(configured))
            run = Run(target, options, source, warehouse)
            with _translated(configured):
                yield run
    except EtlError as error:
        _tell(target, str(error))
        if options.debug:
            traceback.print_exc()
        raise SystemExit(error.exit_code) from None
    except Exception as error:
        _tell(target, f"unexpected: {first_line(error)} -> please report it")
        raise


@contextmanager
def _translated(configured: config.Settings) -> Iterator[None]:
    """Say whose fault it is that rows did not arrive: Spark's Java side only reads the source, Python only writes."""
    try:
        yield
    except EtlError:
        raise
    except Exception as error:
        origin = type(error).__module__
        text = f"{origin}: {error}"
        if origin.split(".")[0] not in ("pyspark", "py4j", "psycopg2", "botocore"):
            raise
        cause = next(
            (line.strip() for line in text.splitlines() if "Error: " in line or "PSQLException" in line), ""
        )
        advice = "nothing was published; run again, with --debug for Spark's own words"
        if "psycopg2" in text or "botocore" in text:
            raise WarehouseError(
                f"warehouse {configured.warehouse.place}: staging failed: {cause or first_line(error)}",
                advice,
            ) from error
        if "org.postgresql" in text:
            raise SourceError(
                f"source {configured.source.place}: reading failed: {cause or first_line(error)}", advice
            ) from error
        if any(sign in text for sign in LOST):
            why = cause or "a worker or an executor was killed, or out of memory"
            raise WarehouseError(
                f"warehouse {configured.warehouse.place}: staging failed: {why}", advice
            ) from error
        raise


def _tell(target: Target, problem: str) -> None:
    """The one line for people, before anything else is said of an error."""
    print(f"load_{target.table}: error: {problem}", file=sys.stderr)  # noqa: T201
