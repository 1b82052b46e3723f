"""Random histories of the business, and after each night the warehouse equals one that was built anew.

Every move of the simulator, transactions that stay open over a load, loads of single tables, loads twice, loads that
are killed at any statement, a live writer beside loads. DVDRENTAL_HISTORIES says how many; the default is for everyday.
"""

from __future__ import annotations

import itertools
import os
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dvdrental_etl import config as config
from dvdrental_etl.verify import run
from sandbox.server import Sandbox
from sandbox.simulator.context import Context
from sandbox.simulator.live import Live
from sandbox.simulator.moves import LONG_MOVES, MOVES
from sandbox.simulator.transactions import CONFLICTS
from tests.support.environment import DIMENSIONS, TABLES, Environment
from tests.support.interruptions import Killed, killed_after
from tests.support.jobs import counts, expected_counts, run_in_process
from tests.support.servers import MakeEnvironment
from tests.support.waiting import long_running

HISTORIES = int(os.environ.get("DVDRENTAL_HISTORIES", "2"))
STEPS = int(os.environ.get("DVDRENTAL_HISTORY_STEPS", "14"))

MOVE = st.tuples(st.sampled_from(sorted(MOVES)), st.integers(0, 2**32))
LONG_MOVE = st.tuples(st.sampled_from(LONG_MOVES), st.integers(0, 2**32))
Moves = list[tuple[str, int]]


class Histories(RuleBasedStateMachine):
    """One history: a clone of the source, a clone of the warehouse that was loaded from it."""

    server: Sandbox
    make_environment: MakeEnvironment
    templates: tuple[str, str]
    done = 0

    @initialize()
    def begin(self) -> None:
        self.env: Environment = type(self).make_environment(*self.templates)
        self.env.check_invariants()
        self.main = self._connection()
        self.open: list[Any] = []
        self.days = self.nights = 0
        # Today, so that payments lie around the timestamps that the triggers give to changes.
        self.context = Context(Random(0), self.env.source.value("SELECT localtimestamp(0)"))

    def _connection(self) -> Any:
        connection = self.server.connect(self.env.source.database)
        connection.cursor().execute("SET lock_timeout = '50ms'")
        connection.commit()
        return connection

    def _make(self, connection: Any, moves: Moves) -> bool:
        """Moves in the open transaction; False if it had to be rolled back."""
        try:
            with self.context.attempt(), connection.cursor() as cursor:
                for name, seed in moves:
                    self.context.random = Random(seed)
                    MOVES[name](cursor, self.context)
        except CONFLICTS:
            connection.rollback()
            return False
        return True

    @rule(moves=st.lists(MOVE, min_size=1, max_size=6), commits=st.sampled_from([True, True, True, False]))
    def a_transaction(self, moves: Moves, commits: bool) -> None:
        if self._make(self.main, moves):
            self.main.commit() if commits else self.main.rollback()

    @precondition(lambda self: len(self.open) < 3)
    @rule(moves=st.lists(LONG_MOVE, min_size=1, max_size=3))
    def a_transaction_that_stays_open(self, moves: Moves) -> None:
        connection = self._connection()
        if self._make(connection, moves):
            self.open.append(connection)
        else:
            connection.close()

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 2), commits=st.sampled_from([True, True, False]))
    def one_of_them_ends(self, which: int, commits: bool) -> None:
        with self.open.pop(which % len(self.open)) as connection:
            connection.commit() if commits else connection.rollback()
        connection.close()

    @rule(order=st.permutations(list(DIMENSIONS)))
    def a_night(self, order: list[str]) -> None:
        self.nights += 1
        run_id = f"night {self.nights}"
        for table in (*order, "fact_sales"):
            self.env.load(table, "--batch-id", run_id)
            extent = self.env.last_load(table)["extent"]
            assert extent.startswith("changes: "), f"{table} had to read everything: {extent}"
        self.check()
        assert run.run(config.load(self.env.config, {}), run_id) == []

    @rule(table=st.sampled_from(TABLES))
    def one_table_alone(self, table: str) -> None:
        """The fact before its dimensions makes early members, too."""
        self.env.load(table)
        self.env.check_invariants()
        if table == "fact_sales":
            assert self.env.facts() == self.env.source_facts()
        else:
            assert self.env.current_members(table) == self.env.source_members(table)

    @rule(table=st.sampled_from(TABLES))
    def a_load_and_the_same_again(self, table: str) -> None:
        self.env.load(table)
        before = self.env.content()
        assert counts(self.env.load(table)) == expected_counts()
        assert counts(self.env.load(table, "--full-refresh")) == expected_counts()
        assert self.env.content() == before

    @rule(table=st.sampled_from(TABLES), calls=st.integers(0, 70), full=st.booleans())
    def a_load_is_killed(self, table: str, calls: int, full: bool) -> None:
        with suppress(Killed), killed_after(calls):
            run_in_process(table, "--config", str(self.env.config), *(["--full-refresh"] if full else []))
        self.env.check_invariants()

    @rule(seed=st.integers(0, 2**32))
    def a_night_beside_a_live_writer(self, seed: int) -> None:
        def connect() -> Any:
            return self.server.connect(self.env.source.database)

        self.days += 60  # no day twice: the same rental of the same copy at the same second would be refused
        with Live(connect, 40, seed, self.context.now.date() + timedelta(self.days)):
            for table in TABLES:
                self.env.load(table)
        self.env.check_invariants(loads=2)  # a dimension's own, and early members from the fact
        self.a_night(list(DIMENSIONS))

    @rule()
    def vacuum(self) -> None:
        self.env.source("VACUUM (FREEZE, ANALYZE) payment, rental, customer, address")

    def check(self) -> None:
        self.env.check_invariants()
        self.env.check_equals_source()
        assert self.env.outdated_facts() == []

    def teardown(self) -> None:
        if not hasattr(self, "env"):
            return
        try:
            for connection in self.open:
                connection.rollback()
                connection.close()
            self.a_night(list(DIMENSIONS))
            assert run.run(config.load(self.env.config, {})) == []
            self._equals_a_rebuild()
            type(self).done += 1
            print(f"history {type(self).done} of {HISTORIES} equals a rebuild")  # noqa: T201 - seen with -s
        finally:
            self.main.close()
            for place in (self.env.source, self.env.warehouse):
                self.server.drop_database(place.database)

    def _equals_a_rebuild(self) -> None:
        fresh = self.env.with_warehouse(type(self).make_environment(self.templates[0]).warehouse)
        try:
            fresh.load_all()
            assert fresh.facts() == self.env.facts()
            for table in DIMENSIONS:
                assert fresh.current_members(table) == self.env.current_members(table), table
        finally:
            self.server.drop_database(fresh.warehouse.database)


