"""Checks of the columns of dimensions: what is tracked, what is overwritten, what an inferred member has."""

from textwrap import indent

from dvdrental_etl.model.targets import Scd2Dimension
from tools.verify_sql.star import Star
from tools.verify_sql.text import as_text, is_same, joined, sql_file, union_all


def inferred_members_are_known_by_key_only(star: Star) -> str:
    """Inferred members with attributes or history, and members without row_hash."""

    def query(d: Scd2Dimension) -> str:
        known = joined([f"{column.name} IS NOT NULL" for column in d.attributes], "OR", 12)
        return f"""
SELECT '{d.table}' AS table_name, {d.natural_key} AS natural_key, {d.key} AS version_key
FROM {d.table}
WHERE {d.key} > 0
    AND (
        (NOT is_inferred AND row_hash = '')
        OR (is_inferred AND (
            row_hash <> '' OR is_deleted OR NOT is_current OR valid_from <> TIMESTAMP '1900-01-01'
            OR {known}
        ))
    )
"""

    return sql_file(
        "An inferred member has one version and only its key; every other version has a row_hash.",
        f"{union_all(star.dimensions, query)}\nORDER BY 1, 2, 3",
    )


def row_hash_fits_what_is_tracked(star: Star) -> str:
    """Versions whose row_hash is not that of their tracked columns."""

    def query(d: Scd2Dimension) -> str:
        tracked = [next(column for column in d.attributes if column.name == name) for name in d.tracked]
        fields = "\n        || '|' || ".join(as_text(d.table, column) for column in tracked)
        return f"""
SELECT '{d.table}' AS table_name, {d.natural_key} AS natural_key, {d.key} AS version_key, row_hash
FROM {d.table}
WHERE {d.key} > 0 AND NOT is_inferred
    AND row_hash <> MD5(
        {fields}
    )
"""

    return sql_file(
        "row_hash is the md5 of the tracked columns, joined by |.",
        f"{union_all([d for d in star.dimensions if d.tracked], query)}\nORDER BY 1, 2, 3",
        "NULL is written ~; in text, ~ is written ~0 and | is written ~1.",
    )


def versions_share_what_has_no_history(star: Star) -> str:
    """Versions that differ from the current one in a column without history."""

    def query(d: Scd2Dimension) -> str:
        names = "\n    || ".join(
            f"CASE WHEN {is_same(f'o.{c.name}', f'c.{c.name}')}\n        THEN '' ELSE '{c.name} ' END"
            for c in d.overwritten
        )
        return f"""
SELECT '{d.table}' AS table_name, o.{d.natural_key} AS natural_key, o.{d.key} AS version_key,
    {names} AS column_names
FROM {d.table} o
INNER JOIN {d.table} c ON c.{d.natural_key} = o.{d.natural_key} AND c.is_current
WHERE NOT o.is_current
"""

    return sql_file(
        "A column that is not tracked has the same value on every version of a member.",
        f"""
SELECT table_name, natural_key, version_key, TRIM(column_names) AS column_names
FROM (
{indent(union_all([d for d in star.dimensions if d.overwritten], query), "    ")}
) v
WHERE column_names <> ''
ORDER BY table_name, natural_key, version_key
""",
        "NULLIF(a, b) and NULLIF(b, a) are both NULL where a and b are equal, or both NULL.",
    )
