"""Every hostile row of tests/support/hostile: loaded equal, or in quarantine under its key, by the rule it must get.

One source holds them all. It is loaded once for the first time and once more for changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.server import Sandbox
from tests.support.environment import Environment
from tests.support.hostile.rows import IN_SOURCE, IN_STAR, ROWS, loaded_keys, make_hostile, star_key
from tests.support.hostile.verdicts import LOADED, Quarantined, RowState
from tests.support.jobs import Outcome, counts, expected_counts
from tests.support.servers import MakeEnvironment, drop

#: More than the hostile rows: none of these loads is stopped for their number.
MANY = 10_000


@dataclass(frozen=True)
class Result:
    """What is where after the loads, by (table of the star, natural key)."""

    env: Environment
    outcomes: dict[str, Outcome]
    in_source: dict[tuple[str, Any], str]
    in_star: dict[tuple[str, Any], str]
    quarantined: dict[tuple[str, Any], Quarantined]


@pytest.fixture(scope="module")
def result(make_environment: MakeEnvironment, source_template: str, server: Sandbox) -> Iterator[Result]:
    env = make_environment(source_template)
    env.limit(quarantined_rows=MANY)
    make_hostile(env.source)
    outcomes = env.load_all()
    in_source = {
        (table, key): row
        for table, query in IN_SOURCE.items()
        for key, row in env.source(query, loaded_keys(table))
    }
    in_star = {
        (table, key): row
        for table, query in IN_STAR.items()
        for key, row in env.warehouse(query, loaded_keys(table))
    }
    rejects = env.warehouse("SELECT table_name, natural_key, column_name, rule FROM etl_reject")
    quarantined = {
        (table, None if key is None else int(key)): Quarantined(column, rule)
        for table, key, column, rule in rejects
    }
    assert len(rejects) == len(quarantined)
    yield Result(env, outcomes, in_source, in_star, quarantined)
    drop(server, env)


@pytest.mark.parametrize("state", ROWS, ids=lambda state: state.title[:80])
def test_a_hostile_row_gets_its_verdict(result: Result, state: RowState) -> None:
    place = star_key(state)
    if state.verdict is LOADED:
        assert place not in result.quarantined
        assert result.in_star[place] == result.in_source[place]
    else:
        assert result.quarantined[place] == state.verdict


def test_no_other_row_is_in_quarantine(result: Result) -> None:
    expected = {star_key(state) for state in ROWS if state.verdict is not LOADED}
    assert set(result.quarantined) == expected


def test_everything_that_was_read_is_loaded_or_in_quarantine(result: Result) -> None:
    for table, source in (("dim_customer", "customer"), ("dim_movie", "film"), ("fact_sales", "payment")):
        rows = result.env.source.value(f"SELECT count(*) FROM {source}")
        counted = counts(result.outcomes[table])
        assert counted["new"] + counted["quarantined"] == rows


def test_verify_agrees(result: Result) -> None:
    from dvdrental_etl import config
    from dvdrental_etl.verify import run

    report = run.examine(config.load(result.env.config, {}))
    assert report.findings == []


def test_a_second_load_reads_them_again_and_changes_nothing(result: Result) -> None:
    before = result.env.content()
    for table, outcome in result.env.load_all().items():
        expected = sum(1 for name, _ in result.quarantined if name == table)
        assert counts(outcome) == expected_counts(quarantined=expected), table
    assert result.env.content() == before
