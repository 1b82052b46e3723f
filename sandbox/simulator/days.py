"""Business days: many short transactions, some of them undone, and a few long ones that commit out of order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from types import TracebackType
from typing import TypeVar

from psycopg2.errors import DeadlockDetected, LockNotAvailable, NumericValueOutOfRange
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from sandbox.errors import SandboxError
from sandbox.simulator.moves import LONG_MOVES, MOVES, WEIGHTS
from sandbox.simulator.scene import Scene

OPENS, CLOSES = time(9), time(21)
FEWEST, MOST = 20, 1_000  # transactions a day; between them one for every six open customers
CUSTOMERS_PER_TRANSACTION = 6
LONG_PER_DAY = 3  # the last of them stays open until the next day
# Less than PostgreSQL's deadlock_timeout (1 s): whoever waits for a long transaction of ours would wait for ever.
LOCK_TIMEOUT = "250ms"
# A move that meets these is given up. The last: smallint keys, at a scale that nearly fills them.
CONFLICTS = (LockNotAvailable, DeadlockDetected, NumericValueOutOfRange)
# How transactions end, and how often: a savepoint is part of one that commits.
ENDINGS = {"commit": 84, "rollback": 7, "savepoint": 9}
SIZES = {1: 80, 2: 15, 3: 5}  # moves a transaction

Kind = TypeVar("Kind")


@dataclass
class Tally:
    """What happened. Moves: committed, rolled back or given up, and asked for without anything to do."""

    done: Counter[str] = field(default_factory=Counter)
    undone: Counter[str] = field(default_factory=Counter)
    idle: Counter[str] = field(default_factory=Counter)
    committed: int = 0
    rolled_back: int = 0


@dataclass(frozen=True)
class Long:
    """A transaction that stays open on its own connection until transaction number `due`, or the end of the day
    after `opened` at the latest."""

    connection: Connection
    moves: tuple[str, ...]
    due: int
    opened: date


class _Undone(Exception):
    """Rolled back on purpose."""


class Business:
    """Lets days pass in one source. Equal data, seed and start give equal content.

    `connect` opens a connection as a role that may write to the source; `start` is the first business day,
    by default the one after the latest payment. As a context manager it commits what is open at the end, and
    rolls it back after an error. Raises SandboxError if the source has no payments and `start` is None.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        seed: int,
        start: date | None = None,
        weights: Mapping[str, float] = WEIGHTS,
    ) -> None:
        self.tally = Tally()
        self._connect, self._seed, self._weights = connect, seed, weights
        self._idle: list[Connection] = []
        self._long: list[Long] = []
        self._made = 0
        self._main = self._connection()
        try:
            self.scene = Scene(*self._morning(start or self._day_after_the_last()))
        except BaseException:
            self.abandon()
            raise

    def __enter__(self) -> Business:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    @property
    def today(self) -> date:
        """The business day that is running, or begins next."""
        return self.scene.now.date()

    def move(self, name: str) -> bool:
        """One move, committed, a minute later than the last; False if there was nothing to do."""
        self.scene.now += timedelta(minutes=1)
        return self._transaction([name], "commit")

    def day(self, transactions: int | None = None) -> int:
        """One whole business day; how many transactions it committed.

        `transactions` is how many short ones are tried, 1 or more; by default about a sixth of the open customers.
        """
        before = self.tally.committed
        for _ in self.steps(transactions):
            pass
        return self.tally.committed - before

    def steps(self, transactions: int | None = None) -> Iterator[None]:
        """The same day, transaction by transaction: it goes on when the next one is asked for."""
        count = self._usual() if transactions is None else transactions
        random, today = self.scene.random, self.today
        opening = sorted(random.randrange(count) for _ in range(LONG_PER_DAY))
        opens = datetime.combine(today, OPENS)
        step = (datetime.combine(today, CLOSES) - opens) / count
        for place in range(count):
            self.scene.now = opens + step * (place + random.random())
            self._made += 1
            self._finish([long for long in self._long if long.due <= self._made])
            for nth in [nth for nth, at in enumerate(opening) if at == place]:
                due = random.randint(1, count) + (count if nth == LONG_PER_DAY - 1 else 0)
                self._begin(due=self._made + due)
            (size,), (ending,) = _drawn(random, SIZES), _drawn(random, ENDINGS)
            self._transaction(_drawn(random, self._weights, size), ending)
            yield
        self._end_day()

    def close(self) -> None:
        """Commit what is open, and disconnect."""
        self._finish(self._long)
        self.abandon()

    def abandon(self) -> None:
        """Disconnect; what is open is rolled back."""
        for connection in (self._main, *self._idle, *(long.connection for long in self._long)):
            connection.close()
        self._long = []

    def _morning(self, day: date) -> tuple[Random, datetime]:
        """A day has dice of its own: a second run does not repeat the first one's throws."""
        return Random(f"{self._seed} {day}"), datetime.combine(day, OPENS)

    def _end_day(self) -> None:
        """Commit yesterday's long transactions, and make a payment: the next run finds the day by it."""
        today = self.today
        self.scene.now = datetime.combine(today, CLOSES)
        self._finish([long for long in self._long if long.opened < today])
        self._transaction(["old_rental_paid"], "commit")
        self.scene.random, self.scene.now = self._morning(today + timedelta(days=1))

    def _transaction(self, names: Sequence[str], ending: str) -> bool:
        """Make the moves in a transaction of the main connection; whether something was committed."""
        done: list[str] = []
        try:
            with self.scene.attempt(), self._main.cursor() as cursor:
                for name in names:
                    self._make(cursor, name, done)
                if ending == "savepoint":
                    self._subtransaction(cursor, done)
                if ending == "rollback":
                    raise _Undone
        except (_Undone, *CONFLICTS):
            self._main.rollback()
            self.tally.undone.update(done)
            self.tally.rolled_back += 1
            return False
        self._main.commit()
        self.tally.done.update(done)
        self.tally.committed += bool(done)
        return bool(done)

    def _make(self, cursor: Cursor, name: str, done: list[str]) -> None:
        """One move; its name goes to `done` if it found something to do."""
        try:
            found = MOVES[name](cursor, self.scene)
        except CONFLICTS:
            done.append(name)  # to be counted among what was undone
            raise
        if found:
            done.append(name)
        else:
            self.tally.idle[name] += 1

    def _subtransaction(self, cursor: Cursor, done: list[str]) -> None:
        """Two more moves, each in a savepoint; the second one is undone. Then both kinds of rows have own xids."""
        for name, kept in zip(_drawn(self.scene.random, self._weights, 2), (True, False), strict=True):
            part: list[str] = []
            cursor.execute("SAVEPOINT part")
            try:
                with self.scene.attempt():
                    self._make(cursor, name, part)
                    if not kept:
                        raise _Undone
            except (_Undone, *CONFLICTS):
                cursor.execute("ROLLBACK TO SAVEPOINT part")
                self.tally.undone.update(part)
            else:
                done += part
            cursor.execute("RELEASE SAVEPOINT part")

    def _begin(self, due: int) -> None:
        """Open a long transaction: a payment, and a few moves more, to be seen when it commits."""
        connection = self._idle.pop() if self._idle else self._connection()
        names = ["old_rental_paid", *self.scene.random.choices(LONG_MOVES, k=3)]
        done: list[str] = []
        try:
            with self.scene.attempt(), connection.cursor() as cursor:
                for name in names:
                    self._make(cursor, name, done)
        except CONFLICTS:
            connection.rollback()
            self._idle.append(connection)
            self.tally.undone.update(done)
            self.tally.rolled_back += 1
        else:
            self._long.append(Long(connection, tuple(done), due, self.today))

    def _finish(self, due: Sequence[Long]) -> None:
        """Commit these long transactions, in the order in which they are due."""
        for long in sorted(due, key=lambda long: long.due):
            long.connection.commit()
            self._long.remove(long)
            self._idle.append(long.connection)
            self.tally.done.update(long.moves)
            self.tally.committed += 1

    def _usual(self) -> int:
        """How many transactions a day tries."""
        with self._main.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM customer WHERE active = 1")
            ((customers,),) = cursor.fetchall()
        self._main.rollback()
        return max(FEWEST, min(MOST, customers // CUSTOMERS_PER_TRANSACTION))

    def _day_after_the_last(self) -> date:
        with self._main.cursor() as cursor:
            cursor.execute("SELECT max(payment_date)::date + 1 FROM payment")
            ((day,),) = cursor.fetchall()
        self._main.rollback()
        if day is None:
            raise SandboxError("the source has no payments, so no last day: give the first business day")
        return day

    def _connection(self) -> Connection:
        connection = self._connect()
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        connection.commit()  # or the setting would go with the first rollback
        return connection


def _drawn(random: Random, shares: Mapping[Kind, float], count: int = 1) -> list[Kind]:
    """So many of the keys, each as often as its share says."""
    return random.choices(list(shares), list(shares.values()), k=count)
