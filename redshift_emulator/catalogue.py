"""The emulator's database: made once, with what Redshift's catalogue and functions have and PostgreSQL's lack."""

from __future__ import annotations

from pathlib import Path

from sandbox.access import WRITER
from sandbox.server import Sandbox

SCRIPT = Path(__file__).with_name("catalogue.sql")


def prepare(sandbox: Sandbox, database: str) -> None:
    """Make the database unless it exists, owned like a warehouse, and put the catalogue into it."""
    if database not in sandbox.databases():
        sandbox.create_database(database, owner=WRITER)
    with sandbox.superuser(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_namespace WHERE nspname = 'redshift_emulator'")
        if cursor.rowcount == 0:
            cursor.execute(SCRIPT.read_text(encoding="utf-8"))
