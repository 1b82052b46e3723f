"""Find the scope of a run's verify: what the run wrote of each table, by etl_load, etl_range and batch_id.

A nightly run changes little of a large table. Its verify costs what the run wrote, not what the table holds. A table
whose load compared everything is checked in full.
"""

from collections.abc import Sequence
from dataclasses import replace

from dvdrental_etl.model.contract import KEY_RANGE_BITS
from dvdrental_etl.verify.limits import VerifyLimits
from dvdrental_etl.verify.predicates import in_ranges, listed, merged_ranges
from dvdrental_etl.verify.reader import SnapshotReader
from dvdrental_etl.verify.scope import RunScope
from dvdrental_etl.verify.tables import Dimension, Fact, declared_tables

LOWEST_KEY, HIGHEST_KEY = -(2**63), 2**63 - 1


def scopes_of_run(warehouse: SnapshotReader, run_id: str, limits: VerifyLimits) -> dict[str, RunScope]:
    """The scope of a run by table. A table that is not in it is checked in full; for an unknown run, that is all.

    What a run wrote that is not "done" was not verified: it is in scope again, until everything is verified.
    """
    found = warehouse.rows("SELECT batch_id FROM etl_batch WHERE run_id = %s", (run_id,))
    if not found:
        return {}
    ((newest,),) = warehouse.rows("SELECT MAX(batch_id) FROM etl_batch")
    batches = tuple(sorted({batch for (batch,) in found} | _unverified_batches(warehouse)))
    in_full = warehouse.rows(
        "SELECT DISTINCT table_name FROM etl_load WHERE status = 'published' AND is_full"
        f" AND batch_id IN {listed(batches)}"
    )
    scopes = (
        _scope(warehouse, RunScope(table, warehouse.schema, newest, batches), limits)
        for table in declared_tables().all
        if (table.name,) not in in_full
    )
    return {scope.table.name: scope for scope in scopes if scope}


def _unverified_batches(warehouse: SnapshotReader) -> set[int]:
    """Batches of runs that are not done, since each table was last compared in full."""
    found = warehouse.rows("""
        SELECT DISTINCT l.batch_id
        FROM etl_load l
        INNER JOIN etl_batch b ON b.batch_id = l.batch_id
        WHERE l.status = 'published' AND b.status <> 'done' AND l.load_id >= (
            SELECT MIN(f.load_id) FROM (
                SELECT MAX(load_id) AS load_id FROM etl_load
                WHERE status = 'published' AND is_full GROUP BY table_name
            ) f
        )
    """)
    return {batch for (batch,) in found}


def _scope(warehouse: SnapshotReader, batches: RunScope, limits: VerifyLimits) -> RunScope | None:
    """The scope with its keys and ranges. None if the table was never loaded, or if so much was written that the whole
    table is to be checked.
    """
    table = batches.table
    last = warehouse.rows(
        """
        SELECT load_id, warehouse_rows, batch_id FROM etl_load
        WHERE table_name = %(table)s AND status = 'published' ORDER BY load_id DESC LIMIT 1
        """,
        {"table": table.name},
    )
    if not last:
        return None
    load_id, rows, batch = last[0]
    most = max(limits.few_rows, int(limits.few_share * (rows or 0)))
    numbers = _changed_ranges(warehouse, batches, load_id, limits)
    members = "" if isinstance(table, Fact) else f" AND {table.key} > 0"
    keys = warehouse.rows(
        f"SELECT DISTINCT {table.natural_key} FROM {table.name}"
        f" WHERE {batches.written_rows}{members} LIMIT {most + 1}"
    )
    if len(keys) > most or len(numbers) << KEY_RANGE_BITS > most:
        return None
    return replace(
        batches,
        keys=sorted(key for (key,) in keys),
        key_ranges=merged_ranges(numbers),
        has_last_load=batch in batches.batches,
        first_closed_day=_first_closed_day(warehouse, table, batches) if isinstance(table, Fact) else None,
    )


def _first_closed_day(warehouse: SnapshotReader, fact: Fact, batches: RunScope) -> int | None:
    ends = " UNION ALL ".join(
        f"SELECT MIN(valid_to) AS first_end FROM {dimension} WHERE {batches.written_rows} AND NOT is_current"
        for dimension in dict.fromkeys(lookup.dimension for lookup in fact.lookups)
    )
    ((first,),) = warehouse.rows(f"SELECT MIN(first_end) FROM ({ends}) e")
    return None if first is None else first.year * 10_000 + first.month * 100 + first.day


def _changed_ranges(
    warehouse: SnapshotReader, batches: RunScope, load_id: int, limits: VerifyLimits
) -> set[int]:
    """The numbers of the ranges that are checked as a whole."""
    table = batches.table
    counted = warehouse.rows(
        "SELECT r.range_no, CASE WHEN l.load_id IS NULL THEN 0 ELSE 1 END"
        " FROM etl_range r LEFT JOIN etl_load l ON l.load_id = r.load_id"
        f" AND l.batch_id IN {listed(batches.batches)}"
        " WHERE r.table_name = %(table)s AND r.source_name = %(source)s",
        {"table": table.name, "source": table.source_table},
    )
    quarantined = warehouse.rows(
        "SELECT DISTINCT CAST(natural_key AS bigint) FROM etl_reject"
        " WHERE load_id = %(load)s AND natural_key IS NOT NULL",
        {"load": load_id},
    )
    changed = {number for number, is_changed in counted if is_changed}
    uncounted = _uncounted_ranges(warehouse, table, [number for number, _ in counted], limits)
    return changed | uncounted | {key >> KEY_RANGE_BITS for (key,) in quarantined}


def _uncounted_ranges(
    warehouse: SnapshotReader, table: Dimension | Fact, counted: Sequence[int], limits: VerifyLimits
) -> set[int]:
    """Ranges that have rows although the source has no key there: etl_range has no row for an empty range."""
    bounds = [
        LOWEST_KEY - 1,
        *(bound for low_high in merged_ranges(counted) for bound in low_high),
        HIGHEST_KEY + 1,
    ]
    gaps = [(low + 1, high - 1) for low, high in zip(bounds[::2], bounds[1::2], strict=True)]
    existing = (
        ""
        if isinstance(table, Fact)
        else f" AND is_current AND NOT is_deleted AND NOT is_inferred AND {table.key} > 0"
    )
    numbers: set[int] = set()
    for start in range(0, len(gaps), limits.gaps_per_query):
        found = warehouse.rows(
            f"SELECT DISTINCT {table.natural_key} >> {KEY_RANGE_BITS} FROM {table.name}"
            f" WHERE ({in_ranges(table.natural_key, gaps[start : start + limits.gaps_per_query])}){existing}"
        )
        numbers |= {number for (number,) in found}
    return numbers
