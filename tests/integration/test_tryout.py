"""tryout: every statement once, on a warehouse of one's own, and nothing left behind."""

import pytest

from dvdrental_etl import tryout
from dvdrental_etl.verify.run import CHECKS
from tests.support.lab import Lab


def test_all_of_it_works_and_nothing_is_left(empty: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    before = empty.tables()
    assert tryout.main([str(empty.config)]) == 0
    said = capsys.readouterr().out
    assert "scratch schema dw_tryout_" in said
    for table in ("dim_customer", "dim_movie", "dim_store", "dim_staff", "fact_sales"):
        for rows in (3, 2, 1):
            assert f"{table}, {rows} rows: publish and record" in said
    assert all(f"verify: {check}" in said for check in CHECKS)
    assert all(f"verify, of a run: {check}" in said for check in CHECKS)
    assert "facts_by_range" in said
    assert empty.tables() == before


def test_what_fails_is_named_and_nothing_is_left(
    empty: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tryout, "CHECKS", ("keys_are_dense", "no_such_check"))
    monkeypatch.setattr(
        tryout, "script", lambda name: "SELECT 1 FROM nowhere" if "no_such" in name else "SELECT 1"
    )
    before = empty.tables()
    assert tryout.main([str(empty.config)]) == 7
    assert "verify: no_such_check: warehouse" in capsys.readouterr().err
    assert empty.tables() == before
