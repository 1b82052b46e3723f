"""What a load works with, as values that its steps pass on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dvdrental_etl.engine.base import Engine
from dvdrental_etl.extract.changes import Extent
from dvdrental_etl.extract.source import Source
from dvdrental_etl.limits import Limits
from dvdrental_etl.model.key_ranges import RangeCounts
from dvdrental_etl.model.run_record import Attempt, Batch
from dvdrental_etl.model.source_tables import SourceTable
from dvdrental_etl.model.targets import Target
from dvdrental_etl.model.totals import Totals, all_days
from dvdrental_etl.staging.results import Staged
from dvdrental_etl.warehouse.base import DirectLoad, Warehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SparkNeeded(Exception):
    """Rows must be read, and this process may not start Spark."""


@dataclass(frozen=True)
class LoadContext:
    """One load of one table. report: takes one line of progress. started: time.monotonic() of the run's begin."""

    warehouse: Warehouse
    target: Target
    batch: Batch
    limits: Limits
    allow_mass_delete: bool
    report: Callable[[str], None]
    started: float


@dataclass(frozen=True)
class SourceState:
    """What a load knows of the source at its snapshot.

    grain: the source table of which each row is a row or a member. tables: the script's SOURCES, with the types that
    their columns have. snapshot, lsn, identity: for the run record.
    extent: what to read. counts: the key ranges of each table. totals: rows and money that must arrive.
    """

    grain: str
    tables: Sequence[SourceTable]
    snapshot: str
    lsn: str
    identity: str
    extent: Extent
    counts: Mapping[str, RangeCounts]
    totals: Totals

    @property
    def rows(self) -> int:
        """How many rows of the grain are read."""
        keys = self.extent.keys
        return all_days(self.totals)[0] if keys is None else len(keys[self.grain])


@dataclass(frozen=True)
class Extraction:
    """How a script's rows are read and transformed.

    tables: its SOURCES. build_frame: what transform() returns for a state of the source. start_spark: begins to start
    the session in the background; its argument says whether rows will be read for certain. Both raise SparkNeeded where
    Spark may not start. code_digest: of the code that shapes the rows.
    """

    source: Source
    tables: Sequence[SourceTable]
    engine: Engine
    build_frame: "Callable[[SourceState], DataFrame]"
    start_spark: Callable[[bool], None]
    code_digest: str
    full_refresh: bool


@dataclass(frozen=True)
class Candidate:
    """Staged rows that wait for the gate. direct: where the rows are in a new partition of the fact."""

    attempt: Attempt
    state: SourceState
    staged: Staged
    direct: DirectLoad | None = None


#: Brings the rows of a state into the named staging table, or through the direct load.
Stage = Callable[[SourceState, str, DirectLoad | None], Staged]
