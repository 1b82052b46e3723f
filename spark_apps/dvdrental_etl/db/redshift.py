"""Connections to Amazon Redshift: redshift_connector behind the same cursor as psycopg2's."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import redshift_connector
from redshift_connector.error import Error

from dvdrental_etl.config import Database
from dvdrental_etl.db.cursor import Row, Values
from dvdrental_etl.errors import first_line

#: What redshift_connector raises when the server refuses something, or cannot be reached.
Errors = (Error, OSError)
CONFLICT = re.compile(
    r"\b(1023|1018|40P01|40001)\b|serializable isolation violation|could not serialize|deadlock detected"
    r"|conflict with (a )?concurrent transaction",
    re.I,
)


def connect(database: Database, application: str) -> Any:
    """A connection over TLS that checks the server's name, unless the URL says sslmode=verify-ca.

    Amazon's certificates are trusted, and those of SSL_CERT_FILE. Raises Errors.
    """
    parts = urlsplit(database.url.removeprefix("jdbc:"))
    return redshift_connector.connect(
        host=parts.hostname,
        port=parts.port or 5439,
        database=parts.path.lstrip("/"),
        user=database.user,
        password=database.password,
        ssl=True,
        sslmode=dict(parse_qsl(parts.query)).get("sslmode", "verify-full"),
        application_name=application,
    )


def is_conflict(error: BaseException) -> bool:
    """Whether Redshift aborted the transaction in favour of another one: the same transaction may succeed now.

    Source: "Troubleshooting serializable isolation errors" for 1023 and 1018; the others are known by their messages.
    """
    return bool(CONFLICT.search(str(error)))


def is_timeout(error: BaseException) -> bool:
    """Whether a statement was ended by statement_timeout."""
    fields = error.args[0] if error.args else None
    return isinstance(fields, dict) and fields.get("C") == "57014"


def message(error: BaseException) -> str:
    """The server's message. The driver puts a dict into its error: M, D and H are message, detail and hint."""
    what = error.args[0] if error.args else ""
    if isinstance(what, dict):
        return " ".join(str(what[part]) for part in "MDH" if part in what)
    return first_line(error)


class RedshiftCursor:
    """A Cursor over redshift_connector's: binds values by position, and writes named ones into the statement.

    Named ones are our own numbers and timestamps: a CREATE TABLE AS accepts no bound values.
    """

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self._cursor.paramstyle = "format"

    def execute(self, statement: str, values: Values | None = None, /) -> None:
        """Run one statement."""
        if isinstance(values, Mapping):
            statement, values = with_values(statement, values), None
        if values is None:
            # The driver reads % as the beginning of a bound value even where there are no values.
            statement = statement.replace("%", "%%")
        self._cursor.execute(statement, None if values is None else tuple(values))

    def fetchone(self) -> Row | None:
        """The next row; None at the end."""
        row = self._cursor.fetchone()
        return row if row is None else tuple(row)

    def fetchall(self) -> list[Row]:
        """All rows that are left."""
        return [tuple(row) for row in self._cursor.fetchall()]

    def fetchmany(self, size: int) -> list[Row]:
        """Up to `size` rows."""
        return [tuple(row) for row in self._cursor.fetchmany(size)]

    def close(self) -> None:
        """Give up the rows that are left."""
        self._cursor.close()

    @property
    def description(self) -> Sequence[Sequence[Any]] | None:
        """The columns of the last query; None after a statement that returns no rows."""
        found: Sequence[Sequence[Any]] | None = self._cursor.description
        return found

    @property
    def rowcount(self) -> int:
        """The rows that the last statement changed."""
        return int(self._cursor.rowcount)


def with_values(statement: str, values: Mapping[str, Any]) -> str:
    """The statement with its named placeholders, %(name)s, replaced by literals; %% becomes %."""
    filled = re.sub(r"%\((\w+)\)s", lambda found: literal(values[found[1]]), statement)
    return filled.replace("%%", "%")


def literal(value: Any) -> str:
    """NULL, a number, a timestamp, a plain name, or a tuple of these, as SQL writes it.

    Raises TypeError for anything else: text of others is bound, never written into a statement.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))})"
    if isinstance(value, str) and re.fullmatch(r"[\w.:-]*", value):
        return f"'{value}'"
    raise TypeError(
        f"{value!r} ({type(value).__name__}) cannot be written into a statement: bind it by position"
    )
