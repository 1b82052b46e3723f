"""The real dvdrental lives on, day after day, and is loaded every night; DVDRENTAL_NIGHTS says how long."""

import os
from datetime import date
from functools import partial

from dvdrental_etl import config
from dvdrental_etl.verify import run
from sandbox.server import Sandbox
from sandbox.simulator.days import Business
from tests.support.environment import DIMENSIONS, TABLES
from tests.support.jobs import counts, expected_counts
from tests.support.servers import MakeEnvironment
from tests.support.waiting import long_running

NIGHTS = int(os.environ.get("DVDRENTAL_NIGHTS", "2"))


@long_running
def test_every_night_mirrors_its_day(
    real_source: str, make_environment: MakeEnvironment, server: Sandbox
) -> None:
    env = make_environment(real_source)
    env.load_all()
    env.check_invariants()
    moved = dict.fromkeys(TABLES, 0)
    # Days go on from today, so that payments lie before and after the timestamps that the triggers give to changes.
    with Business(partial(server.connect, env.source.database), seed=60, start=date.today()) as business:  # noqa: DTZ011
        for night in range(NIGHTS):
            business.day()
            for table, outcome in env.load_all("--batch-id", f"night {night}").items():
                assert env.last_load(table)["is_full"] is False, env.last_load(table)["extent"]
                moved[table] += sum(counts(outcome).values())
            env.check_invariants()
            env.check_equals_source()
            assert env.outdated_facts() == []
            assert run.run(config.load(env.config, {}), f"night {night}") == []
            assert run.run(config.load(env.config, {})) == []
    assert all(moved[table] for table in ("fact_sales", "dim_customer", "dim_movie"))
    env.load_all()  # what was still open on the last evening
    before = env.content()
    for table in TABLES:
        assert counts(env.load(table, "--full-refresh")) == expected_counts()
    assert env.content() == before
    fresh = env.with_warehouse(make_environment(real_source).warehouse)
    fresh.load_all()
    assert fresh.facts() == env.facts() == env.source_facts()
    for table in DIMENSIONS:
        assert fresh.current_members(table) == env.current_members(table), table
