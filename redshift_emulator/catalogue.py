"""Create the emulator's database, with Redshift's catalogue views and functions that PostgreSQL lacks."""

from __future__ import annotations

from pathlib import Path

from sandbox.access import WRITER
from sandbox.server import Sandbox

SCRIPT = Path(__file__).with_name("catalogue.sql")


def prepare(sandbox: Sandbox, database: str) -> None:
    """Create the database unless it exists, with the owner of a warehouse, and add the catalogue to it."""
    if database not in sandbox.databases():
        sandbox.create_database(database, owner=WRITER)
    with sandbox.superuser(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_namespace WHERE nspname = 'redshift_emulator'")
        if cursor.rowcount == 0:
            cursor.execute(SCRIPT.read_text(encoding="utf-8"))
