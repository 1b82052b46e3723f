"""Choose, lock and write single rows. All access is by key, so the cost does not grow with the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg2.extensions import cursor as Cursor

from sandbox.simulator.context import Change, Context, Removed

Row = dict[str, Any]

# Row locks. A foreign key locks its parent FOR KEY SHARE until the end of the transaction. That conflicts with
# FOR UPDATE only: if changes locked FOR UPDATE, one open payment would block every change of its cashier.
REFER = "FOR KEY SHARE"
CHANGE = "FOR NO KEY UPDATE"
DELETE = "FOR UPDATE"  # also needed to change a column of a unique index

WINDOW = 5_000  # the most keys that one search reads
RECENT = 300  # keys that count as the newest


def rows(cursor: Cursor, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
    """The rows of a query, by column name."""
    cursor.execute(statement, parameters)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def chosen(
    cursor: Cursor,
    context: Context,
    table: str,
    where: str = "true",
    parameters: Sequence[Any] = (),
    *,
    lock: str = CHANGE,
    recent: bool = False,
) -> Row | None:
    """A random row of `table` (alias t) that meets `where`, locked; rows locked by others are skipped.

    It is the first such row at or above a random key. A few windows of keys are searched: None if they hold none.
    recent: only among the newest keys.
    """
    key = f"{table}_id"
    cursor.execute(f"SELECT min({key}), max({key}) FROM {table}")
    ((first, last),) = cursor.fetchall()
    if first is None:
        return None
    newest = max(first, last - (RECENT if recent else WINDOW) + 1)
    starts = [context.random.randint(newest, last), newest]
    if not recent:
        starts = [context.random.randint(first, last), *starts, first]
    for start in starts:
        found = rows(
            cursor,
            f"SELECT t.* FROM {table} t WHERE t.{key} >= %s AND t.{key} < %s AND ({where}) "
            f"ORDER BY t.{key} LIMIT 1 {lock} OF t SKIP LOCKED",
            (start, start + WINDOW, *parameters),
        )
        if found:
            return found[0]
    return None


def locked(cursor: Cursor, table: str, key: int, lock: str = CHANGE) -> Row | None:
    """The row of that key, locked; None if it is missing or locked by another session."""
    found = rows(cursor, f"SELECT t.* FROM {table} t WHERE {table}_id = %s {lock} SKIP LOCKED", (key,))
    return found[0] if found else None


def insert(cursor: Cursor, table: str, **values: Any) -> int:
    """Insert a row; its key, from the source's sequence."""
    places = ", ".join(["%s"] * len(values))
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places}) RETURNING {table}_id",
        tuple(values.values()),
    )
    (key,) = cursor.fetchone() or (0,)
    return int(key)


def update(cursor: Cursor, context: Context, table: str, row: Row, **values: Any) -> None:
    """Change columns of `row`, and remember their old values."""
    key = row[f"{table}_id"]
    columns = ", ".join(f"{column} = %s" for column in values)
    cursor.execute(f"UPDATE {table} SET {columns} WHERE {table}_id = %s", (*values.values(), key))
    context.remember(Change(table, key, {column: row[column] for column in values}))


def change_one(
    cursor: Cursor, context: Context, table: str, where: str, *parameters: Any, **values: Any
) -> bool:
    """Set columns of a random row that meets `where`; False if there is none."""
    row = chosen(cursor, context, table, where, parameters)
    if row is None:
        return False
    update(cursor, context, table, row, **values)
    return True


def remove(cursor: Cursor, context: Context, *targets: tuple[str, str], **values: Any) -> None:
    """Delete and remember rows. `targets`: (table, condition with %(name)s of `values`), children first."""
    deleted = []
    for table, where in targets:
        cursor.execute(f"DELETE FROM {table} t WHERE {where} RETURNING to_json(t)::text", values)
        deleted.append((table, sorted(text for (text,) in cursor.fetchall())))
    context.remember(Removed(tuple(reversed(deleted))))


def other(context: Context, choices: Sequence[Any], current: Any) -> Any:
    """A random one of the choices that differs from the current value."""
    return context.random.choice([choice for choice in choices if choice != current])
