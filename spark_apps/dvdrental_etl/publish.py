"""Pure: a target and the name of its staging table become the SQL that makes the staged rows live.

All statements of one publish run in one transaction, in the order given here. They use what PostgreSQL and Redshift
share, and name tables without schema: the connection's search_path says where. %(as_of)s, %(batch_id)s and %(load_id)s
are bound by the driver.

Staging holds what was read, which may be only what changed. Two small tables, made for each publish, say the rest:
spans, between which bounds a key that is not in staging is gone from the source; and quarantined, the keys of rows
that did not pass the gate.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from dvdrental_etl.targets import Fact, Lookup, Scd2Dimension, Target

FIRST = "TIMESTAMP '1900-01-01'"
FOREVER = "TIMESTAMP '9999-12-31'"


@dataclass(frozen=True)
class Step:
    """One statement of a publish.

    counts names what it counts: the columns of a query's only row, or the rows that a statement changed.
    """

    sql: str
    counts: tuple[str, ...] = ()


def spans_of(table: str) -> str:
    """The table (low, high) that a publish finds its spans in."""
    return f"{table}_spans"


def quarantined_of(table: str) -> str:
    """The table (grain_key) that a publish finds the keys of quarantined rows in."""
    return f"{table}_quarantined"


def differs(left: str, right: str, columns: Iterable[str]) -> str:
    """A predicate that is true when any column differs; NULL equals NULL and differs from every value."""
    pairs = ((f"{left}.{name}", f"{right}.{name}") for name in columns)
    return " OR ".join(
        f"{a} <> {b} OR ({a} IS NULL AND {b} IS NOT NULL) OR ({a} IS NOT NULL AND {b} IS NULL)"
        for a, b in pairs
    )


def listed(names: Iterable[str], prefix: str = "") -> str:
    """Column names as a select list, each with the prefix."""
    return ", ".join(f"{prefix}{name}" for name in names)


def steps(target: Target, staging: str) -> tuple[Step, ...]:
    """The publish of a target from its staging table."""
    if isinstance(target, Scd2Dimension):
        return _dimension_steps(target, staging)
    return _fact_steps(target, staging)


def _dimension_steps(target: Scd2Dimension, staging: str) -> tuple[Step, ...]:
    return (
        _members_concerned(target, staging),
        _dimension_plan(target, staging),
        _dimension_counts(target),
        _close_versions(target),
        _open_versions(target, staging),
        _correct_in_place(target, staging),
        _mark_deleted(target),
        *_overwrite(target, staging),
        Step(f"DROP TABLE {target.table}_concerned"),
        Step(f"DROP TABLE {target.table}_plan"),
    )


def _members_concerned(target: Scd2Dimension, staging: str) -> Step:
    """Who was read, and who might be gone. Everybody else stays as they are."""
    table, natural = target.table, target.natural_key
    return Step(f"""
CREATE TEMP TABLE {table}_concerned AS
SELECT s.{natural} FROM {staging} s
UNION
SELECT d.{natural}
FROM {spans_of(table)} g
INNER JOIN {table} d ON d.{natural} BETWEEN g.low AND g.high
WHERE d.is_current AND d.{target.key} > 0
""")


def _dimension_plan(target: Scd2Dimension, staging: str) -> Step:
    """Decide what happens to each member.

    A version begins when the source changed it, if that lies after the version before and not after as_of; else at
    as_of. A change that as_of cannot date after the version before (a second load with the same as_of) corrects that
    version in place: a version of no length would never be seen. A member whose row is in quarantine keeps its last
    good version.
    """
    table, natural = target.table, target.natural_key
    overwritten = [column.name for column in target.overwritten]
    overwrites = differs("s", "d", overwritten) if overwritten else "1 = 0"
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
    CASE WHEN s.{natural} IS NOT NULL AND d.{natural} IS NOT NULL AND ({overwrites}) THEN 1 ELSE 0 END AS overwrites
FROM {table}_concerned c
LEFT JOIN {staging} s ON s.{natural} = c.{natural}
LEFT JOIN {table} d ON d.{natural} = c.{natural} AND d.is_current AND d.{target.key} > 0
LEFT JOIN {quarantined_of(table)} q ON q.grain_key = c.{natural}
""")


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
    """New members, new versions, and for a deleted member a last version that says so.

    Keys follow the highest one ever given, in order of natural key, so they are dense and never used again.
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
    """Type 1: what is not tracked is corrected on every version of the member."""
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
    AND ({differs(table, "s", names)})
"""),
    )


def _fact_steps(target: Fact, staging: str) -> tuple[Step, ...]:
    return (
        *(_infer_members(target, lookup.dimension, staging) for lookup in target.lookups),
        _delete_quarantined(target),
        _delete_gone(target, staging),
        _stage_again(target, staging),
        _fact_plan(target, staging),
        _fact_counts(target),
        _delete_changed(target),
        _insert_facts(target),
        _note_versions_as_seen(target),
        Step(f"DROP TABLE {target.table}_plan"),
    )


def _infer_members(target: Fact, dimension: str, staging: str) -> Step:
    """An early fact makes the member that it names: known by its key only, completed when the member arrives."""
    lookup = next(lookup for lookup in target.lookups if lookup.dimension == dimension)
    key, natural = lookup.key, lookup.natural_key
    return Step(
        f"""
INSERT INTO {dimension} (
    {key}, {natural}, valid_from, valid_to, is_current, is_deleted, is_inferred, row_hash, batch_id
)
SELECT
    (SELECT CASE WHEN MAX({key}) > 0 THEN MAX({key}) ELSE 0 END FROM {dimension})
        + ROW_NUMBER() OVER (ORDER BY early.{natural}),
    early.{natural}, {FIRST}, {FOREVER}, TRUE, FALSE, TRUE, '', %(batch_id)s
FROM (
    SELECT DISTINCT s.{natural}
    FROM {staging} s
    LEFT JOIN {dimension} d ON d.{natural} = s.{natural}
    WHERE s.{natural} IS NOT NULL AND d.{natural} IS NULL
) early
""",
        counts=(f"inferred {dimension}",),
    )


