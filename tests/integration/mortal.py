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

    connect = psycopg2.connect

    def connect_mortally(*dsn: str, **parameters: Any) -> Any:
        if parameters.get("application_name") != "dvdrental-etl":
            return connect(*dsn, **parameters)
        life.pass_moment()
        made = connect(*dsn, **parameters, connection_factory=MortalConnection, cursor_factory=MortalCursor)
        life.connections.append(made)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg2, "connect", connect_mortally)
        try:
            yield
        finally:
            if life.moments < 0:  # whatever the job made of it: a dead process makes nothing of it
                raise Killed
