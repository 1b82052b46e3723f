"""The checks of the warehouse alone, sql_scripts/verify/*.sql, and the rows that each one reads after a run.

A check that is restricted to what a run wrote still finds everything that the run could have broken. What was changed
in other rows by other means is found when everything is checked.
"""

from collections.abc import Callable, Mapping

from dvdrental_etl.model.contract import KEY_RANGE_SIZE, script
from dvdrental_etl.verify.predicates import NOTHING, Predicates, in_ranges, restricted
from dvdrental_etl.verify.reader import SnapshotReader
from dvdrental_etl.verify.scope import RunScope
from dvdrental_etl.verify.tables import Fact, declared_tables

#: Table -> what a run wrote of it. A table that is not in it is checked in full.
Scopes = Mapping[str, RunScope]


def everything(scopes: Scopes) -> Predicates:  # noqa: ARG001 - the same signature as the others
    """All rows, because that is cheap at any size: run record, calendar, surrogate keys, counts of a dimension."""
    return {}


def written_facts(scopes: Scopes) -> Predicates:
    """Facts that were written. Loads never remove a member, so no other fact can lose one."""
    return {name: scope.written_rows for name, scope in scopes.items() if isinstance(scope.table, Fact)}


def facts_of_changed_versions(scopes: Scopes) -> Predicates:
    """Facts that were written, and older ones of a version that was closed before their event."""
    return {
        name: scope.facts_of_changed_versions
        for name, scope in scopes.items()
        if isinstance(scope.table, Fact)
    }


def written_members(scopes: Scopes) -> Predicates:
    """All versions of the members of which one was written."""
    return {name: scope.affected_rows for name, scope in scopes.items() if not isinstance(scope.table, Fact)}


def rows_with_written_keys(scopes: Scopes) -> Predicates:
    """All rows that have the key of a row that was written."""
    return {name: scope.rows_with_same(scope.table.key) for name, scope in scopes.items()}


def rows_of_unknown_batches(scopes: Scopes) -> Predicates:
    """Rows of batches that no run has had. Rows of known batches need no check."""
    return {name: scope.rows_of_unknown_batches for name, scope in scopes.items()}


def dimensions_in_full(scopes: Scopes) -> Predicates:
    """Only dimensions that are checked in full. In the others, the ranges of keys show missing members."""
    dimensions = [name for name, scope in scopes.items() if not isinstance(scope.table, Fact)]
    if not dimensions:
        return {}
    names = ", ".join(f"'{name}'" for name in dimensions)
    return dict.fromkeys(dimensions, NOTHING) | {"etl_load": f"table_name NOT IN ({names})"}


def changed_ranges(scopes: Scopes) -> Predicates:
    """Rows in ranges where the source inserted or deleted keys, or rows are in quarantine."""
    if not scopes:
        return {}
    rows = {name: in_ranges(scope.table.natural_key, scope.key_ranges) for name, scope in scopes.items()}

    def of_all_tables(column: str) -> str:
        return " AND ".join(
            f"(table_name <> '{name}' OR {in_ranges(column, scope.key_ranges)})"
            for name, scope in scopes.items()
        )

    return rows | {
        "etl_range": of_all_tables(f"range_no * {KEY_RANGE_SIZE}"),
        "etl_reject": of_all_tables("CAST(natural_key AS bigint)"),
    }


CHECKS: Mapping[str, Callable[[Scopes], Predicates]] = {
    "tables_name_their_last_load": everything,
    "loads_count_up": everything,
    "fact_joins_every_dimension": written_facts,
    "fact_is_keyed_by_the_version_of_its_time": facts_of_changed_versions,
    "fact_agrees_with_its_last_load": everything,
    "facts_are_as_many_as_their_load_wrote": written_facts,
    "rows_name_known_batches": rows_of_unknown_batches,
    "members_have_one_current_version": written_members,
    "members_are_deleted_once": written_members,
    "versions_follow_each_other": written_members,
    "versions_share_what_has_no_history": written_members,
    "inferred_members_are_known_by_key_only": written_members,
    "row_hash_fits_what_is_tracked": written_members,
    "every_dimension_has_unknown": everything,
    "calendar_is_right": everything,
    "keys_are_unique": rows_with_written_keys,
    "keys_are_dense": everything,
    "dimensions_agree_with_their_last_load": dimensions_in_full,
    "ranges_hold_what_their_load_counted": changed_ranges,
}


def applies(check: str, scopes: Scopes) -> bool:
    """Whether a check is possible in these scopes: only all facts together have a total."""
    fact = declared_tables().fact.name
    if fact not in scopes:
        return True
    if check == "facts_are_as_many_as_their_load_wrote":
        return scopes[fact].has_last_load
    return check != "fact_agrees_with_its_last_load"


def violations(warehouse: SnapshotReader, check: str, scopes: Scopes, most: int) -> tuple[list[str], int]:
    """The first `most` rows that violate a check, described, and the number of all of them."""
    text = script(f"verify/{check}.sql")
    requirement = text.splitlines()[0].removeprefix("-- ")
    query = restricted(text, warehouse.schema, CHECKS[check](scopes))
    (_, *names), rows = warehouse.read(
        f"SELECT COUNT(*) OVER () AS violations, v.* FROM (\n{query}\n) v LIMIT {most}"
    )
    details = [
        f"{requirement} Violated by: "
        + ", ".join(f"{n} {value}" for n, value in zip(names, row, strict=True))
        for _, *row in rows
    ]
    return details, rows[0][0] if rows else 0
