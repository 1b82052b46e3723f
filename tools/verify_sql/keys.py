"""Checks of surrogate keys: unique, without gaps, and the members that must exist."""

from textwrap import indent

from dvdrental_etl.model.targets import Scd2Dimension
from tools.verify_sql.star import Star
from tools.verify_sql.text import sql_file, union_all


def keys_are_unique(star: Star) -> str:
    """Keys that several rows have."""
    keys = (
        {star.fact.table: star.fact.key}
        | {d.table: d.key for d in star.dimensions}
        | {"dim_date": "date_key"}
    )
    queries = "\nUNION ALL\n".join(
        f"SELECT '{table}' AS table_name, {key} AS key_value, COUNT(*) AS times\n"
        f"FROM {table} GROUP BY {key} HAVING COUNT(*) > 1"
        for table, key in keys.items()
    )
    return sql_file(
        "No key occurs twice. (Redshift does not enforce primary keys.)", f"{queries}\nORDER BY 1, 2"
    )


def keys_are_dense(star: Star) -> str:
    """Dimensions whose keys have gaps, or are below -1 or 0."""

    def query(d: Scd2Dimension) -> str:
        return f"""
SELECT '{d.table}' AS table_name, SUM(CASE WHEN {d.key} > 0 THEN 1 ELSE 0 END) AS versions,
    MAX({d.key}) AS highest_key,
    SUM(CASE WHEN {d.key} < 1 AND {d.key} <> -1 THEN 1 ELSE 0 END) AS invalid_keys
FROM {d.table}
"""

    return sql_file(
        "The keys of a dimension are -1 and 1 to the number of its versions, without gaps.",
        f"""
SELECT table_name, versions, highest_key, invalid_keys
FROM (
{indent(union_all(star.dimensions, query), "    ")}
) k
WHERE invalid_keys > 0 OR (versions > 0 AND highest_key <> versions)
ORDER BY table_name
""",
    )


def every_dimension_has_unknown(star: Star) -> str:
    """Members that every dimension must have."""

    def query(d: Scd2Dimension) -> str:
        return f"""
SELECT '{d.table}' AS table_name, -1 AS member_key, COUNT(*) AS found
FROM {d.table} WHERE {d.key} = -1 AND {d.natural_key} = -1
"""

    return sql_file(
        "Every dimension has the member -1, and the calendar also has -2.",
        f"""
SELECT w.table_name, w.member_key, w.found
FROM (
{indent(union_all(star.dimensions, query), "    ")}
    UNION ALL
    SELECT 'dim_date', -1, COUNT(*) FROM dim_date WHERE date_key = -1
    UNION ALL
    SELECT 'dim_date', -2, COUNT(*) FROM dim_date WHERE date_key = -2
) w
WHERE w.found <> 1
ORDER BY w.table_name, w.member_key
""",
    )
