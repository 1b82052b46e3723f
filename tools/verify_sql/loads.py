"""Checks of tables against the run record: etl_batch, etl_load, etl_range, etl_reject."""

from textwrap import indent

from dvdrental_etl.model.contract import KEY_RANGE_BITS, KEY_RANGE_SIZE
from dvdrental_etl.model.targets import Scd2Dimension
from tools.verify_sql.star import Star
from tools.verify_sql.text import sql_file, union_all


def tables_name_their_last_load(star: Star) -> str:
    """Tables with rows and without a load."""

    def query(table: str, rows: str) -> str:
        return f"""
SELECT '{table}' AS table_name, COUNT(*) AS row_count
FROM {table}
WHERE {rows}NOT EXISTS (SELECT 1 FROM etl_load WHERE table_name = '{table}' AND status = 'published')
"""

    dimensions = union_all(
        star.dimensions, lambda d: query(d.table, f"{d.key} > 0 AND NOT is_inferred\n    AND ")
    )
    return sql_file(
        "A table that has rows has a published load.",
        f"""
SELECT t.table_name, t.row_count
FROM (
{indent(query(star.fact.table, "").strip(), "    ")}
    UNION ALL
{indent(dimensions, "    ")}
) t
WHERE t.row_count > 0
ORDER BY t.table_name
""",
    )


def rows_name_known_batches(star: Star) -> str:
    """Batches that wrote rows and are not in etl_batch."""
    dimensions = union_all(
        star.dimensions,
        lambda d: (
            f"SELECT '{d.table}', batch_id, COUNT(*) FROM {d.table} WHERE {d.key} > 0 GROUP BY batch_id"
        ),
    )
    fact = star.fact.table
    return sql_file(
        "The batch_id of every row is that of a run in etl_batch.",
        f"""
SELECT w.table_name, w.batch_id, w.row_count
FROM (
    SELECT '{fact}' AS table_name, batch_id, COUNT(*) AS row_count FROM {fact} GROUP BY batch_id
    UNION ALL
{indent(dimensions, "    ")}
) w
LEFT JOIN etl_batch b ON b.batch_id = w.batch_id
WHERE b.batch_id IS NULL
ORDER BY w.table_name, w.batch_id
""",
    )


def dimensions_agree_with_their_last_load(star: Star) -> str:
    """Dimensions whose members were not counted by their last load."""

    def query(d: Scd2Dimension) -> str:
        return f"""
SELECT '{d.table}' AS table_name, COUNT(*) AS members
FROM {d.table} d
LEFT JOIN quarantine q ON q.table_name = '{d.table}' AND q.natural_key = d.{d.natural_key}
WHERE d.is_current AND NOT d.is_deleted AND NOT d.is_inferred AND d.{d.key} > 0 AND q.natural_key IS NULL
"""

    return sql_file(
        "A dimension has as many members of the source, without those in quarantine, as its last load counted.",
        f"""
WITH latest AS (
    SELECT table_name, MAX(load_id) AS load_id FROM etl_load WHERE status = 'published' GROUP BY table_name
),
quarantine AS (
    SELECT DISTINCT j.table_name, CAST(j.natural_key AS bigint) AS natural_key
    FROM etl_reject j
    INNER JOIN latest ON latest.load_id = j.load_id
)
SELECT l.table_name, l.load_id, l.warehouse_rows - l.rows_quarantined AS members_then, d.members AS members_now
FROM etl_load l
INNER JOIN (
{indent(union_all(star.dimensions, query), "    ")}
) d ON d.table_name = l.table_name
INNER JOIN latest ON latest.load_id = l.load_id
WHERE l.warehouse_rows - l.rows_quarantined <> d.members
ORDER BY l.table_name
""",
    )


def _quarantined(tables: str) -> str:
    """Quarantined rows that count for tables: those of their last load."""
    return f"""
SELECT j.table_name, CAST(j.natural_key AS bigint) AS natural_key
FROM etl_reject j
INNER JOIN (
    SELECT table_name, MAX(load_id) AS load_id FROM etl_load WHERE status = 'published' GROUP BY table_name
) latest ON latest.load_id = j.load_id
WHERE j.natural_key IS NOT NULL AND j.table_name {tables}
""".strip()


def ranges_hold_what_their_load_counted(star: Star) -> str:
    """Ranges of keys whose rows were not counted by the last load."""
    fact = star.fact
    grains = "\n".join(f"WHEN '{table}' THEN '{grain.table}'" for table, grain in star.grains.items())
    members = "\nUNION\n".join(
        f"SELECT '{d.table}' AS table_name, CAST({d.natural_key} AS bigint) AS natural_key\nFROM {d.table}\n"
        f"WHERE is_current AND NOT is_deleted AND NOT is_inferred AND {d.key} > 0"
        for d in star.dimensions
    )

    return sql_file(
        f"Each range of {KEY_RANGE_SIZE:,} keys has as many facts or members, with the rows in quarantine,"
        " as the last load counted.",
        f"""
SELECT
    COALESCE(r.table_name, h.table_name) AS table_name,
    COALESCE(r.range_no, h.range_no) AS range_no,
    COALESCE(r.source_rows, 0) AS rows_then,
    COALESCE(h.rows_now, 0) AS rows_now
FROM (
    SELECT table_name, range_no, source_rows
    FROM etl_range
    WHERE source_name = CASE table_name
{indent(grains, " " * 8)}
    END
) r
FULL JOIN (
    SELECT k.table_name, k.natural_key >> {KEY_RANGE_BITS} AS range_no, COUNT(*) AS rows_now
    FROM (
        SELECT '{fact.table}' AS table_name, CAST({fact.key} AS bigint) AS natural_key
        FROM {fact.table}
        UNION ALL
{indent(_quarantined(f"= '{fact.table}'"), " " * 8)}
        UNION ALL
        (
{indent(members, " " * 12)}
            UNION
{indent(_quarantined(f"<> '{fact.table}'"), " " * 12)}
        )
    ) k
    GROUP BY k.table_name, k.natural_key >> {KEY_RANGE_BITS}
) h ON h.table_name = r.table_name AND h.range_no = r.range_no
WHERE COALESCE(r.source_rows, 0) <> COALESCE(h.rows_now, 0)
ORDER BY 1, 2
""",
    )
