"""What verify found, and how it is reported."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from dvdrental_etl.verify.limits import DEFAULT_LIMITS


@dataclass(frozen=True)
class Finding:
    """The name of a check, and a description of what violates it."""

    check: str
    detail: str


@dataclass
class Report:
    """The result of verify.

    checks: how many were run.
    waiting_rows: table and key of each row that differs only because the source changed since the load.
    shown: findings of one check that are listed.
    """

    findings: list[Finding] = field(default_factory=list)
    checks: int = 0
    waiting_rows: set[tuple[str, int]] = field(default_factory=set)
    shown: int = DEFAULT_LIMITS.findings_shown

    @property
    def waiting(self) -> int:
        """How many rows the next load will bring."""
        return len(self.waiting_rows)

    def add(self, check: str, details: Iterable[str], count: int | None = None) -> None:
        """Add the result of a check: the first findings, and the number of all of them.

        count: that number, where `details` are only the first findings.
        """
        self.checks += 1
        number = 0
        for number, detail in enumerate(details, start=1):
            if number <= self.shown:
                self.findings.append(Finding(check, detail))
        if (count or number) > self.shown:
            self.findings.append(
                Finding(check, f"these are the first {self.shown} of {count or number} differences")
            )

    def summary(self) -> list[str]:
        """The last lines of the report: waiting rows, what to do about findings, totals."""
        lines = []
        if self.waiting:
            lines.append(
                f"{self.waiting} rows changed in the source since the load; the next load will bring them"
            )
        if self.findings:
            lines.append(
                "to repair: load the tables that are named above with --full-refresh, then run verify again"
            )
        return [*lines, f"verify: {self.checks} checks, {len(self.findings)} findings"]
