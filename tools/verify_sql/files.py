"""Each generated file of sql_scripts/verify, by its path there."""

import json
from collections.abc import Callable, Mapping, Sequence

from dvdrental_etl.model.targets import Fact, Scd2Dimension
from tools.verify_sql import content, facts, history, keys, loads
from tools.verify_sql.star import Star
from tools.verify_sql.text import sql_file

#: Name of a file without its suffix -> its text.
CHECKS: Mapping[str, Callable[[Star], str]] = {
    "keys_are_unique": keys.keys_are_unique,
    "keys_are_dense": keys.keys_are_dense,
    "every_dimension_has_unknown": keys.every_dimension_has_unknown,
    "members_have_one_current_version": history.members_have_one_current_version,
    "members_are_deleted_once": history.members_are_deleted_once,
    "versions_follow_each_other": history.versions_follow_each_other,
    "versions_share_what_has_no_history": content.versions_share_what_has_no_history,
    "inferred_members_are_known_by_key_only": content.inferred_members_are_known_by_key_only,
    "row_hash_fits_what_is_tracked": content.row_hash_fits_what_is_tracked,
    "tables_name_their_last_load": loads.tables_name_their_last_load,
    "rows_name_known_batches": loads.rows_name_known_batches,
    "dimensions_agree_with_their_last_load": loads.dimensions_agree_with_their_last_load,
    "ranges_hold_what_their_load_counted": loads.ranges_hold_what_their_load_counted,
    "fact_joins_every_dimension": facts.fact_joins_every_dimension,
    "fact_is_keyed_by_the_version_of_its_time": facts.fact_is_keyed_by_the_version_of_its_time,
}


def generated_files(star: Star) -> dict[str, str]:
    """Path below sql_scripts/verify -> text."""
    texts = {f"{name}.sql": check(star) for name, check in CHECKS.items()}
    for dimension in star.dimensions:
        separate = star.separate_columns[dimension.table]
        compared = [column.name for column in dimension.attributes if column.name not in separate]
        texts[f"warehouse/{dimension.table}.sql"] = _members(dimension, [*compared, "is_inferred"])
        for column in separate:
            texts[f"warehouse/{dimension.table}.{column}.sql"] = _members(dimension, [column])
    return texts | {"tables.json": _tables(star)}


def _members(dimension: Scd2Dimension, columns: Sequence[str]) -> str:
    """The warehouse's side of a comparison with the source."""
    listed = ",\n    ".join([dimension.natural_key, *columns, "is_inferred AS is_inferred_member"])
    return sql_file(
        f"The members of {dimension.table} that exist in the source, according to the warehouse, by key.",
        f"""
SELECT
    {listed}
FROM {dimension.table}
WHERE is_current AND NOT is_deleted AND {dimension.key} > 0
ORDER BY {dimension.natural_key}
""",
    )


def _tables(star: Star) -> str:
    """What verify must know of each table when it runs. It does not import the scripts' declarations."""

    def table(target: Scd2Dimension | Fact, natural_key: str) -> dict[str, object]:
        grain = star.grains[target.table]
        return {
            "name": target.table,
            "key": target.key,
            "natural_key": natural_key,
            "source_table": grain.table,
            "source_key": grain.key,
        }

    def queries(dimension: str) -> list[str]:
        return [dimension, *(f"{dimension}.{column}" for column in star.separate_columns[dimension])]

    document = {
        "generated_by": "make generate",
        "dimensions": [table(d, d.natural_key) | {"queries": queries(d.table)} for d in star.dimensions],
        "fact": table(star.fact, star.fact.key)
        | {
            "event_date_key": star.event_date_key,
            "lookups": [
                {"key": to.key, "dimension": to.dimension, "dimension_key": star.key_of(to.dimension)}
                for to in star.fact.lookups
            ],
        },
    }
    return json.dumps(document, indent=2) + "\n"
