"""Where tryout works: in a schema of its own, or in one that is there and empty."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from dvdrental_etl.config import Settings
from dvdrental_etl.db.cursor import Cursor, only_value
from dvdrental_etl.db.names import quoted
from dvdrental_etl.errors import ConfigError
from dvdrental_etl.warehouse.factory import open_warehouse


@contextmanager
def scratch_schema(settings: Settings, given: str | None) -> Iterator[Settings]:
    """The settings with the schema to work in. It is left as it was found: absent, or empty.

    That is `given`; or a new one; or the configured one, if the role may not create schemas. Raises ConfigError if the
    last two are not to be had, or if the schema that is there is not empty.
    """
    schema, is_new = _choose(settings, given)
    scratch = replace(settings, warehouse=replace(settings.warehouse, schema=schema))
    try:
        yield scratch
    finally:
        with open_warehouse(settings) as warehouse, warehouse.transaction() as cursor:
            if is_new:
                cursor.execute(f"DROP SCHEMA IF EXISTS {quoted(schema)} CASCADE")
            else:
                for table in _tables(cursor, schema):  # CASCADE: with the views on it, or the partition in it
                    cursor.execute(f"DROP TABLE IF EXISTS {quoted(schema)}.{quoted(table)} CASCADE")


def _choose(settings: Settings, given: str | None) -> tuple[str, bool]:
    """The schema, and whether it is a new one."""
    configured = settings.warehouse.schema
    with open_warehouse(settings) as warehouse, warehouse.transaction(keep=False) as cursor:
        cursor.execute("SELECT has_database_privilege(current_database(), 'CREATE')")
        if given is None and only_value(cursor):
            return f"{configured}_tryout_{secrets.token_hex(4)}", True
        schema = given or configured
        cursor.execute("SELECT COUNT(*) FROM pg_namespace WHERE nspname = %s", (schema,))
        problem = (
            "is not there" if not only_value(cursor) else "is not empty" if _tables(cursor, schema) else ""
        )
    if problem:
        may_not = "" if given else f"'{settings.warehouse.user}' may not create a schema here, and "
        raise ConfigError(
            f"{may_not}schema {schema} {problem}",
            f"let an administrator run CREATE SCHEMA {configured}_tryout AUTHORIZATION {settings.warehouse.user};"
            f" and name it: make tryout SCHEMA={configured}_tryout",
        )
    return schema, False


def _tables(cursor: Cursor, schema: str) -> list[str]:
    cursor.execute(
        """
        SELECT c.relname FROM pg_class c INNER JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %s AND c.relkind IN ('r', 'p') ORDER BY 1
        """,
        (schema,),
    )
    return [name for (name,) in cursor.fetchall()]
