"""Business days in a thread, at a given rate of transactions per second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import date
from types import TracebackType

from psycopg2.extensions import connection as Connection

from sandbox.simulator.days import Business
from sandbox.simulator.moves import WEIGHTS
from sandbox.simulator.tally import Tally


class Live:
    """About `rate` short transactions a second, while the `with` block runs.

    On exit it stops, commits open transactions and raises the error of its thread, if any. After an error the open
    transactions are rolled back. The seed decides which moves are made, the clock how many.
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
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        """Stop the thread; raises its error unless the block itself failed."""
        self._stopped.set()
        self._thread.join()
        if self._error is not None and kind is None:
            raise self._error

    @property
    def committed(self) -> int:
        """How many transactions were committed so far."""
        return self.tally.committed

    @property
    def tally(self) -> Tally:
        """Counts of what happened so far."""
        return self._business.tally

    def wait(self, seconds: float) -> bool:
        """Wait for this time while it runs; False if the thread has ended."""
        self._thread.join(seconds)
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            with self._business:
                self._simulate()
        except BaseException as error:
            self._error = error

    def _simulate(self) -> None:
        due = time.monotonic()
        while True:
            for _ in self._business.steps():
                due += self._pause
                if self._stopped.wait(max(0.0, due - time.monotonic())):
                    return
