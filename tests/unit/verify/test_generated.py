"""sql_scripts/verify is what the declarations lead to, and what is missing is named."""

from dataclasses import replace
from pathlib import Path

import pytest

from dvdrental_etl.model.contract import Column
from dvdrental_etl.verify.checks import CHECKS
from tests.support.paths import SQL_SCRIPTS
from tools.generate_verify import declared_star, missing_source_queries, stale_files
from tools.verify_sql.files import generated_files
from tools.verify_sql.star import Star
from tools.verify_sql.text import as_text, joined

FOLDER = SQL_SCRIPTS / "verify"


@pytest.fixture(scope="module")
def star() -> Star:
    return declared_star()


def test_generating_again_changes_nothing(star: Star) -> None:
    generated = generated_files(star)
    committed = {name: (FOLDER / name).read_text(encoding="utf-8") for name in generated}
    assert committed == generated, "run `make generate` and commit sql_scripts/verify"
    assert stale_files(generated) == []


def test_every_file_is_a_check_or_half_of_a_pair(star: Star) -> None:
    assert {path.stem for path in FOLDER.glob("*.sql")} == set(CHECKS)
    source, warehouse = (
        {path.name for path in (FOLDER / side).iterdir()} for side in ("source", "warehouse")
    )
    assert source == warehouse


def test_a_dimension_is_in_every_generated_check(star: Star) -> None:
    dimension = next(dimension for dimension in star.dimensions if dimension.table == "dim_customer")
    lookup = next(lookup for lookup in star.fact.lookups if lookup.dimension == "dim_customer")
    one = replace(star, dimensions=[dimension], fact=replace(star.fact, lookups=(lookup,)))
    all_files, files = generated_files(star), generated_files(one)
    for name in {f"{check}.sql" for check in CHECKS} & set(files):
        assert "dim_movie" in all_files[name], name
        assert "dim_movie" not in files[name] or name == "ranges_hold_what_their_load_counted.sql", name


def test_a_file_of_a_removed_dimension_is_stale(star: Star) -> None:
    current = generated_files(star)
    del current["warehouse/dim_store.sql"]
    assert [path.name for path in stale_files(current)] == ["dim_store.sql"]


def test_a_missing_query_on_the_source_is_named(star: Star, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    for dimension in star.dimensions:
        if dimension.table != "dim_staff":
            (tmp_path / "source" / f"{dimension.table}.sql").touch()
    assert missing_source_queries(star, tmp_path) == [tmp_path / "source" / "dim_staff.sql"]
    assert missing_source_queries(star) == []


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (Column("rate", "numeric(4,2)"), "COALESCE(CAST(rate AS varchar(40)), '~')"),
        (Column("day", "date"), "COALESCE(TO_CHAR(day, 'YYYYMMDD'), '~')"),
    ],
)
def test_a_value_as_text(column: Column, expected: str) -> None:
    assert as_text("dim_film", column) == expected


def test_a_tracked_column_of_an_unsupported_type_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"dim_film\.seen_at: a tracked column of type timestamp is not supported"
    ):
        as_text("dim_film", Column("seen_at", "timestamp"))


def test_long_expressions_are_wrapped() -> None:
    text = joined([f"column_{number} IS NULL" for number in range(9)], "OR", 4)
    assert [len(line) <= 110 for line in text.splitlines()] == [True, True]
    assert text.replace("\n   ", "") == " OR ".join(f"column_{number} IS NULL" for number in range(9))
