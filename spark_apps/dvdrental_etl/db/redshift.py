"""Connections to Amazon Redshift: redshift_connector behind the same cursor as psycopg2's."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import redshift_connector
from botocore.exceptions import BotoCoreError, ClientError
from redshift_connector.error import Error

from dvdrental_etl.config import Warehouse
from dvdrental_etl.db.cursor import Row, Values
from dvdrental_etl.errors import first_line
from dvdrental_etl.jdbc_url import PORTS, iam_arguments

#: What redshift_connector raises when the server refuses something, or it or AWS's services cannot be reached.
Errors = (Error, OSError, BotoCoreError, ClientError)
#: After how many seconds of silence the other side is asked for an answer, how often, and how many times.
KEEPALIVES: Mapping[str, Any] = {
    "tcp_keepalive_idle": 30,
    "tcp_keepalive_interval": 10,
    "tcp_keepalive_count": 3,
}
CONFLICT = re.compile(
    r"\b(1023|1018|40P01|40001)\b|serializable isolation violation|could not serialize|deadlock detected"
    r"|conflict with (a )?concurrent transaction",
    re.I,
)


def connect(database: Warehouse, application: str) -> Any:
    """A connection over TLS that checks the server's name, unless the URL says sslmode=verify-ca.

    Amazon's certificates are trusted, and those of SSL_CERT_FILE. jdbc:redshift:iam: logs in with temporary credentials
    that AWS gives to this process; a new connection gets new ones. Raises Errors.
    """
    url = database.address
    login: Mapping[str, Any] = {
        "host": url.host,
        "port": url.port or PORTS["redshift"],
        "user": database.user,
        "password": database.password,
    }
    made = redshift_connector.connect(
        database=url.database,
        ssl=True,
        sslmode=url.options.get("sslmode", "verify-full"),
        application_name=application,
        **KEEPALIVES,
        **(iam_arguments(url, database.user) if url.is_iam else login),
    )
    if database.query_group:
        # config.load() refuses quotes and backslashes in it.
        RedshiftCursor(made.cursor()).execute(f"SET query_group TO '{database.query_group}'")
        made.commit()
    return made


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
