"""What a run did, as values. Rows are counts; amounts are in currency units; timestamps of runs are UTC."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

#: What a table's load can have come to: etl_load.status, or the plan of a dry run.
PUBLISHED, FAILED, PLANNED = "published", "failed", "planned"
DRY_RUN = "dry run"


@dataclass(frozen=True)
class TableLoad:
    """The last attempt of a run at one table. Counts are None where the attempt did not come so far."""

    table: str
    status: str = "not run"
    read: int | None = None
    new: int | None = None
    changed: int | None = None
    expired: int | None = None
    deleted: int | None = None
    quarantined: int | None = None
    warned: int | None = None
    seconds: Decimal | None = None
    extent: str | None = None
    reason: str | None = None

    @property
    def written(self) -> int:
        """Rows that are not as they were before."""
        return (self.new or 0) + (self.changed or 0) + (self.deleted or 0)


@dataclass(frozen=True)
class Reject:
    """One row in quarantine: the rule that it broke, and the value that broke it."""

    table: str
    rule: str
    key: str | None
    column: str
    value: str | None


@dataclass(frozen=True)
class Totals:
    """A number of payments, and their amount."""

    payments: int
    amount: Decimal

    def __sub__(self, other: "Totals") -> "Totals":
        """The difference of both values."""
        return Totals(self.payments - other.payments, self.amount - other.amount)


@dataclass(frozen=True)
class Money:
    """Payments on both sides at the fact's last published load, which may be of an earlier run: batch_id."""

    batch_id: int
    source: Totals
    warehouse: Totals
    quarantined: Totals

    @property
    def difference(self) -> Totals:
        """Payments of the source that are neither in the warehouse nor in quarantine."""
        return self.source - self.warehouse - self.quarantined


@dataclass(frozen=True)
class PastLoad:
    """One table in one of the last runs."""

    batch_id: int
    started_at: dt.datetime
    status: str
    table: str
    seconds: Decimal
    written: int
    quarantined: int


@dataclass(frozen=True)
class Freshness:
    """The last published load of a table. as_of: the time that its rows stand for, on the source's clock."""

    table: str
    as_of: dt.datetime
    started_at: dt.datetime


@dataclass(frozen=True)
class Sales:
    """One line of the business at a glance. part: month, store, category or film. place: its order in the part."""

    part: str
    label: str
    place: int
    payments: int
    amount: Decimal


@dataclass(frozen=True)
class Run:
    """One row of etl_batch."""

    batch_id: int
    run_id: str
    status: str
    as_of: dt.datetime
    code_version: str
    started_at: dt.datetime
    finished_at: dt.datetime | None


@dataclass(frozen=True)
class RunReport:
    """Everything that the report of a run says. findings: of verify; None where it did not run.

    A dry run wrote nothing: its counts and its money are those that a run would come to.
    """

    run: Run
    loads: tuple[TableLoad, ...]
    rejects: tuple[Reject, ...]
    money: Money | None
    past: tuple[PastLoad, ...]
    freshness: tuple[Freshness, ...]
    sales: tuple[Sales, ...]
    findings: tuple[str, ...] | None = None

    @property
    def is_dry_run(self) -> bool:
        """Whether the run was a plan."""
        return self.run.status == DRY_RUN

    @property
    def quarantined(self) -> int:
        """Rows in quarantine, of all tables of this run."""
        return sum(load.quarantined or 0 for load in self.loads)

    @property
    def warned(self) -> int:
        """Rows that break a rule which only warns."""
        return sum(load.warned or 0 for load in self.loads)

    @property
    def failed(self) -> tuple[TableLoad, ...]:
        """Loads that published nothing because of an error."""
        return tuple(load for load in self.loads if load.status == FAILED)

    @property
    def tone(self) -> str:
        """How the run ended, in one word: good, warn or bad."""
        if self.failed or self.findings or self.run.status == "failed" or self._difference():
            return "bad"
        return "warn" if self.quarantined or self.warned else "good"

    @property
    def headline(self) -> str:
        """The run in one sentence: the worst first."""
        parts = [f"{DRY_RUN}, nothing was written"] if self.is_dry_run else []
        parts += [f"{load.table} failed" for load in self.failed]
        if self.findings:
            parts.append(_counted(len(self.findings), "finding", "findings") + " of verify")
        if self._difference():
            parts.append("source and warehouse differ")
        if not parts and self.run.status == "failed":
            parts.append("the run failed")
        if self.quarantined:
            parts.append(_counted(self.quarantined, "row", "rows") + " in quarantine")
        if self.warned:
            parts.append(_counted(self.warned, "row", "rows") + " with warnings")
        status, verb = (PLANNED, "to write") if self.is_dry_run else (PUBLISHED, "written")
        done = [load for load in self.loads if load.status == status]
        rows = _counted(sum(load.written for load in done), "row", "rows")
        parts.append(f"{_counted(len(done), 'table', 'tables')} {status}, {rows} {verb}")
        return "; ".join(parts)

    def _difference(self) -> bool:
        return self.money is not None and self.money.difference != Totals(0, Decimal(0))


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
