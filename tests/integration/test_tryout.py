"""tryout: every statement once, in a scratch schema of a warehouse, and nothing left behind."""

import pytest

from dvdrental_etl import tryout
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
