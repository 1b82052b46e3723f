"""Business days: many short transactions, some rolled back, and a few long ones that commit out of order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from random import Random
from types import TracebackType

from psycopg2.extensions import connection as Connection

from sandbox.errors import SandboxError
from sandbox.simulator.context import Context
from sandbox.simulator.moves import WEIGHTS
from sandbox.simulator.tally import Tally
from sandbox.simulator.transactions import Transactions, drawn

OPENS, CLOSES = time(9), time(21)
FEWEST, MOST = 20, 1_000  # transactions a day; between these limits, one for every six active customers
CUSTOMERS_PER_TRANSACTION = 6
LONG_PER_DAY = 3  # the last of them stays open until the next day
# Shares of the endings of transactions. "savepoint" commits too.
ENDINGS = {"commit": 84, "rollback": 7, "savepoint": 9}
SIZES = {1: 80, 2: 15, 3: 5}  # shares of the number of moves in a transaction


class Business:
    """Simulates business days in one source. Equal data, seed and start give equal content.

    `connect` opens a connection as a role that may write to the source; `start` is the first business day,
    by default the day after the latest payment. As a context manager it commits open transactions at the end, and
    rolls them back after an error. Raises SandboxError if the source has no payments and `start` is None.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        seed: int,
        start: date | None = None,
        weights: Mapping[str, float] = WEIGHTS,
    ) -> None:
        self._seed, self._weights = seed, weights
        self._made = 0
        self.transactions = Transactions(connect, weights)
        try:
            self.context = Context(*self._morning(start or self._day_after_latest_payment()))
        except BaseException:
            self.abandon()
            raise

    def __enter__(self) -> Business:
        """The business itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        """Commit open transactions, or roll them back after an error."""
        if kind is None:
            self.close()
        else:
            self.abandon()

    @property
    def tally(self) -> Tally:
        """Counts of what happened so far."""
        return self.transactions.tally

    @property
    def today(self) -> date:
        """The current business day, or the next one if it has not begun."""
        return self.context.now.date()

    def move(self, name: str) -> bool:
        """Make and commit one move, a minute after the last one; False if it found no suitable row."""
        self.context.now += timedelta(minutes=1)
        return self.transactions.run(self.context, [name], "commit")

    def day(self, transactions: int | None = None) -> int:
        """Simulate one whole business day; how many transactions it committed.

        `transactions` is how many short ones are attempted, 1 or more; by default a sixth of the active customers.
        """
        before = self.tally.committed
        for _ in self.steps(transactions):
            pass
        return self.tally.committed - before

    def steps(self, transactions: int | None = None) -> Iterator[None]:
        """The same day as a generator: it yields after each short transaction."""
        count = self._transactions_a_day() if transactions is None else transactions
        random, today = self.context.random, self.today
        opening = sorted(random.randrange(count) for _ in range(LONG_PER_DAY))
        opens = datetime.combine(today, OPENS)
        step = (datetime.combine(today, CLOSES) - opens) / count
        for place in range(count):
            self.context.now = opens + step * (place + random.random())
            self._made += 1
            made = self._made
            self.transactions.commit_long([long for long in self.transactions.long if long.due <= made])
            for nth in [nth for nth, at in enumerate(opening) if at == place]:
                due = random.randint(1, count) + (count if nth == LONG_PER_DAY - 1 else 0)
                self.transactions.begin_long(self.context, due=made + due)
            (size,), (ending,) = drawn(random, SIZES), drawn(random, ENDINGS)
            self.transactions.run(self.context, drawn(random, self._weights, size), ending)
            yield
        self._end_day()

    def close(self) -> None:
        """Commit open transactions, and disconnect."""
        self.transactions.commit_long(self.transactions.long)
        self.abandon()

    def abandon(self) -> None:
        """Disconnect; open transactions are rolled back."""
        self.transactions.disconnect()

    def _morning(self, day: date) -> tuple[Random, datetime]:
        """Random numbers and opening time of a day. Seeded by the day: a second run does not repeat the first."""
        return Random(f"{self._seed} {day}"), datetime.combine(day, OPENS)

    def _end_day(self) -> None:
        """Commit yesterday's long transactions, and make a payment, by which the next run finds this day."""
        today = self.today
        self.context.now = datetime.combine(today, CLOSES)
        self.transactions.commit_long([long for long in self.transactions.long if long.opened < today])
        self.transactions.run(self.context, ["old_rental_paid"], "commit")
        self.context.random, self.context.now = self._morning(today + timedelta(days=1))

    def _transactions_a_day(self) -> int:
        customers = self.transactions.value("SELECT count(*) FROM customer WHERE active = 1")
        assert isinstance(customers, int)
        return max(FEWEST, min(MOST, customers // CUSTOMERS_PER_TRANSACTION))

    def _day_after_latest_payment(self) -> date:
        day = self.transactions.value("SELECT max(payment_date)::date + 1 FROM payment")
        if day is None:
            raise SandboxError("the source has no payments, so no last day: give the first business day")
        assert isinstance(day, date)
        return day
