"""Faults that tests inject, each for a given number of times."""

from __future__ import annotations

import threading
from collections import Counter

from redshift_emulator.s3 import S3Faults


class Faults:
    """Faults of COMMIT and of S3."""

    def __init__(self, s3: S3Faults) -> None:
        self._s3 = s3
        self._pending: Counter[str] = Counter()
        self._lock = threading.Lock()

    def s3_fails(self, requests: int) -> None:
        """The next requests to S3, of any client, are answered with 503 Slow Down."""
        with self._s3.lock:
            self._s3.failures = requests

    def s3_slow(self, requests: int, seconds: float) -> None:
        """The next requests to S3 wait for `seconds` before they are answered."""
        with self._s3.lock:
            self._s3.delays, self._s3.seconds = requests, seconds

    def s3_loses_answers(self, requests: int) -> None:
        """The next requests that write to S3 are done, and answered as if they were not: 500 Internal Error."""
        with self._s3.lock:
            self._s3.lost_answers = requests

    def s3_holds(self, requests: int) -> None:
        """The next requests to S3, after they were received completely, wait until s3_lets_go()."""
        with self._s3.lock:
            self._s3.released.clear()
            self._s3.holds, self._s3.held = requests, []

    def s3_held(self) -> list[int]:
        """The client's port of each request that was held since the last call of s3_holds()."""
        with self._s3.lock:
            return list(self._s3.held)

    def s3_lets_go(self) -> None:
        """The end of s3_holds()."""
        with self._s3.lock:
            self._s3.holds = 0
            self._s3.released.set()

    def s3_is_quiet(self) -> bool:
        """Whether S3 has answered all requests, those of disconnected clients included."""
        with self._s3.lock:
            return self._s3.under_way == 0

    def cut_before_commit(self, times: int = 1) -> None:
        """The client's connection breaks at COMMIT, and nothing is committed."""
        self._inject("cut before commit", times)

    def cut_after_commit(self, times: int = 1) -> None:
        """The client's connection breaks at COMMIT, and the transaction is committed."""
        self._inject("cut after commit", times)

    def conflict_at_commit(self, times: int = 1) -> None:
        """COMMIT fails with error 1023, as after a conflict with another transaction."""
        self._inject("conflict", times)

    def _inject(self, fault: str, times: int) -> None:
        with self._lock:
            self._pending[fault] += times

    def is_due(self, fault: str) -> bool:
        """Whether this fault is to happen now; it counts as done then."""
        with self._lock:
            happens = self._pending[fault] > 0
            self._pending[fault] -= 1 if happens else 0
            return happens
