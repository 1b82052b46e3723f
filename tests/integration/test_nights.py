"""The real dvdrental lives on, day after day, and is loaded every night; DVDRENTAL_NIGHTS says how long."""

import os
from datetime import date
from functools import partial

from dvdrental_etl import config
from dvdrental_etl.verify import run
from sandbox.server import Sandbox
from sandbox.simulator.days import Business
from tests.support.lab import DIMENSIONS, TABLES, counts, planned
from tests.support.servers import MakeLab

NIGHTS = int(os.environ.get("DVDRENTAL_NIGHTS", "2"))


def test_every_night_mirrors_its_day(real_source: str, make_lab: MakeLab, server: Sandbox) -> None:
    lab = make_lab(real_source)
    lab.load_all()
    lab.check_invariants()
    moved = dict.fromkeys(TABLES, 0)
    # Days go on from today, so that payments lie before and after the moments at which the triggers date changes.
    with Business(partial(server.connect, lab.source.database), seed=60, start=date.today()) as business:  # noqa: DTZ011
        for night in range(NIGHTS):
            business.day()
            for table, outcome in lab.load_all("--batch-id", f"night {night}").items():
                assert lab.last_load(table)["is_full"] is False, lab.last_load(table)["extent"]
                moved[table] += sum(counts(outcome).values())
            lab.check_invariants()
            lab.check_mirrors_source()
            assert lab.outdated_facts() == []
            assert run.run(config.load(lab.config, {}), f"night {night}") == []
            assert run.run(config.load(lab.config, {})) == []
    assert all(moved[table] for table in ("fact_sales", "dim_customer", "dim_movie"))
    lab.load_all()  # what was still open on the last evening
    before = lab.content()
    for table in TABLES:
        assert counts(lab.load(table, "--full-refresh")) == planned()
    assert lab.content() == before
    fresh = lab.beside(make_lab(real_source).warehouse)
    fresh.load_all()
    assert fresh.facts() == lab.facts() == lab.source_facts()
    for table in DIMENSIONS:
        assert fresh.current_members(table) == lab.current_members(table), table
