"""What rows and loads must keep: the one place to read it, and to change it.

A rule's `breaks` is a Spark SQL condition on the columns of its table's frame; NULL does not break it. By severity:
WARN       the row is loaded; the log and etl_load (rows_warned, reason) count it
QUARANTINE the row is kept out and goes to etl_reject; mended at the source, it comes in with the next load
STOP       one such row stops the load, and yesterday's data stays
The DDL implies two more, both QUARANTINE: NOT NULL, and the bytes of varchar(n).

Whole loads are held against quality.py: as many rows and as much money as the source, day by day; each key once;
and the thresholds below. A reference to a member that is not there yet makes an inferred member and is a warning.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from dvdrental_etl.model.targets import Scd2Dimension, Target

#: A load with more quarantined rows than the larger of these stops: so many are a fault of the source, not of rows.
QUARANTINE_SHARE, QUARANTINE_ALWAYS = Decimal("0.01"), Decimal(10)
#: A load that would delete more than the larger of these stops, unless it is told that the deletion is meant.
DELETED_SHARE, DELETED_ALWAYS = Decimal("0.20"), Decimal(5)


class Severity(Enum):
    """What becomes of a row that breaks a rule."""

    WARN = "warn"
    QUARANTINE = "quarantine"
    STOP = "stop"


@dataclass(frozen=True)
class Rule:
    """What one column of every row must keep, in words and as the condition that breaks it."""

    column: str
    name: str
    breaks: str
    severity: Severity = Severity.QUARANTINE


RULES: dict[str, tuple[Rule, ...]] = {
    "dim_customer": (
        Rule("active", "one of 0, 1", "active NOT IN (0, 1)", Severity.WARN),
        Rule("store_id", "refers to a store", "store_id IS NULL", Severity.WARN),
        Rule("country", "refers to a country", "country IS NULL", Severity.WARN),
    ),
    "dim_movie": (
        Rule(
            *("rating", "one of G, PG, PG-13, R, NC-17"),
            *("rating NOT IN ('G', 'PG', 'PG-13', 'R', 'NC-17')", Severity.WARN),
        ),
        Rule("release_year", "1901 to 2155", "release_year NOT BETWEEN 1901 AND 2155", Severity.WARN),
        Rule("rental_duration", "1 day or more", "rental_duration < 1", Severity.WARN),
        Rule("length", "1 minute or more", "length < 1", Severity.WARN),
        Rule("rental_rate", "0.00 or more", "rental_rate < 0"),
        Rule("replacement_cost", "0.00 or more", "replacement_cost < 0"),
    ),
    "dim_store": (
        Rule("manager_last_name", "refers to a staff member", "manager_last_name IS NULL", Severity.WARN),
    ),
    "dim_staff": (Rule("store_id", "refers to a store", "store_id IS NULL", Severity.WARN),),
    "fact_sales": (
        Rule("sales_amount", "0.00 or more", "sales_amount < 0", Severity.WARN),
        Rule("payment_date_key", "a day of dim_date", "payment_date_key = -1", Severity.WARN),
        Rule("customer_id", "refers to a customer", "customer_id IS NULL", Severity.WARN),
    ),
}


def rules(target: Target) -> tuple[Rule, ...]:
    """All rules for the rows of a target's frame; the first one that a row breaks is the one that is recorded."""
    frame = target.frame
    required = (Rule(c.name, "not null", f"{c.name} IS NULL") for c in frame if c.required)
    fitting = (
        Rule(c.name, f"at most {c.bytes} bytes", f"octet_length({c.name}) > {c.bytes}")
        for c in frame
        if c.bytes
    )
    return (*required, *fitting, *_unknown_is_taken(target), *RULES.get(target.table, ()))


def _unknown_is_taken(target: Target) -> tuple[Rule, ...]:
    """Natural key -1 is the member Unknown: another one of that key would double its facts."""
    if not isinstance(target, Scd2Dimension):
        return ()
    key = target.natural_key
    return (Rule(key, "not -1, which is Unknown", f"{key} = -1", Severity.STOP),)