@pytest.fixture(scope="module")
def templates(server: Sandbox, sparse_source: str, make_environment: MakeEnvironment) -> tuple[str, str]:
    """A source, and a warehouse that was loaded from a clone of it."""
    env = make_environment(sparse_source)
    env.load_all()
    with server.superuser() as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {env.warehouse.database} RENAME TO sparse_warehouse")
    return sparse_source, "sparse_warehouse"


def test_histories(server: Sandbox, make_environment: MakeEnvironment, templates: tuple[str, str]) -> None:
    machine = type(
        "Histories",
        (Histories,),
        {"server": server, "make_environment": staticmethod(make_environment), "templates": templates},
    )
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=HISTORIES <= 3,  # everyday's run is the same every day; a long one looks around
            phases=(Phase.generate,),  # each try at a smaller history costs as much as a new one
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


@long_running
def test_a_driver_may_be_killed_at_each_of_its_statements(
    make_environment: MakeEnvironment, templates: tuple[str, str]
) -> None:
    """Not at random but at each in turn, until a load lives through: then it has as many as were tried."""
    env = make_environment(*templates)
    env.source("UPDATE payment SET amount = amount + 1 WHERE payment_id % 3 = 0")
    before = env.facts()
    after = [(*row[:8], row[8] + (row[0] % 3 == 0), *row[9:]) for row in before]
    for calls in itertools.count():
        try:
            with killed_after(calls):
                run_in_process("fact_sales", "--config", str(env.config))
            break
        except Killed:
            assert env.facts() in (before, after), f"half a table after {calls} calls"
    assert calls > 30
    assert env.facts() == after == env.source_facts()
    assert counts(env.load("fact_sales")) == expected_counts()
    assert env.staging_tables() == []
