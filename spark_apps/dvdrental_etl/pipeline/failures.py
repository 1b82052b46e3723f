"""Errors of engines and of drivers become errors of this suite: which side failed, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from dvdrental_etl.config import Settings
from dvdrental_etl.errors import EtlError, SourceError, WarehouseError, first_line

#: What Spark reports when a process that wrote rows was lost: a Python worker, an executor, or one with shuffle data.
LOST_PROCESS = ("Python worker", "ExecutorLostFailure", "FetchFailedException")
#: The module that reads for Sail. A write that waits for rows ends by the same error, so this is looked for first.
SAIL_READER = "engine/sail_source.py"
LIBRARIES = ("pyspark", "py4j", "psycopg2", "botocore")
ADVICE = "nothing was published; run again, with --debug for Spark's own messages"


@contextmanager
def attributed(settings: Settings) -> Iterator[None]:
    """Raise SourceError or WarehouseError for an error of a library.

    What reads the source is Spark's Java side or Sail's data source, and all else writes to the warehouse: that tells
    which side failed.
    """
    try:
        yield
    except EtlError:
        raise
    except Exception as error:
        if type(error).__module__.split(".")[0] not in LIBRARIES:
            raise
        translated = _translated(error, settings)
        if translated is None:
            raise
        raise translated from error


def _translated(error: Exception, settings: Settings) -> EtlError | None:
    text = f"{type(error).__module__}: {error}"
    lines = (line.strip() for line in str(error).splitlines())
    cause = next((line for line in lines if "Error: " in line or "PSQLException" in line), "")
    source, warehouse = settings.source.place, settings.warehouse.place
    reading = SourceError(f"source {source}: reading failed: {cause or first_line(error)}", ADVICE)
    if SAIL_READER in text:
        return reading
    if "psycopg2" in text or "botocore" in text:
        return WarehouseError(f"warehouse {warehouse}: staging failed: {cause or first_line(error)}", ADVICE)
    if "org.postgresql" in text:
        return reading
    if any(sign in text for sign in LOST_PROCESS):
        why = cause or "a worker or an executor was killed, or out of memory"
        return WarehouseError(f"warehouse {warehouse}: staging failed: {why}", ADVICE)
    return None
