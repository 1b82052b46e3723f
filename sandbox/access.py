"""Roles of the sandbox's server and their rights, and the files with which people and jobs connect."""

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
WAREHOUSE_SCHEMA = "dw"
READER = "etl_reader"
WRITER = "etl_writer"


@dataclass(frozen=True)
class State:
    """The content of sandbox.json: `home` is the folder of the data, `passwords` are by role."""

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
        """Write the state to `path`, readable by its owner only."""
        # Relative where it can be, so that a folder may be moved while its server is down.
        home = "." if self.home == path.parent else str(self.home)
        stored = {"home": home, "port": self.port, "passwords": dict(self.passwords)}
        write_secret(path, json.dumps(stored, indent=2) + "\n")


def credentials(state: State, source: str = SOURCE, warehouse: str = WAREHOUSE) -> dict[str, Any]:
    """What the jobs read as config/credentials.json, for these two databases of the sandbox."""
    return {
        "source": _endpoint(state, source, READER) | {"schema": "public"},
        "warehouse": {"kind": "postgres"}
        | _endpoint(state, warehouse, WRITER)
        | {"schema": WAREHOUSE_SCHEMA},
        "s3": {"staging": "", "iam_role": "", "endpoint": ""},
    }


def _endpoint(state: State, database: str, role: str) -> dict[str, str]:
    url = f"jdbc:postgresql://{HOST}:{state.port}/{database}"
    return {"url": url, "user": role, "password": state.passwords[role]}


def pgpass(state: State) -> str:
    """A password file for psql and all other clients that use libpq (PGPASSFILE)."""
    return "".join(f"{HOST}:{state.port}:*:{role}:{password}\n" for role, password in state.passwords.items())


def write_secret(path: Path, text: str) -> None:
    """Write `text` to `path`, mode 600, atomically: a reader sees the old file or the new one."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)


def create_roles(connection: Connection, passwords: Mapping[str, str]) -> None:
    """Create the two roles of the jobs, unless they exist."""
    with connection.cursor() as cursor:
        for role in (READER, WRITER):
            cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,))
            if cursor.rowcount == 0:
                statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD %s").format(sql.Identifier(role))
                cursor.execute(statement, (passwords[role],))


def let_reader_connect(connection: Connection, database: str) -> None:
    """Let etl_reader connect to `database`. (A clone does not inherit its template's rights.)"""
    statement = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
    with connection.cursor() as cursor:
        cursor.execute(statement.format(sql.Identifier(database), sql.Identifier(READER)))


def let_reader_read(connection: Connection) -> None:
    """Give etl_reader SELECT on all tables of the connected database, in every schema, and nothing else."""
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


def warehouse_kind(directory: Path) -> str:
    """What credentials.json of a sandbox names: postgres, or redshift for the emulator."""
    try:
        document = json.loads((directory / "credentials.json").read_text())
    except FileNotFoundError:
        return "postgres"
    return str(document["warehouse"]["kind"])
