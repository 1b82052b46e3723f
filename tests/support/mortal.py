"""Jobs that die: every statement and every commit of a driver is a moment at which its process may be killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor


class Killed(BaseException):
    """Nothing in a job may catch this and go on working: after a kill -9 there is no process that could."""


class Life:
    """How many moments are left to a driver. When the last has come, the server sees its connections break off."""

    def __init__(self, moments: int) -> None:
        self.moments = moments
        self.connections: list[Connection] = []

    def pass_moment(self) -> None:
        self.moments -= 1
        if self.moments < 0:
            for connection in self.connections:
                connection.close()
            raise Killed


@contextmanager
def dies_after(moments: int) -> Iterator[None]:
    """Jobs that run inside have so many moments to live. Raises Killed when these were not enough."""
    life = Life(moments)

    class MortalCursor(Cursor):
        def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - psycopg2's name
            life.pass_moment()
            super().execute(query, vars)

    class MortalConnection(Connection):
        def commit(self) -> None:
            life.pass_moment()
            super().commit()
            life.pass_moment()  # it is committed, and nobody was told

    def make(connect: Any, parameters: Any) -> Any:
        life.pass_moment()
        made = connect(**parameters, connection_factory=MortalConnection, cursor_factory=MortalCursor)
        life.connections.append(made)
        return made

    with drivers_connect_by(make):
        try:
            yield
        finally:
            if life.moments < 0:  # whatever the job made of it: a dead process makes nothing of it
                raise Killed


@contextmanager
def cut_at_commit(number: int, *, before: bool) -> Iterator[list[int]]:
    """The connection of a driver breaks at its commit of that number: before it, or after it and before the answer.

    Gives a list that grows with every commit.
    """
    commits: list[int] = []

    class CutConnection(Connection):
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
        return connect(**parameters, connection_factory=CutConnection)

    with drivers_connect_by(make):
        yield commits


@contextmanager
def drivers_connect_by(make: Any) -> Iterator[None]:
    """Connections of jobs, and of nobody else, are made by make(connect, parameters)."""
    connect = psycopg2.connect

    def chosen(*dsn: str, **parameters: Any) -> Any:
        if parameters.get("application_name") != "dvdrental-etl":
            return connect(*dsn, **parameters)
        return make(connect, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg2, "connect", chosen)
        yield
