"""A database of the tests, reached as the superuser."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2 import sql

from sandbox.postgres import HOST, SUPERUSER

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class DatabaseClient:
    """How to reach one database as the superuser."""

    port: int
    password: str = field(repr=False)
    database: str = "postgres"
    schema: str = "public"
    role: str = SUPERUSER

    def connect(self) -> Any:
        """A connection that commits each statement; triggers and foreign keys do not fire."""
        connection = psycopg2.connect(
            host=HOST, port=self.port, user=self.role, password=self.password, dbname=self.database
        )
        connection.autocommit = True
        with connection.cursor() as cursor:
            # last_update is then what a test writes, and a test may break what a foreign key would keep.
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(sql.SQL("SET search_path TO {}, public").format(sql.Identifier(self.schema)))
        return connection

    def __call__(self, statement: str, *parameters: object) -> Rows:
        """Run SQL, one or several statements; the rows of the last one."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return list(cursor.fetchall()) if cursor.description else []

    def value(self, statement: str, *parameters: object) -> Any:
        """The only value of the only row."""
        ((value,),) = self(statement, *parameters)
        return value
