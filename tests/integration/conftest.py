"""Integration tests: the jobs run for real, between a source and a warehouse of the embedded PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dvdrental_etl.extract import changes


@pytest.fixture(scope="session", autouse=True)
def _months_without_full_comparison() -> Iterator[None]:
    """The tests' nights lie months apart; what changes alone bring is what they are about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "DAYS_BETWEEN_FULL", 36_500)
        yield
