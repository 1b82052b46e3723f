"""Who may do what on the sandbox's server, and the files that tell people and jobs how to get in."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from sandbox.postgres import HOST, SUPERUSER

SOURCE = "dvdrental"
WAREHOUSE = "warehouse"
READER = "etl_reader"
WRITER = "etl_writer"


@dataclass(frozen=True)
class State:
    """What a sandbox folder remembers, in sandbox.json: `home` holds the data, `passwords` are by role."""

    home: Path
    port: int | None = None
    passwords: Mapping[str, str] = field(repr=False, default_factory=dict)

    @staticmethod
    def new(home: Path) -> State:
        """A state with fresh passwords."""
        return State(home, None, {role: secrets.token_urlsafe(24) for role in (SUPERUSER, READER, WRITER)})

    @staticmethod
    def read(path: Path) -> State:
        """The state in `path`, as `write` left it."""
        stored = json.loads(path.read_text())
        return State(path.parent / stored["home"], stored["port"], stored["passwords"])

    def write(self, path: Path) -> None:
        """Keep the state in `path`, for its owner only."""
        # Relative where it can be, so that a folder may be moved while its server is down.
        home = "." if self.home == path.parent else str(self.home)
        stored = {"home": home, "port": self.port, "passwords": dict(self.passwords)}
        write_secret(path, json.dumps(stored, indent=2) + "\n")


def credentials(state: State, source: str = SOURCE, warehouse: str = WAREHOUSE) -> dict[str, Any]:
    """What the jobs read as config/credentials.json, for these two databases of the sandbox."""
    return {
        "source": _endpoint(state, source, READER) | {"schema": "public"},
        "warehouse": {"kind": "postgres"} | _endpoint(state, warehouse, WRITER) | {"schema": "dw"},
        "s3": {"staging": "", "iam_role": "", "endpoint": ""},
    }


def _endpoint(state: State, database: str, role: str) -> dict[str, str]:
    url = f"jdbc:postgresql://{HOST}:{state.port}/{database}"
    return {"url": url, "user": role, "password": state.passwords[role]}


def pgpass(state: State) -> str:
    """A password file for psql and all else that speaks libpq (PGPASSFILE)."""
    return "".join(f"{HOST}:{state.port}:*:{role}:{password}\n" for role, password in state.passwords.items())


def write_secret(path: Path, text: str) -> None:
    """Put `text` into `path`, mode 600, in one step: a reader sees the old file or the new one."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)


def create_roles(connection: Connection, passwords: Mapping[str, str]) -> None:
    """Make the two roles of the jobs, unless they exist."""
    with connection.cursor() as cursor:
        for role in (READER, WRITER):
            cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,))
            if cursor.rowcount == 0:
                statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD %s").format(sql.Identifier(role))
                cursor.execute(statement, (passwords[role],))


def let_reader_connect(connection: Connection, database: str) -> None:
    """Open `database` to etl_reader. (A clone does not have its template's rights on the database.)"""
    statement = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
    with connection.cursor() as cursor:
        cursor.execute(statement.format(sql.Identifier(database), sql.Identifier(READER)))


def let_reader_read(connection: Connection) -> None:
    """Give etl_reader SELECT on all that the connected database holds, in whichever schema, and no more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        )
        for (schema,) in cursor.fetchall():
            for right in ("USAGE ON SCHEMA {0}", "SELECT ON ALL TABLES IN SCHEMA {0}"):
                statement = sql.SQL("GRANT " + right + " TO {1}")
                cursor.execute(statement.format(sql.Identifier(schema), sql.Identifier(READER)))
        # A SECURITY DEFINER function runs with the superuser's rights (dvdrental has one: rewards_report).
        cursor.execute("SELECT oid::regprocedure::text FROM pg_proc WHERE prosecdef AND oid >= 16384")
        for (function,) in cursor.fetchall():
            cursor.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
