"""Mishaps that a test orders, each for the next so many times."""

from __future__ import annotations

import threading
from collections import Counter

from redshift_emulator.s3 import Mischief


class Faults:
    """Commits that go wrong, and an S3 that does."""

    def __init__(self, s3: Mischief) -> None:
        self._s3 = s3
        self._ordered: Counter[str] = Counter()
        self._lock = threading.Lock()

    def s3_fails(self, requests: int) -> None:
        """The next requests to S3, anybody's, are answered with 503 Slow Down."""
        with self._s3.lock:
            self._s3.failures = requests

    def s3_slow(self, requests: int, seconds: float) -> None:
        """The next requests to S3 wait so long before they are looked at."""
        with self._s3.lock:
            self._s3.delays, self._s3.seconds = requests, seconds

    def s3_holds(self, requests: int) -> None:
        """The next requests to S3 wait, once all of them is here, until s3_lets_go()."""
        with self._s3.lock:
            self._s3.may_go.clear()
            self._s3.holds, self._s3.held = requests, 0

    def s3_held(self) -> int:
        """How many requests were held since that was ordered."""
        with self._s3.lock:
            return self._s3.held

    def s3_lets_go(self) -> None:
        """The end of s3_holds()."""
        with self._s3.lock:
            self._s3.holds = 0
            self._s3.may_go.set()

    def s3_is_quiet(self) -> bool:
        """Whether S3 has answered all that it was asked, also those who are no longer there to hear it."""
        with self._s3.lock:
            return self._s3.under_way == 0

    def cut_before_commit(self, times: int = 1) -> None:
        """The client's connection breaks when it says COMMIT, and nothing was committed."""
        self._order("cut before commit", times)

    def cut_after_commit(self, times: int = 1) -> None:
        """The client's connection breaks when it says COMMIT, and all was committed."""
        self._order("cut after commit", times)

    def conflict_at_commit(self, times: int = 1) -> None:
        """COMMIT ends with error 1023, as if another transaction had come between."""
        self._order("conflict", times)

    def _order(self, what: str, times: int) -> None:
        with self._lock:
            self._ordered[what] += times

    def takes(self, what: str) -> bool:
        """Whether it is to happen now; counts it."""
        with self._lock:
            happens = self._ordered[what] > 0
            self._ordered[what] -= 1 if happens else 0
            return happens
