"""What analysts see is generated from the DDL, and what is missing there is named."""

import re

import pytest

from dvdrental_etl.warehouse.scripts import statements
from tests.support.paths import ROOT
from tools import generate_reporting
from tools.reporting_sql import notes


def test_generating_again_changes_nothing() -> None:
    generated = generate_reporting.files()
    committed = {path: path.read_text(encoding="utf-8") for path in generated}
    assert committed == generated, "run `make generate` and commit what it changes"
    assert {path.name for path in (ROOT / "sql_scripts/reporting").glob("*.sql")} <= {
        p.name for p in generated
    }


def test_the_dictionary_has_every_column_of_the_ddl() -> None:
    page = (ROOT / "docs/data-dictionary.md").read_text(encoding="utf-8")
    for path in (ROOT / "sql_scripts").glob("create_*.sql"):
        for name in re.findall(r"^    ([a-z_0-9]+) +[a-z]+.*-- ", path.read_text(encoding="utf-8"), re.M):
            assert f"| {name} |" in page, (path.name, name)


@pytest.mark.parametrize(
    ("ddl", "problem"),
    [
        (
            "CREATE TABLE IF NOT EXISTS dim_x (\n    x_key bigint NOT NULL  -- a key\n);\n",
            "dim_x has no note",
        ),
        (
            "-- dim_x: one row per x.\nCREATE TABLE IF NOT EXISTS dim_x (\n    x_key bigint NOT NULL\n);\n",
            "no note beside x_key",
        ),
    ],
)
def test_a_table_or_column_without_a_note_is_named(
    monkeypatch: pytest.MonkeyPatch, ddl: str, problem: str
) -> None:
    monkeypatch.setattr(notes, "script", lambda _: ddl)
    monkeypatch.setattr(notes, "tables_in", lambda _: {"dim_x": [notes.Column("x_key", "bigint")]})
    with pytest.raises(ValueError, match=problem):
        list(notes._documented("dim_x"))


def test_a_script_is_cut_at_semicolons_outside_of_strings_and_comments() -> None:
    text = "SELECT 'a;b -- c'; -- d;\nSELECT 1 -- 'e'\n;\n"
    assert statements(text) == ["SELECT 'a;b -- c'", "SELECT 1"]
