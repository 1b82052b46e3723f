"""Pure: the SQL that publishes staged facts, each with the keys of the versions that were valid at its event."""

from dvdrental_etl.model.targets import Fact, Lookup
from dvdrental_etl.publish.statements import FIRST, FOREVER, Step, differs, listed, quarantined_of, spans_of


def steps(target: Fact, staging: str) -> tuple[Step, ...]:
    """The publish of a fact from its staging table."""
    return (
        *(_infer_members(target, lookup.dimension, staging) for lookup in target.lookups),
        _delete_quarantined(target),
        _find_missing(target, staging),
        _delete_missing(target),
        _stage_again(target, staging),
        _fact_plan(target, staging),
        _fact_counts(target),
        _delete_changed(target),
        _insert_facts(target),
        _note_followed_loads(target),
        Step(f"DROP TABLE {target.table}_missing"),
        Step(f"DROP TABLE {target.table}_plan"),
    )


def _infer_members(target: Fact, dimension: str, staging: str) -> Step:
    """A fact whose member is missing creates it, with its natural key only. It is completed when it arrives."""
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


def _find_missing(target: Fact, staging: str) -> Step:
    """Facts that were deleted in the source.

    They are listed first: Redshift deletes by a join only where the target's columns are equal to the other table's.
    """
    table, key = target.table, target.key
    return Step(f"""
CREATE TEMP TABLE {table}_missing AS
SELECT f.{key}
FROM {spans_of(table)} g
INNER JOIN {table} f ON f.{key} BETWEEN g.low AND g.high
WHERE NOT EXISTS (SELECT 1 FROM {staging} s WHERE s.{key} = f.{key})
""")


def _delete_missing(target: Fact) -> Step:
    table, key = target.table, target.key
    return Step(
        f"""
DELETE FROM {table} USING {table}_missing m
WHERE m.{key} = {table}.{key}
""",
        counts=("deleted",),
    )


def _delete_quarantined(target: Fact) -> Step:
    """Facts whose rows no longer pass the gate: they are in quarantine, and counted there."""
    table, key = target.table, target.key
    return Step(
        f"""
DELETE FROM {table} USING {quarantined_of(table)} q
WHERE q.grain_key = {table}.{key}
""",
        counts=("withdrawn",),
    )


def _stage_again(target: Fact, staging: str) -> Step:
    """Facts that were not read, but whose version was closed before their event: they get new keys, from themselves.

    A closed version names the batch of a load of its dimension that no load of this fact has followed yet.
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


def _note_followed_loads(target: Fact) -> Step:
    """The fact has followed these loads of its dimensions: its keys are those of their versions."""
    dimensions = ", ".join(f"'{lookup.dimension}'" for lookup in target.lookups)
    return Step(f"""
UPDATE etl_load SET keyed_by = %(load_id)s
WHERE table_name IN ({dimensions}) AND status = 'published' AND keyed_by IS NULL
""")


def _fact_plan(target: Fact, staging: str) -> Step:
    """Give every staged fact the keys of the versions valid at its event, and keep new and changed facts.

    Versions of a member neither overlap nor leave gaps, so each join finds one row at most.
    """
    natural_keys = {lookup.key: f"COALESCE(d{n}.{lookup.key}, -1)" for n, lookup in enumerate(target.lookups)}
    names = target.published
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
    """The previous rows of facts that changed; the new ones are inserted next."""
    table, key = target.table, target.key
    return Step(f"""
DELETE FROM {table} USING {table}_plan p
WHERE p.{key} = {table}.{key} AND p.is_new = 0
""")


def _insert_facts(target: Fact) -> Step:
    names = target.published
    return Step(f"""
INSERT INTO {target.table} ({listed(names)}, batch_id)
SELECT {listed(names)}, %(batch_id)s
FROM {target.table}_plan
""")
