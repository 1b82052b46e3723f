"""The numbers that decide how a load works: thresholds of the gate, sizes, waits. One frozen dataclass, injected."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any

from dvdrental_etl.errors import ConfigError

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Defaults suit a warehouse of any size. The section "limits" of the configuration replaces single values."""

    #: A load with more quarantined rows than the larger of these two stops: the source is wrong, not single rows.
    quarantined_share: Decimal = Decimal("0.01")
    quarantined_rows: int = 10
    #: A load that would delete more than the larger of these two stops, unless --allow-mass-delete is given.
    deleted_share: Decimal = Decimal("0.20")
    deleted_rows: int = 5
    #: Days after which everything is compared, to find what change detection missed.
    days_between_full: int = 7
    #: With more changed keys than these, everything is read, which is cheaper. Up to few_keys, rows are read by keys.
    changed_keys: int = 1_000_000
    changed_share: Decimal = Decimal("0.2")
    few_keys: int = 20_000
    #: Rows, or keys, of one partition of a JDBC read; and the connections to the source at a time.
    rows_per_partition: int = 500_000
    keys_per_partition: int = 50_000
    connections: int = 8
    #: A joined table is sent whole to all executors while it takes no more memory than this there, in bytes, and no
    #: more than a ninth of the driver's heap.
    broadcast_bytes: int = 64 * MEGABYTE
    #: Sail joins in memory, about 150 MB for a million payments: a table with more rows is left to Spark.
    sail_rows: int = 16_500_000
    #: Up to this many rows are sent by the driver, and Spark compiles no code for them: to start a Python worker, and
    #: to generate and compile code, takes longer than they do.
    rows_sent_by_driver: int = 100_000
    #: Rejected rows that one task returns; beyond that it only counts, for the gate refuses such a load anyway.
    rejects_per_task: int = 20_000
    #: A load that changed at least this share of its table updates the planner's statistics.
    analyzed_share: Decimal = Decimal("0.1")
    #: From this many staged rows on, the staging table is analyzed before the publish joins it.
    analyzed_staging_rows: int = 100_000
    #: Attempts at a publish that the warehouse aborts in favour of another transaction.
    conflict_attempts: int = 5
    #: Attempts at a request to S3, with growing pauses: about half a minute for an S3 that is away.
    s3_attempts: int = 10
    #: Seconds until a connection must be made; until a wait for a lock ends; until the server cancels a statement (0
    #: means no limit to these two). A first load of billions of rows may need more for a statement.
    connect_seconds: int = 10
    lock_seconds: int = 600
    statement_seconds: int = 14_400
    #: Seconds without an answer, after which a connection that has become silent is given up; and without a row, after
    #: which a read by JDBC fails.
    silent_seconds: int = 60
    read_seconds: int = 300
    #: How often a statement that takes long is looked at, in seconds; and for how long a driver that holds a lock may
    #: be idle until it is taken for dead: a publish takes milliseconds between its statements.
    look_seconds: int = 5
    idle_seconds: int = 10
    #: Redshift: the smallest file for one slice, and what a task holds in memory before it becomes files, in bytes.
    file_bytes: int = MEGABYTE
    held_bytes: int = 64 * MEGABYTE


DEFAULT_LIMITS = Limits()
NAMES = tuple(limit.name for limit in fields(Limits))

#: Limits that may be 0; of all others 1 is the least.
MAY_BE_ZERO = frozenset(
    {
        "quarantined_rows",
        "deleted_rows",
        "days_between_full",
        "changed_keys",
        "few_keys",
        "broadcast_bytes",
        "sail_rows",
        "rows_sent_by_driver",
        "analyzed_staging_rows",
        "lock_seconds",
        "statement_seconds",
        "idle_seconds",
    }
)
#: The most of a limit, by the last word of its name: PostgreSQL counts milliseconds in 32 bits.
MOST = {"share": 1, "seconds": 2_147_483, "full": 36_500, "attempts": 1000}
MOST_ROWS = 10**12


def configured(given: Mapping[str, Any], environ: Mapping[str, str]) -> Limits:
    """The default limits, with those of the file's section and of the environment in their place.

    Raises ConfigError for a value that is not a number, or out of range.
    """
    replaced: dict[str, Any] = {}
    for limit in fields(Limits):
        value = environ.get(f"DVDRENTAL_LIMITS_{limit.name.upper()}") or given.get(limit.name)
        if value is None:
            continue
        kind: type[Any] = type(limit.default)
        least, most = _range(limit.name)
        try:
            number = kind(str(value))
            is_valid = least <= number <= most
        except (ValueError, ArithmeticError):
            is_valid = False
        if not is_valid:
            wanted = "whole number" if kind is int else "share such as 0.01,"
            raise ConfigError(
                f"limits.{limit.name} is '{value}'",
                f"write a {wanted} from {least} to {most}, or leave it out",
            )
        replaced[limit.name] = number
    return replace(DEFAULT_LIMITS, **replaced)


def _range(name: str) -> tuple[int, int]:
    """The least and the most that a limit may be."""
    kind = name.rsplit("_", 1)[-1]
    return 0 if kind == "share" or name in MAY_BE_ZERO else 1, MOST.get(kind, MOST_ROWS)
