"""The run record, as values: a batch, an attempt at one table, its counts, and the statuses of both."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class BatchStatus(StrEnum):
    """etl_batch.status."""

    RUNNING = "running"
    DONE = "done"
    DRY_RUN = "dry run"
    FAILED = "failed"


class LoadStatus(StrEnum):
    """etl_load.status. A superseded attempt may not publish: a newer one has begun."""

    RUNNING = "running"
    PUBLISHED = "published"
    FAILED = "failed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True)
class Batch:
    """One run. run_id: the caller's name for it. as_of: the time that it stands for, on the source's clock."""

    batch_id: int
    run_id: str
    as_of: dt.datetime
    opened_here: bool


def staging_prefix(table: str) -> str:
    """How the staging tables of all attempts at a table are named; the attempt's token follows."""
    return f"stg_{table}_"


@dataclass(frozen=True)
class Attempt:
    """One attempt at one table within a batch. token: names its driver."""

    load_id: int
    table: str
    token: str

    @property
    def staging(self) -> str:
        """The attempt's staging table: two attempts never mix rows."""
        return staging_prefix(self.table) + self.token


@dataclass(frozen=True)
class Counts:
    """What a load did, in rows. Amounts are in currency units, None for dimensions.

    deleted: members marked deleted; facts removed, also those whose rows are in quarantine now.
    """

    read: int = 0
    new: int = 0
    changed: int = 0
    expired: int = 0
    deleted: int = 0
    quarantined: int = 0
    warned: int = 0
    source_rows: int = 0
    source_amount: Decimal | None = None
    warehouse_rows: int = 0
    warehouse_amount: Decimal | None = None
    quarantined_amount: Decimal | None = None

    def __str__(self) -> str:
        return (
            f"{self.read} read, {self.new} new, {self.changed} changed, {self.expired} expired,"
            f" {self.deleted} deleted, {self.quarantined} quarantined"
        )

    @property
    def amounts(self) -> str:
        """The money of a fact's load, and its rows; empty for a dimension."""
        if self.source_amount is None or self.warehouse_amount is None:
            return ""
        out = self.quarantined_amount or Decimal("0.00")
        sides = {
            "source": (self.source_amount, self.source_rows),
            "published": (self.warehouse_amount - out, self.warehouse_rows - self.quarantined),
            "quarantined": (out, self.quarantined),
        }
        return ", ".join(f"{side} {amount} ({rows} rows)" for side, (amount, rows) in sides.items())
