"""Connections to PostgreSQL by psycopg2."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dvdrental_etl.db import settings

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

CONNECT_TIMEOUT = 10  # seconds
#: What COPY is sent, and JDBC reads. Given when connecting, which every pooler takes.
ENCODING = "UTF8"


def connect(libpq: Mapping[str, Any], application: str) -> "Connection":
    """A connection. libpq: its parameters, as config.Database.libpq() gives them. Raises psycopg2.OperationalError."""
    import psycopg2  # executors import it when they send rows, not before

    made: Connection = psycopg2.connect(
        **libpq, connect_timeout=CONNECT_TIMEOUT, application_name=application, client_encoding=ENCODING
    )
    settings.keep_between_transactions(made)
    return made


def is_utf8(connection: "Connection") -> bool:
    """Whether the database stores text as UTF-8. Others cannot hold every text, or do not know what theirs means."""
    return connection.info.parameter_status("server_encoding") == ENCODING
