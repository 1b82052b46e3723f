"""A source that never rests: business days, at a pace by the real clock, in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import date
from types import TracebackType

from psycopg2.extensions import connection as Connection

from sandbox.simulator.days import Business, Tally
from sandbox.simulator.moves import WEIGHTS


class Live:
    """About `rate` short transactions a second, day after business day, from `with` until its end.

    On exit it stops, commits what is open and raises what went wrong in its thread. After an error the open
    transactions are rolled back. Which moves are made depends on the seed, how many of them on the clock.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        rate: float,
        seed: int,
        start: date | None = None,
        weights: Mapping[str, float] = WEIGHTS,
    ) -> None:
        self._business = Business(connect, seed, start, weights)
        self._pause = 1 / rate
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)

    def __enter__(self) -> Live:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        if self._error is not None and kind is None:
            raise self._error

    @property
    def committed(self) -> int:
        """How many transactions were committed up to now."""
        return self.tally.committed

    @property
    def tally(self) -> Tally:
        """What happened up to now."""
        return self._business.tally

    def wait(self, seconds: float) -> bool:
        """Let it run for so long; False if it broke off meanwhile."""
        self._thread.join(seconds)
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            with self._business:
                self._go_on()
        except BaseException as error:
            self._error = error

    def _go_on(self) -> None:
        due = time.monotonic()
        while True:
            for _ in self._business.steps():
                due += self._pause
                if self._stopped.wait(max(0.0, due - time.monotonic())):
                    return
