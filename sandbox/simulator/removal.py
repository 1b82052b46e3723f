"""Moves that delete rows, and those that bring back what an earlier move deleted or changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

from psycopg2.errors import ForeignKeyViolation
from psycopg2.extensions import cursor as Cursor

from sandbox.simulator.people import LASTS, any_store
from sandbox.simulator.rows import DELETE, Row, chosen, locked, other, remove, rows, update
from sandbox.simulator.scene import Removed, Scene

FEWEST_CUSTOMERS = 10  # a business without customers would stand still
UNUSED = "(SELECT count(*) FROM rental r WHERE r.inventory_id = t.inventory_id) = 0"


def payment_deleted(cursor: Cursor, scene: Scene) -> bool:
    """A payment that never was."""
    payment = chosen(cursor, scene, "payment", lock=DELETE, recent=scene.random.random() < 0.5)
    if payment is None:
        return False
    remove(cursor, scene, ("payment", "t.payment_id = %(key)s"), key=payment["payment_id"])
    return True


def rental_deleted(cursor: Cursor, scene: Scene) -> bool:
    """A rental and all its payments."""
    rental = chosen(cursor, scene, "rental", lock=DELETE, recent=scene.random.random() < 0.5)
    if rental is None:
        return False
    mine = "t.rental_id = %(key)s"
    remove(cursor, scene, ("payment", mine), ("rental", mine), key=rental["rental_id"])
    return True


def customer_deleted(cursor: Cursor, scene: Scene) -> bool:
    """A customer with all rentals, and with all payments for these or by the customer.

    rental has no index on customer_id: at scale 1000 this reads all of it, a second or two.
    """
    if (
        len(rows(cursor, "SELECT 1 AS one FROM customer LIMIT %s", (FEWEST_CUSTOMERS + 1,)))
        <= FEWEST_CUSTOMERS
    ):
        return False
    customer = chosen(cursor, scene, "customer", lock=DELETE)
    if customer is None:
        return False
    key = customer["customer_id"]
    # Locked before their payments go, so that nobody pays for one of them in between.
    held = rows(cursor, f"SELECT rental_id FROM rental WHERE customer_id = %s {DELETE}", (key,))
    rentals = "t.rental_id = ANY(%(rentals)s)"
    remove(
        cursor,
        scene,
        ("payment", f"t.customer_id = %(key)s OR {rentals}"),
        ("rental", rentals),
        ("customer", "t.customer_id = %(key)s"),
        key=key,
        rentals=[row["rental_id"] for row in held],
    )
    return True


def copy_retired(cursor: Cursor, scene: Scene) -> bool:
    """A copy that was never rented is gone."""
    copy = chosen(cursor, scene, "inventory", UNUSED, lock=DELETE)
    if copy is None:
        return False
    # Asked again under the lock: another writer may have rented it, and committed, while we took it.
    if rows(cursor, "SELECT 1 AS one FROM rental WHERE inventory_id = %s LIMIT 1", (copy["inventory_id"],)):
        return False
    remove(cursor, scene, ("inventory", "t.inventory_id = %(key)s"), key=copy["inventory_id"])
    return True


def restored_identical(cursor: Cursor, scene: Scene) -> bool:
    """Deleted rows are back, under their old keys, to the last_update."""
    return _restored(cursor, scene) is not None


def restored_changed(cursor: Cursor, scene: Scene) -> bool:
    """Deleted rows are back under their old keys, and one of them is not what it was."""
    removed = _restored(cursor, scene)
    if removed is None:
        return False
    table, key = next((table, json.loads(texts[0])[f"{table}_id"]) for table, texts in removed.rows if texts)
    (row,) = rows(cursor, f"SELECT * FROM {table} WHERE {table}_id = %s", (key,))
    update(cursor, scene, table, row, **_correction(cursor, scene, table, row))
    return True


def change_taken_back(cursor: Cursor, scene: Scene) -> bool:
    """What an earlier move changed in a row is again what it was before."""
    # A rental would claim its copy again, which may be out by now.
    revocable = [change for change in scene.changed if change.table != "rental"]
    if not revocable:
        return False
    change = scene.random.choice(revocable)
    row = locked(cursor, change.table, change.key)
    if row is None or all(row[column] == value for column, value in change.before.items()):
        return False
    with _reference_checked(cursor) as held:
        update(cursor, scene, change.table, row, **change.before)
    return bool(held)


def _correction(cursor: Cursor, scene: Scene, table: str, row: Row) -> Row:
    """What to change in a row that was just restored."""
    if table == "customer":
        return {"last_name": other(scene, LASTS, row["last_name"])}
    if table == "rental":
        hour = timedelta(hours=1)
        return {
            "return_date": row["return_date"] + hour
            if row["return_date"]
            else scene.now.replace(microsecond=0)
        }
    if table == "payment":
        return {"amount": other(scene, (Decimal("1.99"), Decimal("3.99")), row["amount"])}
    return {"store_id": any_store(cursor, scene, row["store_id"]) or row["store_id"]}


def _restored(cursor: Cursor, scene: Scene) -> Removed | None:
    """Insert what one removal deleted; None if what it refers to is gone, or its copy is out again."""
    if not scene.removed:
        return None
    removed = scene.random.choice(scene.removed)
    with _reference_checked(cursor) as held:
        for table, texts in removed.rows:
            cursor.execute(
                f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, %s)",
                (f"[{','.join(texts)}]",),
            )
            if table == "rental":
                _claim_copies(cursor, [json.loads(text) for text in texts])
    if not held:
        return None
    scene.removed.remove(removed)
    return removed


def _claim_copies(cursor: Cursor, rentals: list[Row]) -> None:
    """Raise _CopyIsOut if a restored open rental has a copy that is out, or is just being rented."""
    for inventory_id in [rental["inventory_id"] for rental in rentals if rental["return_date"] is None]:
        is_open = "SELECT 1 AS one FROM rental WHERE inventory_id = %s AND return_date IS NULL"
        if (
            locked(cursor, "inventory", inventory_id) is None
            or len(rows(cursor, is_open, (inventory_id,))) > 1
        ):
            raise _CopyIsOut


class _CopyIsOut(Exception):
    """The rental cannot come back."""


@contextmanager
def _reference_checked(cursor: Cursor) -> Iterator[list[bool]]:
    """Undo what is done inside if rows that it refers to are gone; what you get is empty then."""
    held: list[bool] = []
    cursor.execute("SAVEPOINT reference")
    try:
        yield held
    except (ForeignKeyViolation, _CopyIsOut):
        cursor.execute("ROLLBACK TO SAVEPOINT reference")
    else:
        held.append(True)
    cursor.execute("RELEASE SAVEPOINT reference")


REMOVAL = (
    payment_deleted,
    rental_deleted,
    customer_deleted,
    copy_retired,
    restored_identical,
    restored_changed,
    change_taken_back,
)
