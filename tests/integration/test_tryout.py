"""tryout: every statement once, in a scratch schema of a warehouse, and nothing left behind."""

from collections.abc import Iterator
from datetime import timedelta

import pyarrow as pa
import pytest

from dvdrental_etl import tryout, tryout_rows
from dvdrental_etl.verify.checks import CHECKS
from dvdrental_etl.verify.statements import Statement
from tests.support.environment import Environment


def test_everything_works_and_nothing_is_left(empty: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    before = empty.tables()
    assert tryout.main([str(empty.config)]) == 0
    printed = capsys.readouterr().out
    assert "scratch schema dw_tryout_" in printed
    for table in ("dim_customer", "dim_movie", "dim_store", "dim_staff", "fact_sales"):
        for rows in (3, 2, 1):
            assert f"{table}, {rows} rows: stage, publish and record" in printed
    for check in CHECKS:
        assert f"verify: {check}\n" in printed
        assert f"verify: {check}, of a run\n" in printed
    assert "verify: facts_by_range\n" in printed
    assert empty.tables() == before


@pytest.mark.parametrize("statement", ["SELECT 1 FROM nowhere", "SELECT %(left_out)s FROM nowhere"])
def test_a_statement_that_fails_is_named_and_nothing_is_left(
    empty: Environment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    broken = Statement("no_such_check", statement, {"left_out": 1})
    monkeypatch.setattr(tryout, "all_statements", lambda *_: [broken])
    before = empty.tables()
    assert tryout.main([str(empty.config)]) == 7
    assert "verify: no_such_check: warehouse" in capsys.readouterr().err
    assert empty.tables() == before


def test_a_value_that_is_read_back_otherwise_is_named(
    empty: Environment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tryout_rows.rows

    def later(*arguments: object) -> Iterator[pa.RecordBatch]:
        for batch in whole(*arguments):  # type: ignore[arg-type]
            place = batch.schema.get_field_index("changed_at")
            column = [
                moment and moment - timedelta(microseconds=1) for moment in batch.column(place).to_pylist()
            ]
            yield batch.set_column(place, batch.schema.field(place), pa.array(column, pa.timestamp("us")))

    monkeypatch.setattr(tryout, "rows", later)
    assert tryout.main([str(empty.config)]) == 7
    error = capsys.readouterr().err
    assert (
        ".changed_at (timestamp) was sent datetime.datetime(2007, 5, 14, 13, 44, 29, 996577) and is" in error
    )


def test_a_role_that_may_not_create_a_schema_works_in_an_empty_one(
    empty: Environment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tryout, "all_statements", lambda *_: [])
    owner = empty.warehouse.value(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    )
    database = empty.warehouse.database
    empty.warehouse(
        f"ALTER DATABASE {database} OWNER TO postgres; GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {owner}"
    )
    assert tryout.main([str(empty.config)]) == 3
    assert f"'{owner}' may not create a schema here, and schema dw is not there" in capsys.readouterr().err
    empty.warehouse(f"CREATE SCHEMA dw AUTHORIZATION {owner}; CREATE SCHEMA trial AUTHORIZATION {owner}")
    for arguments in ((), ("--schema", "trial")):
        assert tryout.main([str(empty.config), *arguments]) == 0, capsys.readouterr()
        assert empty.tables() == []
    empty.warehouse("CREATE TABLE trial.mine (a integer)")
    before = empty.tables()
    assert tryout.main([str(empty.config), "--schema", "trial"]) == 3
    assert "schema trial is not empty" in capsys.readouterr().err
    assert empty.tables() == before
