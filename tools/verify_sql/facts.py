"""Checks of facts against their dimensions. An alias is the role of a dimension: customer for customer_key."""

from tools.verify_sql.star import Star
from tools.verify_sql.text import joined, sql_file


def _role(key: str) -> str:
    return key.removesuffix("_key")


def _joins(star: Star) -> str:
    return "\n".join(
        f"LEFT JOIN {lookup.dimension} {_role(lookup.key)}"
        f" ON {_role(lookup.key)}.{star.key_of(lookup.dimension)} = f.{lookup.key}"
        for lookup in star.fact.lookups
    )


def fact_joins_every_dimension(star: Star) -> str:
    """Keys of facts that are keys of no member."""
    fact = star.fact
    members = {lookup.key: f"{_role(lookup.key)}.{star.key_of(lookup.dimension)}" for lookup in fact.lookups}
    members |= {key: f"{_role(key)}.date_key" for key in star.date_keys}
    unmatched = ",\n    ".join(
        f"CASE WHEN {member} IS NULL THEN f.{key} END AS unmatched_{key}" for key, member in members.items()
    )
    dates = "\n".join(
        f"LEFT JOIN dim_{_role(key)} {_role(key)} ON {_role(key)}.date_key = f.{key}"
        for key in star.date_keys
    )
    return sql_file(
        "Every key of a fact is the key of a member of its dimension.",
        f"""
SELECT
    f.{fact.key},
    {unmatched}
FROM {fact.table} f
{_joins(star)}
{dates}
WHERE {joined([f"{member} IS NULL" for member in members.values()], "OR", 4)}
ORDER BY f.{fact.key}
""",
    )


def fact_is_keyed_by_the_version_of_its_time(star: Star) -> str:
    """Facts with a version that was not valid at their event, or with another day.

    Not those of a version that a load of the dimension closed, and that no load of the fact has followed yet.
    """
    fact, day = star.fact, star.event_date_key
    roles = {_role(lookup.key): lookup.dimension for lookup in fact.lookups}
    outside = "\n    OR ".join(
        f"({role}_waits.load_id IS NULL AND (f.{fact.event} < {role}.valid_from OR f.{fact.event} >= {role}.valid_to))"
        for role in roles
    )
    waiting = "\n".join(
        f"LEFT JOIN etl_load {role}_waits ON {role}_waits.batch_id = {role}.batch_id"
        f"\n    AND {role}_waits.table_name = '{dimension}'"
        f" AND {role}_waits.status = 'published' AND {role}_waits.keyed_by IS NULL"
        for role, dimension in roles.items()
    )
    keys = ", ".join(f"f.{lookup.key}" for lookup in fact.lookups)
    return sql_file(
        "Every fact has the keys of the versions that were valid at its event, and of the day of its event.",
        f"""
SELECT f.{fact.key}, f.{fact.event}, f.{day}, {keys}
FROM {fact.table} f
{_joins(star)}
{waiting}
LEFT JOIN dim_date {_role(day)} ON {_role(day)}.date_key = f.{day}
WHERE {outside}
    OR {_role(day)}.date <> CAST(f.{fact.event} AS date)
ORDER BY f.{fact.key}
""",
    )
