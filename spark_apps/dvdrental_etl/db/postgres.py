"""Connections to PostgreSQL by psycopg2."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

CONNECT_TIMEOUT = 10  # seconds


def connect(libpq: Mapping[str, Any], application: str) -> "Connection":
    """A connection. libpq: its parameters, as config.Database.libpq() gives them. Raises psycopg2.OperationalError."""
    import psycopg2  # executors import it when they send rows, not before

    made: Connection = psycopg2.connect(
        **libpq, connect_timeout=CONNECT_TIMEOUT, application_name=application
    )
    return made
