"""A watch over the calls of one connection: it asks the server, on a second connection, what becomes of a long one.

- It waits for a lock: the log says whose. A driver of ours that holds it and has been idle is stopped or cut off, so
  its session is ended.
- The server does not answer any more, or waits for this process while this process waits for it: the network has
  become silent, and the call is given up. TCP alone would not notice where something on the way goes on to acknowledge.
"""

import logging
import os
import select
import socket
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import extensions

from dvdrental_etl.limits import Limits

APPLICATION = "dvdrental-etl watch"
#: The name of a driver's sessions.
DRIVER = "dvdrental-etl"
#: Sessions of drivers that load: plain, or with their attempt. Not a dry run, which is idle while Spark works.
DRIVERS = f"^{DRIVER}( [0-9a-f]{{8}})?$"

#: Seconds that the session has waited for this process; NULL if it does not.
STATE = """
    SELECT EXTRACT(epoch FROM clock_timestamp() - state_change)
    FROM pg_stat_activity
    WHERE pid = %(pid)s AND (state LIKE 'idle%%' OR wait_event = 'ClientRead')
"""
#: Who holds the lock that the session waits for; a driver that has been idle is ended.
BLOCKERS = """
    SELECT b.pid, b.usename, b.application_name, b.state, CASE
        WHEN b.application_name ~ %(drivers)s AND b.state LIKE 'idle in transaction%%' AND b.usename = current_user
            AND clock_timestamp() - b.state_change > %(idle)s * interval '1 second'
        THEN pg_terminate_backend(b.pid) END
    FROM unnest(pg_blocking_pids(%(pid)s)) AS p (pid)
    JOIN pg_stat_activity b ON b.pid = p.pid
    ORDER BY b.pid
"""
log = logging.getLogger("dvdrental_etl")


@dataclass(frozen=True)
class Call:
    """A call that waits for the server, since this time.monotonic()."""

    since: float


class Watch(threading.Thread):
    """A thread that looks every limits.look_seconds. verdict: why it gave a call up. blockers: seen by the last one."""

    def __init__(self, connection: Any, libpq: Mapping[str, Any], limits: Limits) -> None:
        super().__init__(name="watch", daemon=True)
        self._connection = weakref.ref(connection)
        self._pid, self._socket = connection.get_backend_pid(), connection.fileno()
        self._libpq, self._limits = libpq, limits
        self._place = f"{libpq.get('host')}:{libpq.get('port')}/{libpq.get('dbname')}"
        self._call: Call | None = None
        self._lock, self._over = threading.Lock(), threading.Event()
        self._heard = 0.0
        self.verdict = self.blockers = ""

    def begin(self, call: Call | None) -> None:
        """Watch this call; None: there is nothing to wait for."""
        with self._lock:
            if call:
                self.blockers = ""
            self._call = call

    def end(self) -> None:
        """The connection is closed."""
        self._over.set()

    def run(self) -> None:
        """Look at calls until the connection ends."""
        while not self._over.wait(self._limits.look_seconds) and self._connection() is not None:
            call = self._call
            if call and time.monotonic() - call.since >= self._limits.look_seconds:
                self._look(call)

    def _look(self, call: Call) -> None:
        limits, began = self._limits, time.monotonic()
        try:
            waited, blockers = self._ask(time.monotonic() + limits.connect_seconds)
            self._heard = time.monotonic()
        except TimeoutError:
            silent = time.monotonic() - max(call.since, self._heard)
            if silent >= limits.silent_seconds:
                self._give_up(call, f"no answer for {silent:.0f} s, and none to a second connection")
            return
        except (
            psycopg2.Error,
            OSError,
        ):  # no connection is free, or the server is down: the call itself will tell
            return
        seconds = began - call.since
        if blockers:
            self.blockers = "; ".join(blockers)
            log.info("%s: waits for a lock since %.0f s: %s", self._place, seconds, self.blockers)
        elif min(waited, seconds) >= limits.silent_seconds:
            self._give_up(call, f"no answer for {seconds:.0f} s, and the server waits for this process")

    def _ask(self, deadline: float) -> tuple[float, list[str]]:
        """For how long the server has waited for this process, in seconds; and who holds what the call waits for."""
        connection = self._connection()
        # A pooler gives sessions numbers that are not the server's.
        pid = self._pid if connection and not connection.has_pooler else -1
        known = {"pid": pid, "drivers": DRIVERS, "idle": self._limits.idle_seconds}
        looking = psycopg2.connect(**self._libpq, application_name=APPLICATION, async_=True)
        with closing(looking):
            _wait(looking, deadline)
            with looking.cursor() as cursor:
                cursor.execute(STATE, known)
                _wait(looking, deadline)
                waited = [float(seconds) for (seconds,) in cursor.fetchall()]
                cursor.execute(BLOCKERS, known)
                _wait(looking, deadline)
                return sum(waited), [_described(*row) for row in cursor.fetchall()]

    def _give_up(self, call: Call, why: str) -> None:
        """Cut the connection, unless the call has ended meanwhile: its socket may be another one's then."""
        with self._lock:
            if self._call is call:
                self.verdict = f"{why}: the network or the server has become silent"
                with socket.socket(fileno=os.dup(self._socket)) as ours:
                    ours.shutdown(socket.SHUT_RDWR)


def _described(pid: int, user: str, application: str, state: str | None, ended: bool | None) -> str:
    what = f"session {pid} ({application or 'no name'}, user {user}, {state or 'state hidden'})"
    return f"{what} holds it" + ("; its driver is stopped or cut off, so it is ended" if ended else "")


def _wait(connection: Any, deadline: float) -> None:
    """Wait for an asynchronous connection. Raises TimeoutError, and psycopg2.OperationalError."""
    while (state := connection.poll()) != extensions.POLL_OK:
        files = [connection.fileno()]
        wanted = (files, []) if state == extensions.POLL_READ else ([], files)
        if not any(select.select(*wanted, [], max(0.0, deadline - time.monotonic()))):
            raise TimeoutError
