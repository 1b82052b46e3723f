"""What a row must be to be loaded: a rule's severity, its words, and the rules that the DDL implies.

The rules of one table stand in its script, in TARGET. The limits of a whole load stand in limits.py.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from dvdrental_etl.model.contract import Column, digits_of
from dvdrental_etl.model.sentinels import (
    END_OF_TIME,
    FIRST_DAY,
    FIRST_TIME,
    LAST_DAY,
    LOWEST,
    NO_DAY,
)


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
    """NOT NULL, the bytes of varchar(n), and no sentinel of a value that the type cannot hold. All quarantine."""
    columns = tuple(columns)
    required = (Rule(c.name, "not null", f"{c.name} IS NULL") for c in columns if c.required)
    fitting = (
        Rule(c.name, f"at most {c.bytes} bytes", f"octet_length({c.name}) > {c.bytes}")
        for c in columns
        if c.bytes
    )
    return (*required, *fitting, *(rule for column in columns for rule in _not_a_sentinel(column)))


def _not_a_sentinel(column: Column) -> Iterator[Rule]:
    """What with_sentinel() makes of a value that the column cannot hold."""
    name, kind = column.name, column.type.split("(")[0]
    if kind in ("smallint", "integer"):
        yield Rule(name, f"within {kind}", f"{name} = {LOWEST[kind]}")
    elif kind == "numeric":
        digits, scale = digits_of(column.type)
        yield Rule(name, f"within {column.type}", f"abs({name}) >= {10 ** (digits - scale)}")
    elif kind == "date":
        yield Rule(name, f"from {FIRST_DAY} to {LAST_DAY}", f"{name} >= DATE'+{NO_DAY}'")
    elif kind == "timestamp":
        first, end = f"TIMESTAMP_NTZ'{FIRST_TIME}'", f"TIMESTAMP_NTZ'{END_OF_TIME}'"
        yield Rule(name, f"after {FIRST_TIME}, before {END_OF_TIME}", f"{name} <= {first} OR {name} >= {end}")


def unknown_key_is_reserved(natural_key: str) -> Rule:
    """Natural key -1 is the member Unknown: a second member with that key would double its facts."""
    return Rule(natural_key, "not -1, which is Unknown", f"{natural_key} = -1", Severity.STOP)
