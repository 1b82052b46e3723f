"""The numbers that decide how verify works: one frozen dataclass, injected."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VerifyLimits:
    """Defaults suit a warehouse of any size.

    findings_shown: findings of one check that a report lists; it counts the others.
    few_rows, few_share: where a run wrote more rows than few_rows and more than this share of the table, the whole
    table is checked: that is cheaper.
    keys_per_query: keys that one query on the source lists. So few are found by index, whatever the planner estimates.
    gaps_per_query: gaps between ranges of keys that one query on the warehouse lists.
    excluded_keys: with more rows than this that the next load will bring, amounts per day are not compared.
    """

    findings_shown: int = 5
    few_rows: int = 20_000
    few_share: float = 0.1
    keys_per_query: int = 1_000
    gaps_per_query: int = 500
    excluded_keys: int = 100_000


DEFAULT_LIMITS = VerifyLimits()
