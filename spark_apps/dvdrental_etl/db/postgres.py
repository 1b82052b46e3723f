"""Connections to PostgreSQL by psycopg2. None waits for ever: the server has limits, and long calls are watched."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dvdrental_etl.limits import Limits

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from dvdrental_etl.db.watched import WatchedConnection

#: What COPY is sent, and JDBC reads. Given when connecting, which every pooler takes.
ENCODING = "UTF8"
#: After how many seconds without traffic a side asks whether the other one is still there, how often, how many times.
KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


#: Variables of the shell by which libpq would give a session another time zone than the server's.
IGNORED_VARIABLES = "PGTZ", "PGOPTIONS"


def parameters(libpq: Mapping[str, Any], application: str, limits: Limits) -> dict[str, Any]:
    """What every connection is made with. libpq: the address, as config.Database.libpq() gives it."""
    waits = {"connect_timeout": limits.connect_seconds, "tcp_user_timeout": 1000 * limits.silent_seconds}
    named = {"application_name": application, "client_encoding": ENCODING}
    return dict(libpq) | KEEPALIVES | waits | named


def connect(libpq: Mapping[str, Any], application: str, limits: Limits) -> "WatchedConnection":
    """A connection. libpq: its parameters, as config.Database.libpq() gives them. Raises psycopg2.OperationalError."""
    import psycopg2  # executors import it when they send rows, not before

    from dvdrental_etl.db.watched import WatchedConnection, WatchedCursor

    for name in IGNORED_VARIABLES:  # no parameter replaces PGTZ
        os.environ.pop(name, None)
    made: WatchedConnection = psycopg2.connect(
        **parameters(libpq, application, limits),
        connection_factory=WatchedConnection,
        cursor_factory=WatchedCursor,
    )
    made.watch(libpq, limits)
    made.autocommit = True
    with made.cursor() as cursor:
        _limit_waits(cursor, limits)
        cursor.execute("SELECT pg_backend_pid()")
        ((made.server_pid,),) = cursor.fetchall()
    made.autocommit = False
    return made


def _limit_waits(cursor: Any, limits: Limits) -> None:
    """Limit this session's waits, as far as the server's version knows the settings. 0 means no limit to it."""
    wanted = {f"tcp_{name}": str(value) for name, value in KEEPALIVES.items()} | {
        "tcp_user_timeout": f"{limits.silent_seconds}s",
        "client_connection_check_interval": f"{limits.silent_seconds}s",
        "lock_timeout": f"{limits.lock_seconds}s",
        "statement_timeout": f"{limits.statement_seconds}s",
        "idle_session_timeout": "0",  # a session waits for Spark between two transactions
    }
    cursor.execute(
        "SELECT set_config(s.name, w.value, FALSE) FROM pg_settings s"
        " JOIN unnest(%s, %s) AS w (name, value) ON w.name = s.name",
        (list(wanted), list(wanted.values())),
    )


def advice(section: str, error: BaseException) -> str:
    """What to do where a server cannot be reached, for a person. section: source or warehouse."""
    if "does not support SSL" in str(error):
        return f"set up TLS in the server, or add ?sslmode=disable to {section}.url to do without"
    return (
        f"check {section}.url, user and password, and that the server accepts connections from this machine"
    )


def is_utf8(connection: "Connection") -> bool:
    """Whether the database stores text as UTF-8. Others cannot hold every text, or do not know what theirs means."""
    return connection.info.parameter_status("server_encoding") == ENCODING
