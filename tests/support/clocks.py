"""A clock that is wrong: libfaketime shifts that of a PostgreSQL server which is started with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
needs_faketime = pytest.mark.skipif(LIBRARY is None, reason="no libfaketime: apt install libfaketime")
#: Time that passes is left alone. Only programs in C get this far: a Python or Java waits for ever where it should wait
#: for a second, since libfaketime 0.9.10 knows neither sem_clockwait nor absolute sleeps on the monotonic clock.
VARIABLES = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1"}


class Clock:
    """The clock of processes that were started within `used`: it can be set while they run."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set("+0")

    def set(self, shift: str) -> None:
        """Set it to so much after the right time, or before it."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{shift}\n")
        new.chmod(0o644)  # a server has a user of its own
        new.replace(self._file)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Processes that start inside have this clock."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in VARIABLES.items():
                patch.setenv(name, value)
            patch.setenv("FAKETIME_TIMESTAMP_FILE", str(self._file))
            yield


@contextmanager
def clock() -> Iterator[Clock]:
    """A clock that is right."""
    with tempfile.TemporaryDirectory(prefix="dvdrental-clock-") as folder:
        Path(folder).chmod(0o755)
        yield Clock(Path(folder) / "shift")
