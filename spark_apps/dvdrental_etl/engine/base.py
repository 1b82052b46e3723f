"""What runs the scripts' DataFrame code: four calls. No script and no rule knows which engine it is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from dvdrental_etl.config import Database
from dvdrental_etl.limits import Limits
from dvdrental_etl.model.source_tables import SourceTable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

T = TypeVar("T")


@dataclass(frozen=True)
class TableRead:
    """A table to read. name: as SQL names it. predicates: on stored_key, the key as stored; one a partition.

    rows: how many the table has; 0 where only rows with certain keys are read.
    """

    table: SourceTable
    name: str
    predicates: Sequence[str]
    rows: int


@dataclass(frozen=True)
class SharedSnapshot:
    """The source, and the statements by which a connection to it joins the job's snapshot."""

    database: Database
    join: Sequence[str]


class Engine(ABC):
    """An engine that takes PySpark's DataFrame code."""

    #: For messages.
    name: str

    @abstractmethod
    def start(self, job: str) -> "SparkSession":
        """Start the engine, or join the one that runs. Raises ConfigError if it cannot be used here."""

    @abstractmethod
    def read(
        self, session: "SparkSession", snapshot: SharedSnapshot, tables: Sequence[TableRead], limits: Limits
    ) -> "list[DataFrame]":
        """The tables as the snapshot has them, each column cast by the source to its declared type.

        The first one has the rows of the grain; the others are joined to it.
        """

    @abstractmethod
    def share(self, session: "SparkSession", value: T) -> Callable[[], T]:
        """Give a value to all workers, once; the function returns it there."""

    @abstractmethod
    def quiet(self, session: "SparkSession", *, debug: bool) -> None:
        """Keep the engine's own messages off the output, except for debugging."""
