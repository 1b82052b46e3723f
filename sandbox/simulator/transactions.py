"""Transactions of the simulator: short ones on one connection, long ones on a separate connection each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import TypeVar

from psycopg2.errors import DeadlockDetected, LockNotAvailable, NumericValueOutOfRange
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from sandbox.simulator.context import Context
from sandbox.simulator.moves import LONG_MOVES, MOVES
from sandbox.simulator.tally import Tally

# Less than PostgreSQL's deadlock_timeout (1 s): a move that waits for a long transaction of this process would
# otherwise wait forever.
LOCK_TIMEOUT = "250ms"
# A move that meets these is rolled back. The last: smallint keys, at a scale that nearly fills them.
CONFLICTS = (LockNotAvailable, DeadlockDetected, NumericValueOutOfRange)

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class LongTransaction:
    """A transaction that stays open on a separate connection.

    It ends at transaction number `due`, or at the end of the day after `opened` at the latest.
    """

    connection: Connection
    moves: tuple[str, ...]
    due: int
    opened: date


class _Undone(Exception):
    """Rolled back on purpose."""


class Transactions:
    """Makes moves in transactions, and counts them in `tally`.

    `connect` opens a connection as a role that may write to the source; `weights` are the shares of the moves that
    go into savepoints.
    """

    def __init__(self, connect: Callable[[], Connection], weights: Mapping[str, float]) -> None:
        self.tally = Tally()
        self.long: list[LongTransaction] = []
        self._connect, self._weights = connect, weights
        self._idle: list[Connection] = []
        self._main = self._connection()

    def value(self, statement: str) -> object:
        """The only value of a query, read in a separate transaction."""
        with self._main.cursor() as cursor:
            cursor.execute(statement)
            ((value,),) = cursor.fetchall()
        self._main.rollback()
        return value

    def run(self, context: Context, names: Sequence[str], ending: str) -> bool:
        """Make the moves in one short transaction; whether something was committed.

        `ending` is "commit", "rollback", or "savepoint": commit after two more moves in savepoints.
        """
        done: list[str] = []
        try:
            with context.attempt(), self._main.cursor() as cursor:
                for name in names:
                    self._make(cursor, context, name, done)
                if ending == "savepoint":
                    self._make_in_savepoints(cursor, context, done)
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

    def begin_long(self, context: Context, due: int) -> None:
        """Open a long transaction: a payment and three more moves, visible to others when it commits."""
        connection = self._idle.pop() if self._idle else self._connection()
        names = ["old_rental_paid", *context.random.choices(LONG_MOVES, k=3)]
        done: list[str] = []
        try:
            with context.attempt(), connection.cursor() as cursor:
                for name in names:
                    self._make(cursor, context, name, done)
        except CONFLICTS:
            connection.rollback()
            self._idle.append(connection)
            self.tally.undone.update(done)
            self.tally.rolled_back += 1
        else:
            self.long.append(LongTransaction(connection, tuple(done), due, context.now.date()))

    def commit_long(self, ended: Sequence[LongTransaction]) -> None:
        """Commit these long transactions, in the order in which they are due."""
        for long in sorted(ended, key=lambda long: long.due):
            long.connection.commit()
            self.long.remove(long)
            self._idle.append(long.connection)
            self.tally.done.update(long.moves)
            self.tally.committed += 1

    def disconnect(self) -> None:
        """Close all connections; open transactions are rolled back."""
        for connection in (self._main, *self._idle, *(long.connection for long in self.long)):
            connection.close()
        self.long = []

    def _make(self, cursor: Cursor, context: Context, name: str, done: list[str]) -> None:
        """Make one move; its name goes to `done` if it found a suitable row."""
        try:
            found = MOVES[name](cursor, context)
        except CONFLICTS:
            done.append(name)  # counted among what was undone
            raise
        if found:
            done.append(name)
        else:
            self.tally.idle[name] += 1

    def _make_in_savepoints(self, cursor: Cursor, context: Context, done: list[str]) -> None:
        """Make two moves, each in a savepoint; undo the second. Rows of both kinds then have their own xid."""
        for name, kept in zip(drawn(context.random, self._weights, 2), (True, False), strict=True):
            part: list[str] = []
            cursor.execute("SAVEPOINT part")
            try:
                with context.attempt():
                    self._make(cursor, context, name, part)
                    if not kept:
                        raise _Undone
            except (_Undone, *CONFLICTS):
                cursor.execute("ROLLBACK TO SAVEPOINT part")
                self.tally.undone.update(part)
            else:
                done += part
            cursor.execute("RELEASE SAVEPOINT part")

    def _connection(self) -> Connection:
        connection = self._connect()
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        connection.commit()  # else the first rollback would undo the setting
        return connection


def drawn(random: Random, shares: Mapping[Kind, float], count: int = 1) -> list[Kind]:
    """`count` keys, drawn with replacement; the probability of each is its share."""
    return random.choices(list(shares), list(shares.values()), k=count)
