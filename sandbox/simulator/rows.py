"""Choosing, locking and writing single rows. A table's cost is the same at every scale: all goes by key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg2.extensions import cursor as Cursor

from sandbox.simulator.scene import Change, Removed, Scene

Row = dict[str, Any]

# Row locks. A foreign key holds its parent FOR KEY SHARE until the end of the transaction, and that bars DELETE
# only: were changes to lock FOR UPDATE, one waiting payment would keep every change from its cashier.
REFER = "FOR KEY SHARE"
CHANGE = "FOR NO KEY UPDATE"
DELETE = "FOR UPDATE"  # also what a change to a column of a unique index takes

WINDOW = 5_000  # keys that one search reads at most
RECENT = 300  # keys that count as the newest


def rows(cursor: Cursor, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
    """The rows of a query, by column name."""
    cursor.execute(statement, parameters)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def chosen(
    cursor: Cursor,
    scene: Scene,
    table: str,
    where: str = "true",
    parameters: Sequence[Any] = (),
    *,
    lock: str = CHANGE,
    recent: bool = False,
) -> Row | None:
    """A random row of `table` (alias t) where `where` holds, locked; rows locked by others are passed over.

    It is the first at or above a random key, looked for in a few windows of keys: None if those hold none.
    """
    key = f"{table}_id"
    cursor.execute(f"SELECT min({key}), max({key}) FROM {table}")
    ((first, last),) = cursor.fetchall()
    if first is None:
        return None
    newest = max(first, last - (RECENT if recent else WINDOW) + 1)
    starts = [scene.random.randint(newest, last), newest]
    if not recent:
        starts = [scene.random.randint(first, last), *starts, first]
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
    """The row of that key, locked; None if it is gone or somebody else's."""
    found = rows(cursor, f"SELECT t.* FROM {table} t WHERE {table}_id = %s {lock} SKIP LOCKED", (key,))
    return found[0] if found else None


def insert(cursor: Cursor, table: str, **values: Any) -> int:
    """A new row; its key, from the source's own sequence."""
    places = ", ".join(["%s"] * len(values))
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places}) RETURNING {table}_id",
        tuple(values.values()),
    )
    (key,) = cursor.fetchone() or (0,)
    return int(key)


def update(cursor: Cursor, scene: Scene, table: str, row: Row, **values: Any) -> None:
    """Change columns of `row`, and remember what they held."""
    key = row[f"{table}_id"]
    columns = ", ".join(f"{column} = %s" for column in values)
    cursor.execute(f"UPDATE {table} SET {columns} WHERE {table}_id = %s", (*values.values(), key))
    scene.remember(Change(table, key, {column: row[column] for column in values}))


def remove(cursor: Cursor, scene: Scene, *doomed: tuple[str, str], **values: Any) -> None:
    """Delete and remember rows, given as (table, condition on %(name)s of `values`), children first."""
    gone = []
    for table, where in doomed:
        cursor.execute(f"DELETE FROM {table} t WHERE {where} RETURNING to_json(t)::text", values)
        gone.append((table, sorted(text for (text,) in cursor.fetchall())))
    scene.remember(Removed(tuple(reversed(gone))))


def other(scene: Scene, choices: Sequence[Any], current: Any) -> Any:
    """One of the choices, but not what is there already."""
    return scene.random.choice([choice for choice in choices if choice != current])
