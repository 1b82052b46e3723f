"""Pure: the SQL that publishes a dimension's staged members as versions (SCD2)."""

from dvdrental_etl.model.row_hash import row_hash_sql
from dvdrental_etl.model.targets import Scd2Dimension
from dvdrental_etl.publish.statements import FIRST, FOREVER, Step, differs, listed, quarantined_of, spans_of


def steps(target: Scd2Dimension, staging: str) -> tuple[Step, ...]:
    """The publish of a dimension from its staging table."""
    return (
        _affected_members(target, staging),
        _dimension_plan(target, staging),
        _dimension_counts(target),
        _close_versions(target),
        _open_versions(target, staging),
        _correct_in_place(target, staging),
        _mark_deleted(target),
        *_overwrite(target, staging),
        Step(f"DROP TABLE {target.table}_affected"),
        Step(f"DROP TABLE {target.table}_plan"),
    )


def rehash(target: Scd2Dimension) -> Step:
    """Give every version the hash that this code computes for it, before a full comparison.

    After another version of this code, or of `tracked`, hashes differ though no value does: no version may begin then.
    batch_id stays, for no value changes.
    """
    row_hash = row_hash_sql(target)
    return Step(f"""
UPDATE {target.table} SET row_hash = {row_hash}
WHERE {target.key} > 0 AND NOT is_inferred AND row_hash <> {row_hash}
""")


def _affected_members(target: Scd2Dimension, staging: str) -> Step:
    """Members that were read, and those that may have been deleted. All others stay unchanged."""
    table, natural = target.table, target.natural_key
    return Step(f"""
CREATE TEMP TABLE {table}_affected AS
SELECT s.{natural} FROM {staging} s
UNION
SELECT d.{natural}
FROM {spans_of(table)} g
INNER JOIN {table} d ON d.{natural} BETWEEN g.low AND g.high
WHERE d.is_current AND d.{target.key} > 0
""")


def _dimension_plan(target: Scd2Dimension, staging: str) -> Step:
    """Decide what happens to each member.

    A version begins when the source changed it, if that lies after the begin of the previous version and not after
    as_of; else at as_of. If as_of does not lie after that begin either (a second load with the same as_of), the
    previous version is corrected in place: a version without duration would never be used. A member whose row is in
    quarantine keeps its last good version. Of columns without history, all versions are compared.
    """
    table, natural = target.table, target.natural_key
    return Step(f"""
CREATE TEMP TABLE {table}_plan AS
SELECT
    c.{natural},
    d.{target.key} AS current_key,
    CASE
        WHEN q.grain_key IS NOT NULL THEN 'keep'
        WHEN d.{natural} IS NULL THEN 'new'
        WHEN d.is_inferred AND s.{natural} IS NULL THEN 'keep'
        WHEN d.is_inferred THEN 'complete'
        WHEN s.{natural} IS NULL AND d.is_deleted THEN 'keep'
        WHEN s.{natural} IS NULL AND d.valid_from < %(as_of)s THEN 'delete'
        WHEN s.{natural} IS NULL THEN 'mark deleted'
        WHEN s.row_hash = d.row_hash AND NOT d.is_deleted THEN 'keep'
        WHEN d.valid_from < %(as_of)s THEN 'version'
        ELSE 'correct'
    END AS action,
    CASE
        WHEN d.{natural} IS NULL THEN {FIRST}
        WHEN s.changed_at > d.valid_from AND s.changed_at <= %(as_of)s THEN s.changed_at
        ELSE %(as_of)s
    END AS effective_from,
    CASE WHEN o.{natural} IS NOT NULL THEN 1 ELSE 0 END AS overwrites
FROM {table}_affected c
LEFT JOIN {staging} s ON s.{natural} = c.{natural}
LEFT JOIN {table} d ON d.{natural} = c.{natural} AND d.is_current AND d.{target.key} > 0
LEFT JOIN {quarantined_of(table)} q ON q.grain_key = c.{natural}
LEFT JOIN (
    SELECT DISTINCT s.{natural}
    FROM {staging} s
    INNER JOIN {table} v ON v.{natural} = s.{natural} AND v.{target.key} > 0
    WHERE {_is_to_overwrite(target, "s", "v")}
) o ON o.{natural} = c.{natural}
""")


