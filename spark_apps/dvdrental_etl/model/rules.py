"""What a row must be to be loaded: a rule's severity, its words, and the rules that the DDL implies.

The rules of one table stand in its script, in TARGET. The limits of a whole load stand in limits.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from dvdrental_etl.model.contract import Column


class Severity(Enum):
    """What happens to a row that breaks a rule.

    WARN: it is loaded, and counted in etl_load (rows_warned, reason) and in the log.
    QUARANTINE: it is kept out and goes to etl_reject. Corrected in the source, it is loaded by the next run.
    STOP: one such row stops the load, and yesterday's data stays.
    """

    WARN = "warn"
    QUARANTINE = "quarantine"
    STOP = "stop"


@dataclass(frozen=True)
class Rule:
    """What one column of every row must be.

    name: the rule in words. breaks: a Spark SQL condition on the columns of the table's frame that is true for a row
    that breaks the rule; NULL does not break it.
    """

    column: str
    name: str
    breaks: str
    severity: Severity = Severity.QUARANTINE


def warn(column: str, name: str, breaks: str) -> Rule:
    """A rule whose broken rows are loaded and counted."""
    return Rule(column, name, breaks, Severity.WARN)


def implied_by_ddl(columns: Iterable[Column]) -> tuple[Rule, ...]:
    """NOT NULL, and the bytes of varchar(n). Both quarantine."""
    columns = tuple(columns)
    required = (Rule(c.name, "not null", f"{c.name} IS NULL") for c in columns if c.required)
    fitting = (
        Rule(c.name, f"at most {c.bytes} bytes", f"octet_length({c.name}) > {c.bytes}")
        for c in columns
        if c.bytes
    )
    return (*required, *fitting)


def unknown_key_is_reserved(natural_key: str) -> Rule:
    """Natural key -1 is the member Unknown: a second member with that key would double its facts."""
    return Rule(natural_key, "not -1, which is Unknown", f"{natural_key} = -1", Severity.STOP)