def _delete_gone(target: Fact, staging: str) -> Step:
    """Facts that the source no longer has."""
    table, key = target.table, target.key
    return Step(
        f"""
DELETE FROM {table} USING {spans_of(table)} g
WHERE {table}.{key} BETWEEN g.low AND g.high
    AND NOT EXISTS (SELECT 1 FROM {staging} s WHERE s.{key} = {table}.{key})
""",
        counts=("deleted",),
    )


def _delete_quarantined(target: Fact) -> Step:
    """Facts whose rows do not pass the gate any more: they are in quarantine, and counted there."""
    table, key = target.table, target.key
    return Step(f"""
DELETE FROM {table} USING {quarantined_of(table)} q
WHERE q.grain_key = {table}.{key}
""")


def _stage_again(target: Fact, staging: str) -> Step:
    """Facts that were not read, but whose version was closed before their event: to be keyed again, from themselves.

    The rows of a version that was closed carry the batch of a load that no load of this fact has seen yet.
    """
    table, names = target.table, [column.name for column in target.frame]
    keys = {
        lookup.natural_key: f"NULLIF(d{n}.{lookup.natural_key}, -1)"
        for n, lookup in enumerate(target.lookups)
    }
    joins = "\n".join(
        f"LEFT JOIN {lookup.dimension} d{n} ON d{n}.{lookup.key} = f.{lookup.key}"
        for n, lookup in enumerate(target.lookups)
    )
    outdated = "\n    UNION\n".join(_outdated(target, lookup) for lookup in target.lookups)
    return Step(f"""
INSERT INTO {staging} ({listed(names)})
SELECT {", ".join(keys.get(name, f"f.{name}") for name in names)}
FROM (
{outdated}
) o
INNER JOIN {table} f ON f.{target.key} = o.{target.key}
{joins}
WHERE NOT EXISTS (SELECT 1 FROM {staging} s WHERE s.{target.key} = o.{target.key})
""")


def _outdated(target: Fact, lookup: Lookup) -> str:
    return f"""    SELECT f.{target.key}
    FROM etl_load l
    INNER JOIN {lookup.dimension} d ON d.batch_id = l.batch_id AND NOT d.is_current
    INNER JOIN {target.table} f ON f.{lookup.key} = d.{lookup.key} AND f.{target.event} >= d.valid_to
    WHERE l.table_name = '{lookup.dimension}' AND l.status = 'published' AND l.keyed_by IS NULL"""


def _note_versions_as_seen(target: Fact) -> Step:
    """From here on, facts are keyed by what these loads of dimensions wrote."""
    dimensions = ", ".join(f"'{lookup.dimension}'" for lookup in target.lookups)
    return Step(f"""
UPDATE etl_load SET keyed_by = %(load_id)s
WHERE table_name IN ({dimensions}) AND status = 'published' AND keyed_by IS NULL
""")


def _fact_plan(target: Fact, staging: str) -> Step:
    """Key every staged fact by the versions valid at its event, and keep those that differ from the published ones.

    Versions of a member neither overlap nor leave gaps, so each join finds one row at most.
    """
    natural_keys = {lookup.key: f"COALESCE(d{n}.{lookup.key}, -1)" for n, lookup in enumerate(target.lookups)}
    names = _published(target)
    keyed = ",\n        ".join(f"{natural_keys.get(name, f's.{name}')} AS {name}" for name in names)
    joins = "\n    ".join(
        f"LEFT JOIN {lookup.dimension} d{n} ON d{n}.{lookup.natural_key} = s.{lookup.natural_key}"
        f" AND d{n}.valid_from <= s.{target.event} AND s.{target.event} < d{n}.valid_to"
        for n, lookup in enumerate(target.lookups)
    )
    compared = [name for name in names if name != target.key]
    return Step(f"""
CREATE TEMP TABLE {target.table}_plan AS
SELECT {listed(names, "k.")}, CASE WHEN f.{target.key} IS NULL THEN 1 ELSE 0 END AS is_new
FROM (
    SELECT
        {keyed}
    FROM {staging} s
    {joins}
) k
LEFT JOIN {target.table} f ON f.{target.key} = k.{target.key}
WHERE f.{target.key} IS NULL OR {differs("k", "f", compared)}
""")


def _fact_counts(target: Fact) -> Step:
    return Step(
        f"""
SELECT COUNT(CASE WHEN is_new = 1 THEN 1 END), COUNT(CASE WHEN is_new = 0 THEN 1 END)
FROM {target.table}_plan
""",
        counts=("new", "changed"),
    )


def _delete_changed(target: Fact) -> Step:
    """The old form of facts that changed; the new one is inserted next."""
    table, key = target.table, target.key
    return Step(f"""
DELETE FROM {table} USING {table}_plan p
WHERE p.{key} = {table}.{key} AND p.is_new = 0
""")


def _insert_facts(target: Fact) -> Step:
    names = _published(target)
    return Step(f"""
INSERT INTO {target.table} ({listed(names)}, batch_id)
SELECT {listed(names)}, %(batch_id)s
FROM {target.table}_plan
""")


def _published(target: Fact) -> tuple[str, ...]:
    """The fact's columns but batch_id, in the order of its frame, lookups under the names of their keys."""
    keys = {lookup.natural_key: lookup.key for lookup in target.lookups}
    return tuple(keys.get(column.name, column.name) for column in target.frame)
