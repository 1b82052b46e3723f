"""redshift_connector with the manners of psycopg2, as the rest of the house knows them."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import redshift_connector

from dvdrental_etl.config import Database
from dvdrental_etl.errors import first_line

#: What the driver raises when the server refuses something, or cannot be reached.
Errors = (redshift_connector.Error, OSError)


def connect(database: Database, application: str) -> Any:
    """A connection over TLS; the server's name is checked, unless the address says sslmode=verify-ca.

    Trusted are Amazon's certificates, and those of SSL_CERT_FILE. Raises Errors.
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


def said(error: BaseException) -> str:
    """What the server said. The driver puts its whole message, a dict, into the error: M, D and H are its text."""
    what = error.args[0] if error.args else ""
    if isinstance(what, dict):
        return " ".join(str(what[part]) for part in "MDH" if part in what)
    return first_line(error)


class Cursor:
    """A cursor that binds values by position, and writes named ones into the statement.

    Named ones are numbers and moments of our own; a CREATE TABLE AS takes no bound values.
    """

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self._cursor.paramstyle = "format"

    def execute(self, statement: str, values: Sequence[Any] | Mapping[str, Any] | None = None) -> None:
        if isinstance(values, Mapping):
            statement, values = written(statement, values), None
        if values is None:
            statement = statement.replace("%", "%%")  # the driver reads % as a place, values or not
        self._cursor.execute(statement, None if values is None else tuple(values))

    def fetchone(self) -> Any:
        row = self._cursor.fetchone()
        return row if row is None else tuple(row)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._cursor.fetchall()]

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._cursor.fetchmany(size)]

    def close(self) -> None:
        self._cursor.close()

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return int(self._cursor.rowcount)


def written(statement: str, values: Mapping[str, Any]) -> str:
    """The statement with its named places, %(name)s, filled in; %% is a %."""
    filled = re.sub(r"%\((\w+)\)s", lambda found: _literal(values[found[1]]), statement)
    return filled.replace("%%", "%")


def _literal(value: Any) -> str:
    """Numbers, moments, names, lists of these and NULL; anything else is not ours to write into SQL."""
    if isinstance(value, str) and re.fullmatch(r"[\w.:-]*", value):
        return f"'{value}'"
    if value is None:
        return "NULL"
    if isinstance(value, dt.datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    if isinstance(value, tuple):
        return f"({', '.join(_literal(one) for one in value)})"
    return str(int(value))
