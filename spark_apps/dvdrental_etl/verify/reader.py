"""How verify reads a database: on one snapshot, in a read-only transaction."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from types import TracebackType
from typing import Any, Protocol

import psycopg2
from psycopg2 import extensions

from dvdrental_etl.config import Database, Warehouse
from dvdrental_etl.db import postgres, redshift, settings
from dvdrental_etl.db.cursor import Cursor, Row
from dvdrental_etl.db.names import quoted
from dvdrental_etl.errors import EtlError
from dvdrental_etl.limits import DEFAULT_LIMITS, Limits

#: By name: our own numbers and names. By position: any value.
Parameters = Mapping[str, object] | Sequence[object] | None
APPLICATION = "dvdrental-etl verify"
#: The OIDs of date, timestamp and timestamptz.
TIME_TYPES = (1082, 1114, 1184)
#: Rows of a streamed query that are in memory at a time.
ROWS_PER_FETCH = 10_000


class StreamCursor(Cursor, Protocol):
    """A cursor that returns a few rows at a time."""

    def fetchmany(self, size: int, /) -> list[Row]:
        """Up to `size` rows."""

    def close(self) -> None:
        """Drop the rows that are left."""


class SnapshotReader:
    """A connection whose snapshot is taken by its first query. A context manager.

    side: source or warehouse, for messages. failure: the error that is raised if the database cannot be read.
    limits: of its waits.
    """

    def __init__(
        self, database: Database, side: str, failure: type[EtlError], limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self._database, self._side, self._failure, self._limits = database, side, failure, limits
        self._connection: Any = None  # psycopg2's, or redshift_connector's
        self._streams = 0
        self._readable: dict[str, tuple[str, ...]] = {}

    def __enter__(self) -> "SnapshotReader":
        database = self._database
        try:
            self._connection = self._connect()
        except (psycopg2.OperationalError, *redshift.Errors) as error:
            raise self._failure(
                f"{self._side} {database.place} cannot be reached as '{database.user}': {redshift.message(error)}",
                postgres.advice(self._side, error),
            ) from None
        try:
            with self._translated_errors():
                for statement in self._opening():
                    self._cursor().execute(statement)
        except BaseException:
            self._connection.close()
            raise
        return self

    @property
    def schema(self) -> str:
        """The schema that holds the tables, quoted."""
        return quoted(self._database.schema)

    @property
    def _is_redshift(self) -> bool:
        return isinstance(self._database, Warehouse) and self._database.kind == "redshift"

    def _connect(self) -> Any:
        if isinstance(self._database, Warehouse) and self._is_redshift:
            return redshift.connect(self._database, APPLICATION)
        connection = postgres.connect(self._database.libpq(), APPLICATION, self._limits)
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        extensions.register_type(extensions.new_type(TIME_TYPES, "TIME", _time), connection)
        return connection

    def _opening(self) -> Iterator[str]:
        """The settings before the first query. A transaction of Redshift reads one snapshot without any."""
        if self._is_redshift:
            yield f"SET search_path TO {self.schema}"
        else:
            # Streams are read to their end: a plan for fast first rows would be slow for all rows.
            yield settings.of_transaction(
                self._connection.server_version, (self._database.schema,), cursor_tuple_fraction="1"
            )

    def _cursor(self, name: str | None = None) -> StreamCursor:
        """A cursor. On PostgreSQL, a name keeps the rows at the server until they are fetched."""
        if self._is_redshift:
            return redshift.RedshiftCursor(self._connection.cursor())
        cursor: StreamCursor = self._connection.cursor(name=name)
        return cursor

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """An error of the database is raised as `failure`."""
        try:
            yield
        except (psycopg2.Error, UnicodeDecodeError, *redshift.Errors) as error:
            raise self._failure(
                f"{self._side} {self._database.place}: {redshift.message(error)}",
                "check the role's rights and the server's log",
            ) from error

    def readable_columns(self, table: str) -> tuple[str, ...]:
        """The columns of a table of PostgreSQL that this role may read."""
        if table not in self._readable:
            found = self.rows(
                """
                SELECT a.attname FROM pg_attribute a
                JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = current_schema() AND c.relname = %(table)s
                    AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'SELECT')
                ORDER BY a.attnum
                """,
                {"table": table},
            )
            self._readable[table] = tuple(name for (name,) in found)
        return self._readable[table]

    def rows(self, query: str, parameters: Parameters = None) -> list[Row]:
        """All rows of a query."""
        return self.read(query, parameters)[1]

    def read(self, query: str, parameters: Parameters = None) -> tuple[tuple[str, ...], list[Row]]:
        """The names of a query's columns, and all its rows. PostgreSQL may use parallel workers."""
        with self._translated_errors():
            cursor = self._cursor()
            cursor.execute(query, parameters)
            return _names(cursor), list(cursor.fetchall())

    def stream(self, query: str, parameters: Parameters = None) -> tuple[tuple[str, ...], Iterator[Row]]:
        """The names of a query's columns, and its rows, of which few are in memory at a time.

        PostgreSQL uses no parallel workers for this: use read() where a query aggregates many rows to few.
        """
        self._streams += 1
        with self._translated_errors():
            cursor = self._cursor(f"verify_{self._streams}")
            cursor.execute(query, parameters)
            first = cursor.fetchmany(ROWS_PER_FETCH)
        return _names(cursor), chain(first, self._rest(cursor))

    def _rest(self, cursor: StreamCursor) -> Iterator[Row]:
        with self._translated_errors():
            while rows := cursor.fetchmany(ROWS_PER_FETCH):
                yield from rows
            cursor.close()


def _names(cursor: Cursor) -> tuple[str, ...]:
    """The names of the columns of a query."""
    return tuple(column[0] for column in cursor.description or ())


def _time(text: Any, cursor: Any) -> Any:
    """A day or a timestamp, as its text where Python has none: infinity, BC, years after 9999."""
    if text is None or not text[0].isdigit() or text.endswith("BC") or len(text.split("-")[0]) > 4:
        return text
    return (
        extensions.PYDATE(text, cursor)
        if len(text) == len("2007-05-14")
        else extensions.PYDATETIME(text, cursor)
    )
