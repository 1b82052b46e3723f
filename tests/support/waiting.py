"""Waiting for a condition; and tests that take long."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

DEADLINE = 180.0
RUN_ALL = "DVDRENTAL_ALL" in os.environ
#: For tests that take a minute or more; similar ones run every day.
long_running = pytest.mark.skipif(not RUN_ALL, reason="long: DVDRENTAL_ALL=1 runs it")


def until(ask: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    """Ask again and again until the answer is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"after {seconds:.0f} s still not: {what}")
