"""Interrupted jobs: a driver can be killed before each of its statements, and before and after each commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from dvdrental_etl.db.watched import WatchedConnection, WatchedCursor


class Killed(BaseException):
    """Derives from BaseException, so that no job catches it: after a kill -9 no process could."""


class Countdown:
    """The calls of the database that a driver has left. After the last one, its connections are closed."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        self.connections: list[Connection] = []

    def count_down(self) -> None:
        self.calls -= 1
        if self.calls < 0:
            for connection in self.connections:
                connection.close()
            raise Killed


@contextmanager
def killed_after(calls: int) -> Iterator[None]:
    """Kill the jobs that run inside after this many calls of the database. Raises Killed if they were not enough."""
    countdown = Countdown(calls)

    class CountingCursor(WatchedCursor):
        def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - psycopg2's name
            countdown.count_down()
            super().execute(query, vars)

    class CountingConnection(WatchedConnection):
        def commit(self) -> None:
            countdown.count_down()
            super().commit()
            countdown.count_down()  # committed, but not reported

    def make(connect: Any, parameters: Any) -> Any:
        countdown.count_down()
        made = connect(
            **parameters | {"connection_factory": CountingConnection, "cursor_factory": CountingCursor}
        )
        countdown.connections.append(made)
        return made

    with patched_connect(make):
        try:
            yield
        finally:
            if countdown.calls < 0:  # whatever the job did about it: a killed process does nothing
                raise Killed


@contextmanager
def connection_lost_at_commit(number: int, *, before: bool) -> Iterator[list[int]]:
    """A driver loses its connection at its commit of this number: before it, or after it and before the answer.

    Yields a list that grows with every commit.
    """
    commits: list[int] = []

    class LosingConnection(WatchedConnection):
        def commit(self) -> None:
            commits.append(len(commits))
            if commits[-1] != number:
                super().commit()
                return
            if not before:
                super().commit()
            self.close()
            raise psycopg2.OperationalError("server closed the connection unexpectedly")

    def make(connect: Any, parameters: Any) -> Any:
        return connect(**parameters | {"connection_factory": LosingConnection})

    with patched_connect(make):
        yield commits


@contextmanager
def patched_connect(make: Any) -> Iterator[None]:
    """Connections of jobs, and no others, are made by make(connect, parameters)."""
    connect = psycopg2.connect

    def chosen(*dsn: str, **parameters: Any) -> Any:
        if parameters.get("application_name") != "dvdrental-etl":
            return connect(*dsn, **parameters)
        return make(connect, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg2, "connect", chosen)
        yield
