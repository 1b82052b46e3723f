"""One moment of a database, as verify reads it: a read-only transaction that sees nothing of what happens meanwhile."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from types import TracebackType
from typing import Any

import psycopg2
from psycopg2 import sql

from dvdrental_etl.config import Database, Warehouse
from dvdrental_etl.db import redshift
from dvdrental_etl.errors import EtlError

Query = str | sql.Composable
Rows = Iterator[tuple[Any, ...]]
#: By name: numbers and names of our own. By position: any value.
Parameters = Mapping[str, object] | Sequence[object] | None
APPLICATION = "dvdrental-etl verify"
#: So many rows of a streamed query are in memory at a time.
AT_A_TIME = 10_000


class Moment:
    """A connection whose moment is that of its first query. A context manager.

    side: source or warehouse, for messages. failure: the error that tells of a database that cannot be read.
    """

    def __init__(self, database: Database, side: str, failure: type[EtlError]) -> None:
        self._database, self._side, self._failure = database, side, failure
        self._connection: Any = None
        self._streams = 0

    def __enter__(self) -> "Moment":
        database = self._database
        try:
            self._connection = self._connect()
        except (psycopg2.OperationalError, *redshift.Errors) as error:
            raise self._failure(
                f"{self._side} {database.place} cannot be reached as '{database.user}': {redshift.message(error)}",
                f"check {self._side}.url, user and password, and that the server takes connections from here",
            ) from None
        try:
            with self._told():
                for statement in self._opening():
                    self._cursor().execute(statement)
        except BaseException:
            self._connection.close()
            raise
        return self

    @property
    def schema(self) -> str:
        """The schema that holds the tables, as a statement names it."""
        return '"' + self._database.schema.replace('"', '""') + '"'

    @property
    def _is_redshift(self) -> bool:
        return isinstance(self._database, Warehouse) and self._database.kind == "redshift"

    def _connect(self) -> Any:
        if self._is_redshift:
            return redshift.connect(self._database, APPLICATION)
        connection = psycopg2.connect(
            **self._database.libpq(), connect_timeout=10, application_name=APPLICATION
        )
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        return connection

    def _opening(self) -> Iterator[str]:
        """What is set before the first query. A transaction of Redshift sees one moment anyway."""
        yield f"SET search_path TO {self.schema}"
        if not self._is_redshift:
            # One side waits while the other is read.
            yield "SET idle_in_transaction_session_timeout = 0"
            # Streams are read to their end: what gives the first rows soon is slow for all of them.
            yield "SET cursor_tuple_fraction = 1"

    def _cursor(self, name: str | None = None) -> Any:
        """A cursor; on PostgreSQL, a name keeps the rows at the server until they are asked for."""
        if self._is_redshift:
            return redshift.RedshiftCursor(self._connection.cursor())
        return self._connection.cursor(name=name)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """An error of the database becomes one for people."""
        try:
            yield
        except (psycopg2.Error, *redshift.Errors) as error:
            raise self._failure(
                f"{self._side} {self._database.place}: {redshift.message(error)}",
                "check the role's rights and the server's log",
            ) from error

    def rows(self, query: Query, parameters: Parameters = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.read(query, parameters)[1]

    def read(
        self, query: Query, parameters: Parameters = None
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """The names of a query's columns, and all its rows. PostgreSQL may have several workers find them."""
        with self._told():
            cursor = self._cursor()
            cursor.execute(query, parameters)
            return tuple(column[0] for column in cursor.description), list(cursor.fetchall())

    def stream(self, query: Query, parameters: Parameters = None) -> tuple[tuple[str, ...], Rows]:
        """The names of a query's columns, and its rows, of which few are in memory at a time.

        On PostgreSQL one process alone finds them, so a query that gives little of much is better read.
        """
        self._streams += 1
        with self._told():
            cursor = self._cursor(f"verify_{self._streams}")
            cursor.execute(query, parameters)
            first = cursor.fetchmany(AT_A_TIME)
        return tuple(column[0] for column in cursor.description), chain(first, self._rest(cursor))

    def _rest(self, cursor: Any) -> Rows:
        with self._told():
            while rows := cursor.fetchmany(AT_A_TIME):
                yield from rows
            cursor.close()
