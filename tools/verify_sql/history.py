"""Checks of members and the order of their versions."""

from textwrap import indent

from dvdrental_etl.model.targets import Scd2Dimension
from tools.verify_sql.star import Star
from tools.verify_sql.text import sql_file, union_all


def members_have_one_current_version(star: Star) -> str:
    """Members with no current version or several."""
    is_open = "valid_to = TIMESTAMP '9999-12-31'"

    def query(d: Scd2Dimension) -> str:
        return f"""
SELECT '{d.table}' AS table_name, {d.natural_key} AS natural_key,
    SUM(CASE WHEN is_current THEN 1 ELSE 0 END) AS current_versions,
    SUM(CASE WHEN {is_open} THEN 1 ELSE 0 END) AS open_versions
FROM {d.table}
GROUP BY {d.natural_key}
HAVING SUM(CASE WHEN is_current THEN 1 ELSE 0 END) <> 1
    OR SUM(CASE WHEN {is_open} THEN 1 ELSE 0 END) <> 1
    OR SUM(CASE WHEN is_current AND {is_open} THEN 1 ELSE 0 END) <> 1
"""

    return sql_file(
        "Every member has exactly one current version, and that version is the open one.",
        f"{union_all(star.dimensions, query)}\nORDER BY 1, 2",
    )


def members_are_deleted_once(star: Star) -> str:
    """Versions that mark a member as deleted that did not exist."""

    def query(d: Scd2Dimension) -> str:
        versions = f"(PARTITION BY {d.natural_key} ORDER BY valid_from, {d.key})"
        return f"""
SELECT '{d.table}' AS table_name, {d.key} AS version_key, {d.natural_key} AS natural_key, is_deleted,
    LAG(is_deleted) OVER {versions} AS was_deleted,
    ROW_NUMBER() OVER {versions} AS nth
FROM {d.table}
"""

    return sql_file(
        "A member is marked deleted only after a version that exists, and not twice in succession.",
        f"""
SELECT table_name, natural_key, version_key, nth
FROM (
{indent(union_all(star.dimensions, query), "    ")}
) v
WHERE is_deleted AND (nth = 1 OR was_deleted)
ORDER BY table_name, natural_key, nth
""",
    )


def versions_follow_each_other(star: Star) -> str:
    """Versions that overlap, or leave a gap."""

    def query(d: Scd2Dimension) -> str:
        versions = f"(PARTITION BY {d.natural_key} ORDER BY valid_from, {d.key})"
        return f"""
SELECT '{d.table}' AS table_name, {d.natural_key} AS natural_key, valid_from, valid_to,
    LEAD(valid_from) OVER {versions} AS next_from,
    ROW_NUMBER() OVER {versions} AS nth
FROM {d.table}
"""

    return sql_file(
        "The versions of a member begin at 1900-01-01 and follow each other without gap or overlap.",
        f"""
SELECT table_name, natural_key, valid_from, valid_to, next_from, nth
FROM (
{indent(union_all(star.dimensions, query), "    ")}
) v
WHERE valid_from >= valid_to
    OR (nth = 1 AND valid_from <> TIMESTAMP '1900-01-01')
    OR next_from <> valid_to
ORDER BY table_name, natural_key, valid_from
""",
    )
