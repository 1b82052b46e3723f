"""The simulator without a database: command line, weights, clock, and what a rollback forgets."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, time, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from psycopg2.errors import LockNotAvailable

from sandbox.arguments import parser
from sandbox.errors import SandboxError
from sandbox.simulator import transactions
from sandbox.simulator.context import MEMORY, Change, Context, Removed
from sandbox.simulator.days import CLOSES, ENDINGS, FEWEST, LONG_PER_DAY, MOST, OPENS, Business
from sandbox.simulator.moves import LONG_MOVES, MOVES, WEIGHTS
from tests.support.paths import ROOT

START = date(2007, 5, 15)


class Connection:
    """Takes any SQL, counts commits, and answers each query with one number."""

    def __init__(self, answer=600):
        self.answer, self.commits, self.rollbacks, self.closed, self.statements = answer, 0, 0, False, []

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return None

    def execute(self, statement, _parameters=None):
        self.statements.append(statement)

    def fetchall(self):
        return [(self.answer,)]

    def commit(self):
        self.commits += 1

    def rollback(self):
        self.rollbacks += 1

    def close(self):
        self.closed = True


@pytest.fixture
def timestamps(monkeypatch):
    """Every move is a stand-in that finds something; the times at which they were made."""
    seen = []

    def move(_cursor, context):
        seen.append(context.now)
        return True

    monkeypatch.setattr(transactions, "MOVES", dict.fromkeys(MOVES, move))
    return seen


@pytest.fixture
def opened():
    """The connections that a business opened."""
    return []


@pytest.fixture
def business(opened, timestamps):
    return Business(lambda: opened.append(Connection()) or opened[-1], 1, START)


def simulate(*arguments):
    command = [sys.executable, "-m", "sandbox", "simulate", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


# The command line.


def test_days_and_live_from_the_command_line():
    asked = parser().parse_args(["simulate", "--days", "7", "--seed", "1", "--start", "2007-06-01"])
    assert (asked.days, asked.live, asked.seed, asked.start) == (7, None, 1, date(2007, 6, 1))
    asked = parser().parse_args(["simulate", "--live", "2.5", "--seconds", "30"])
    assert (asked.days, asked.live, asked.seconds, asked.seed, asked.start) == (None, 2.5, 30, 2007, None)


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "--days 0",
        "--days 1.5",
        "--days 1 --live 1",
        "--days 1 --seconds 1",
        "--live 1",
        "--live 0 --seconds 1",
        "--live nan --seconds 1",
        "--days 1 --start yesterday",
        "--days 1 --seed x",
    ],
)
def test_wrong_usage_is_exit_code_2(arguments):
    called = simulate(*arguments.split())
    assert called.returncode == 2
    assert called.stderr.startswith("usage: python -m sandbox")


def test_no_sandbox_is_one_line(tmp_path):
    called = simulate("--days", "1", "--dir", str(tmp_path / "x"))
    assert (called.returncode, called.stdout) == (1, "")
    assert called.stderr == f"sandbox: the sandbox in {tmp_path / 'x'} is down: start it with `up`\n"


# The weights.


def test_every_move_has_a_weight_and_no_weight_is_of_no_move():
    assert set(WEIGHTS) == set(MOVES)
    assert min(WEIGHTS.values()) > 0


def test_as_many_copies_come_back_as_go_out():
    assert WEIGHTS["rental_returned"] > WEIGHTS["rental_opened"] + WEIGHTS["customer_joined"]


def test_a_long_transaction_deletes_and_restores_nothing():
    assert set(LONG_MOVES) <= set(MOVES)
    assert not [name for name in LONG_MOVES if "deleted" in name or "restored" in name or "retired" in name]


def test_every_move_has_a_docstring_and_its_own_name():
    assert all(move.__doc__ and move.__name__ == name for name, move in MOVES.items())


# The clock.


def answering(answer) -> Any:
    """What makes connections that answer so."""
    return partial(Connection, answer=answer)


def test_a_day_has_business_hours_and_time_only_goes_forward(business, timestamps):
    business.day(30)
    assert timestamps == sorted(timestamps)
    assert {moment.date() for moment in timestamps} == {START}
    assert time(9) <= timestamps[0].time() < time(10)
    assert timestamps[-1] == datetime.combine(
        START, CLOSES
    )  # the payment by which the next run finds the day
    assert business.context.now == datetime.combine(START + timedelta(days=1), OPENS)
    assert business.today == START + timedelta(days=1)


def test_the_first_day_is_the_one_after_the_latest_payment(timestamps):
    assert Business(answering(START), 1).today == START
    assert Business(answering(START), 1, date(2009, 1, 1)).today == date(2009, 1, 1)


def test_a_source_without_payments_has_no_last_day(opened):
    with pytest.raises(SandboxError, match="no payments"):
        Business(lambda: opened.append(Connection(answer=None)) or opened[-1], 1)
    assert [connection.closed for connection in opened] == [True]


@pytest.mark.parametrize(("customers", "transactions"), [(7, FEWEST), (600, 100), (600_000, MOST)])
def test_a_larger_business_has_longer_days_up_to_a_point(timestamps, customers, transactions):
    business = Business(answering(customers), 1, START)
    assert sum(1 for _ in business.steps()) == transactions


def test_equal_seeds_draw_equal_numbers_and_each_day_others(opened, timestamps):
    def tallies(seed, start):
        business = Business(answering(600), seed, start)
        business.day(50)
        return business.tally.done

    assert tallies(1, START) == tallies(1, START)
    assert tallies(1, START) != tallies(2, START)
    assert tallies(1, START) != tallies(1, START + timedelta(days=1))


# Transactions.


def test_one_long_transaction_ends_a_day_later(business, opened):
    def open_since():
        return [long.opened for long in business.transactions.long]

    business.day(40)
    assert open_since()
    for day in range(1, 6):
        business.day(40)
        assert set(open_since()) == {START + timedelta(days=day)}
    business.close()
    assert open_since() == []
    assert all(connection.closed for connection in opened)
    assert len(opened) <= 1 + 2 * LONG_PER_DAY  # connections are used again


def test_leaving_the_block_commits_what_is_open(business, opened):
    with business:
        business.day(40)
        held = [long.connection for long in business.transactions.long]
        commits = [connection.commits for connection in held]
        assert held
    assert [connection.commits for connection in held] == [count + 1 for count in commits]
    assert all(connection.closed for connection in opened)


def test_an_error_rolls_back_what_is_open(business, opened):
    business.day(40)
    held = [long.connection for long in business.transactions.long]
    commits = [connection.commits for connection in held]
    with pytest.raises(RuntimeError), business:
        raise RuntimeError
    assert held
    assert [connection.commits for connection in held] == commits
    assert all(connection.closed for connection in opened)


def test_some_transactions_are_rolled_back_and_some_have_savepoints(business, opened):
    business.day(300)
    main = opened[0]
    share = business.tally.rolled_back / 300
    assert 0.5 < share / (ENDINGS["rollback"] / sum(ENDINGS.values())) < 2
    assert main.rollbacks == business.tally.rolled_back
    kept, undone = (main.statements.count(f"{what} SAVEPOINT part") for what in ("RELEASE", "ROLLBACK TO"))
    assert kept == 2 * undone > 0  # each has two savepoints, of which the second is undone


def test_a_conflict_is_an_undone_move_and_no_error(business, opened, monkeypatch):
    def conflict(_cursor, context):
        context.remember(Removed(()))
        raise LockNotAvailable

    monkeypatch.setattr(transactions, "MOVES", {"rental_paid": conflict})
    assert business.move("rental_paid") is False
    assert business.tally.undone == {"rental_paid": 1}
    assert opened[0].rollbacks == 1
    assert business.context.removed == []


def test_a_move_without_anything_to_do_is_no_transaction(business, monkeypatch):
    monkeypatch.setattr(transactions, "MOVES", {"rental_paid": lambda _c, _s: False})
    assert business.move("rental_paid") is False
    assert (business.tally.idle, business.tally.committed) == ({"rental_paid": 1}, 0)


# Memory.


def test_a_rollback_forgets_what_was_deleted_and_changed_in_it():
    context = Context(Random(1), datetime(2007, 5, 15))
    kept = Removed((("payment", ["{}"]),))
    context.remember(kept)

    def fail():
        with context.attempt():
            context.remember(Removed(()))
            context.remember(Change("film", 1, {}))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (context.removed, context.changed) == ([kept], [])


def test_memory_does_not_grow_for_ever():
    context = Context(Random(1), datetime(2007, 5, 15))
    for key in range(MEMORY + 5):
        context.remember(Change("film", key, {}))
    assert [context.changed[0].key, context.changed[-1].key] == [5, MEMORY + 4]