def _is_to_overwrite(target: Scd2Dimension, staged: str, version: str) -> str:
    """Whether a version has another value than the source in a column without history (type 1)."""
    names = [column.name for column in target.overwritten]
    texts = {column.name for column in target.overwritten if column.type.startswith("varchar")}
    return differs(staged, version, names, texts) if names else "1 = 0"


def _dimension_counts(target: Scd2Dimension) -> Step:
    return Step(
        f"""
SELECT
    COUNT(CASE WHEN action = 'new' THEN 1 END),
    COUNT(CASE WHEN action IN ('version', 'complete', 'correct') OR overwrites = 1 THEN 1 END),
    COUNT(CASE WHEN action IN ('version', 'delete') THEN 1 END),
    COUNT(CASE WHEN action IN ('delete', 'mark deleted') THEN 1 END)
FROM {target.table}_plan
""",
        counts=("new", "changed", "expired", "deleted"),
    )


def _close_versions(target: Scd2Dimension) -> Step:
    table = target.table
    return Step(f"""
UPDATE {table} SET valid_to = p.effective_from, is_current = FALSE, batch_id = %(batch_id)s
FROM {table}_plan p
WHERE {table}.{target.key} = p.current_key AND p.action IN ('version', 'delete')
""")


def _open_versions(target: Scd2Dimension, staging: str) -> Step:
    """New members, new versions, and for a deleted member a last version with is_deleted.

    Keys continue from the highest one ever given, in order of natural key: they are dense and never reused.
    """
    table, natural = target.table, target.natural_key
    attributes = [column.name for column in target.attributes]
    return Step(f"""
INSERT INTO {table} (
    {target.key}, {natural}, {listed(attributes)},
    valid_from, valid_to, is_current, is_deleted, is_inferred, row_hash, batch_id
)
SELECT
    (SELECT CASE WHEN MAX({target.key}) > 0 THEN MAX({target.key}) ELSE 0 END FROM {table})
        + ROW_NUMBER() OVER (ORDER BY v.{natural}),
    v.{natural}, {listed(attributes, "v.")},
    v.effective_from, {FOREVER}, TRUE, v.is_deleted, FALSE, v.row_hash, %(batch_id)s
FROM (
    SELECT p.{natural}, {listed(attributes, "s.")}, p.effective_from, FALSE AS is_deleted, s.row_hash
    FROM {table}_plan p
    INNER JOIN {staging} s ON s.{natural} = p.{natural}
    WHERE p.action IN ('new', 'version')
    UNION ALL
    SELECT p.{natural}, {listed(attributes, "d.")}, p.effective_from, TRUE AS is_deleted, d.row_hash
    FROM {table}_plan p
    INNER JOIN {table} d ON d.{target.key} = p.current_key
    WHERE p.action = 'delete'
) v
""")


def _correct_in_place(target: Scd2Dimension, staging: str) -> Step:
    table = target.table
    assigned = ", ".join(f"{column.name} = s.{column.name}" for column in target.attributes)
    return Step(f"""
UPDATE {table} SET
    {assigned}, row_hash = s.row_hash, is_inferred = FALSE, is_deleted = FALSE, batch_id = %(batch_id)s
FROM {table}_plan p
INNER JOIN {staging} s ON s.{target.natural_key} = p.{target.natural_key}
WHERE {table}.{target.key} = p.current_key AND p.action IN ('complete', 'correct')
""")


def _mark_deleted(target: Scd2Dimension) -> Step:
    table = target.table
    return Step(f"""
UPDATE {table} SET is_deleted = TRUE, batch_id = %(batch_id)s
FROM {table}_plan p
WHERE {table}.{target.key} = p.current_key AND p.action = 'mark deleted'
""")


def _overwrite(target: Scd2Dimension, staging: str) -> tuple[Step, ...]:
    """Type 1: columns that are not tracked are corrected on every version of the member."""
    table, names = target.table, [column.name for column in target.overwritten]
    if not names:
        return ()
    assigned = ", ".join(f"{name} = s.{name}" for name in names)
    return (
        Step(f"""
UPDATE {table} SET {assigned}, batch_id = %(batch_id)s
FROM {table}_plan p
INNER JOIN {staging} s ON s.{target.natural_key} = p.{target.natural_key}
WHERE {table}.{target.natural_key} = p.{target.natural_key} AND p.overwrites = 1
    AND ({_is_to_overwrite(target, "s", table)})
"""),
    )
