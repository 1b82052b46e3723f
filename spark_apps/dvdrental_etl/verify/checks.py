"""The promises of the warehouse alone, sql_scripts/verify/*.sql, and which rows each is held against after a night.

A promise that is narrowed to what a run wrote still finds all that the run could have broken by writing. What somebody
did to other rows shows when everything is checked.
"""

from collections.abc import Callable, Mapping

from dvdrental_etl.model.contract import script
from dvdrental_etl.verify.reader import Moment
from dvdrental_etl.verify.written import FACT, Narrowed, Written, narrowed, within

#: Table -> what a run wrote of it. Those that are not named are checked in full.
Parts = Mapping[str, Written]


def whole(parts: Parts) -> Narrowed:  # noqa: ARG001 - as the others are called
    """What costs little at any size: the record of loads, the calendar, single keys, counts of a dimension."""
    return {}


def facts(parts: Parts) -> Narrowed:
    """Facts that were written. Members do not go, so no other fact can lose one."""
    return {name: part.rows for name, part in parts.items() if part.table.is_fact}


def facts_of_versions(parts: Parts) -> Narrowed:
    """Facts that were written, and older ones that name a version which was closed before their payment."""
    return {name: part.keyed for name, part in parts.items() if part.table.is_fact}


def members(parts: Parts) -> Narrowed:
    """All versions of the members of which one was written."""
    return {name: part.members for name, part in parts.items() if not part.table.is_fact}


def same_keys(parts: Parts) -> Narrowed:
    """All rows that have the key of one that was written."""
    return {name: part.sharing(part.table.key) for name, part in parts.items()}


def strays(parts: Parts) -> Narrowed:
    """Rows of batches that no run was given: what was written is found by its batch, so it is known."""
    return {name: part.strays for name, part in parts.items()}


def others(parts: Parts) -> Narrowed:
    """Dimensions that are checked in full. Members that a run should have written are missed by their ranges."""
    dimensions = [name for name, part in parts.items() if not part.table.is_fact]
    if not dimensions:
        return {}
    named = ", ".join(f"'{name}'" for name in dimensions)
    return dict.fromkeys(dimensions, "1 = 0") | {"etl_load": f"table_name NOT IN ({named})"}


def ranges(parts: Parts) -> Narrowed:
    """Rows in ranges of keys of which the source's are not what they were, or are in quarantine."""
    if not parts:
        return {}
    own = {name: within(part.table.natural_key, part.spans) for name, part in parts.items()}

    def of_all(column: str) -> str:
        return " AND ".join(
            f"(table_name <> '{name}' OR {within(column, part.spans)})" for name, part in parts.items()
        )

    return own | {
        "etl_range": of_all("range_no * 1024"),
        "etl_reject": of_all("CAST(natural_key AS bigint)"),
    }


CHECKS: Mapping[str, Callable[[Parts], Narrowed]] = {
    "tables_name_their_last_load": whole,
    "loads_count_up": whole,
    "fact_joins_every_dimension": facts,
    "fact_is_keyed_by_the_version_of_its_time": facts_of_versions,
    "fact_agrees_with_its_last_load": whole,
    "facts_are_as_many_as_their_load_wrote": facts,
    "rows_name_known_batches": strays,
    "members_have_one_current_version": members,
    "members_are_deleted_once": members,
    "versions_follow_each_other": members,
    "versions_share_what_has_no_history": members,
    "inferred_members_are_known_by_key_only": members,
    "row_hash_fits_what_is_tracked": members,
    "every_dimension_has_unknown": whole,
    "calendar_is_right": whole,
    "keys_are_unique": same_keys,
    "keys_are_dense": whole,
    "dimensions_agree_with_their_last_load": others,
    "ranges_hold_what_their_load_counted": ranges,
}


def applies(check: str, parts: Parts) -> bool:
    """Whether a check can say anything of a part: all facts can be counted and summed only together."""
    if FACT.name not in parts:
        return True
    if check == "facts_are_as_many_as_their_load_wrote":
        return parts[FACT.name].is_last
    return check != "fact_agrees_with_its_last_load"


def broken(warehouse: Moment, check: str, parts: Parts, most: int) -> tuple[list[str], int]:
    """What breaks a promise: the first `most` of it in words, and how much there is in all."""
    text = script(f"verify/{check}.sql")
    promise = text.splitlines()[0].removeprefix("-- ")
    query = narrowed(text, warehouse.schema, CHECKS[check](parts))
    (_, *names), rows = warehouse.read(
        f"SELECT COUNT(*) OVER () AS rows_in_all, broken.* FROM (\n{query}\n) broken LIMIT {most}"
    )
    details = [
        f"{promise} But: " + ", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True))
        for _, *row in rows
    ]
    return details, rows[0][0] if rows else 0
