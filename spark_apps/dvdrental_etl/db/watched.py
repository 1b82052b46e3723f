"""psycopg2's connection and cursor, whose calls are watched while they wait for the server."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from dvdrental_etl.db.watch import Call, Watch
from dvdrental_etl.limits import Limits


class WatchedConnection(Connection):
    """A connection. server_pid: the number of the server's session at the beginning."""

    server_pid: int | None = None
    _watch: Watch | None = None

    def watch(self, libpq: Mapping[str, Any], limits: Limits) -> None:
        """Begin to watch the calls of this connection. libpq: its parameters, for a second connection that looks."""
        self._watch = Watch(self, libpq, limits)
        self._watch.start()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A call that waits for the server. If the watch gives it up, its error says why."""
        if self._watch is None:
            yield
            return
        self._watch.begin(Call(time.monotonic()))
        try:
            yield
        except psycopg2.OperationalError as error:
            if self._watch.verdict:
                raise psycopg2.OperationalError(self._watch.verdict) from error
            raise
        finally:
            self._watch.begin(None)

    @contextmanager
    def busy_elsewhere(self) -> Iterator[None]:
        """A pause within a call: the server waits for this process."""
        if self._watch:
            self._watch.begin(None)
        yield
        if self._watch:
            self._watch.begin(Call(time.monotonic()))

    @property
    def has_pooler(self) -> bool:
        """Whether a connection pooler such as pgbouncer, which gives numbers of its own, stands before the server."""
        return self.server_pid not in (None, self.get_backend_pid())

    @property
    def waited_for(self) -> str:
        """Which sessions held the lock that the last call waited for; empty if none did."""
        return self._watch.blockers if self._watch else ""

    def commit(self) -> None:
        """Commit."""
        with self.waiting():
            super().commit()

    def rollback(self) -> None:
        """Roll back."""
        with self.waiting():
            super().rollback()

    def close(self) -> None:
        """Close, and end the watch."""
        if self._watch:
            self._watch.end()
        super().close()


class WatchedCursor(Cursor):
    """A cursor of a WatchedConnection."""

    connection: WatchedConnection

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - psycopg2's name
        """Run one statement."""
        with self.connection.waiting():
            super().execute(query, vars)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Some rows; a named cursor asks the server for them."""
        with self.connection.waiting():
            return super().fetchmany(size) if size else super().fetchmany()

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        """COPY from or to a file. The time that the file takes to be read is not the server's."""
        with self.connection.waiting():
            super().copy_expert(sql, _Pausing(file, self.connection), size)


class _Pausing:
    """A file whose reads are pauses of a COPY."""

    def __init__(self, file: Any, connection: WatchedConnection) -> None:
        self._file, self._connection = file, connection

    def read(self, size: int = -1) -> Any:
        with self._connection.busy_elsewhere():
            return self._file.read(size)

    def write(self, data: Any) -> Any:
        return self._file.write(data)
