"""What validating and sending rows gives: rows that landed, rejected rows, warnings."""

from collections.abc import Mapping
from dataclasses import dataclass

from dvdrental_etl.model.rules import Severity


@dataclass(frozen=True)
class Reject:
    """A row kept out: its key in the source, the rule it broke and the value that did, and the whole row."""

    natural_key: str | None
    rule: str
    column: str
    value: str | None
    row: Mapping[str, object]
    severity: Severity = Severity.QUARANTINE


@dataclass(frozen=True)
class RuleWarning:
    """Rows that were loaded although they break a rule: how many, and the smallest key among them."""

    column: str
    rule: str
    rows: int
    example: str | None

    def __str__(self) -> str:
        return f"{self.column} '{self.rule}': {self.rows} rows, such as {self.example}"


@dataclass(frozen=True)
class Staged:
    """What staging did.

    rows: good rows that were sent. keyed: those of them that are in the fact's new partition, with surrogate keys.
    rejected: rows that broke a rule; rejects holds those that were returned.
    """

    rows: int = 0
    rejected: int = 0
    rejects: tuple[Reject, ...] = ()
    warnings: tuple[RuleWarning, ...] = ()
    keyed: int = 0
