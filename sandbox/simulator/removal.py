"""Moves that delete rows, and moves that undo what an earlier move deleted or changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

from psycopg2.errors import ForeignKeyViolation, UniqueViolation
from psycopg2.extensions import cursor as Cursor

from sandbox.simulator.context import Context, Removed
from sandbox.simulator.names import LAST_NAMES
from sandbox.simulator.places import any_store
from sandbox.simulator.rows import DELETE, Row, chosen, locked, other, remove, rows, update

FEWEST_CUSTOMERS = 10  # without customers there would be no rentals
UNUSED = "(SELECT count(*) FROM rental r WHERE r.inventory_id = t.inventory_id) = 0"


def payment_deleted(cursor: Cursor, context: Context) -> bool:
    """Delete a payment."""
    payment = chosen(cursor, context, "payment", lock=DELETE, recent=context.random.random() < 0.5)
    if payment is None:
        return False
    remove(cursor, context, ("payment", "t.payment_id = %(key)s"), key=payment["payment_id"])
    return True


def rental_deleted(cursor: Cursor, context: Context) -> bool:
    """Delete a rental and all its payments."""
    rental = chosen(cursor, context, "rental", lock=DELETE, recent=context.random.random() < 0.5)
    if rental is None:
        return False
    mine = "t.rental_id = %(key)s"
    remove(cursor, context, ("payment", mine), ("rental", mine), key=rental["rental_id"])
    return True


def customer_deleted(cursor: Cursor, context: Context) -> bool:
    """Delete a customer with all rentals, and all payments for these rentals or by the customer.

    rental has no index on customer_id: at scale 1000 this reads all of it, a second or two.
    """
    if (
        len(rows(cursor, "SELECT 1 AS one FROM customer LIMIT %s", (FEWEST_CUSTOMERS + 1,)))
        <= FEWEST_CUSTOMERS
    ):
        return False
    customer = chosen(cursor, context, "customer", lock=DELETE)
    if customer is None:
        return False
    key = customer["customer_id"]
    # Locked before their payments are deleted, so that no session adds a payment in between.
    held = rows(cursor, f"SELECT rental_id FROM rental WHERE customer_id = %s {DELETE}", (key,))
    rentals = "t.rental_id = ANY(%(rentals)s)"
    remove(
        cursor,
        context,
        ("payment", f"t.customer_id = %(key)s OR {rentals}"),
        ("rental", rentals),
        ("customer", "t.customer_id = %(key)s"),
        key=key,
        rentals=[row["rental_id"] for row in held],
    )
    return True


def copy_retired(cursor: Cursor, context: Context) -> bool:
    """Delete a copy that was never rented."""
    copy = chosen(cursor, context, "inventory", UNUSED, lock=DELETE)
    if copy is None:
        return False
    # Checked again under the lock: another session may have rented it and committed in between.
    if rows(cursor, "SELECT 1 AS one FROM rental WHERE inventory_id = %s LIMIT 1", (copy["inventory_id"],)):
        return False
    remove(cursor, context, ("inventory", "t.inventory_id = %(key)s"), key=copy["inventory_id"])
    return True


def restored_identical(cursor: Cursor, context: Context) -> bool:
    """Insert deleted rows again, with their old keys and all their values, last_update included."""
    return _restored(cursor, context) is not None


def restored_changed(cursor: Cursor, context: Context) -> bool:
    """Insert deleted rows again with their old keys, and change one of them."""
    removed = _restored(cursor, context)
    if removed is None:
        return False
    table, key = next((table, json.loads(texts[0])[f"{table}_id"]) for table, texts in removed.rows if texts)
    (row,) = rows(cursor, f"SELECT * FROM {table} WHERE {table}_id = %s", (key,))
    update(cursor, context, table, row, **_correction(cursor, context, table, row))
    return True


def change_taken_back(cursor: Cursor, context: Context) -> bool:
    """Set the columns that an earlier move changed back to their old values."""
    # Not rentals: the copy may be rented to another customer by now.
    revocable = [change for change in context.changed if change.table != "rental"]
    if not revocable:
        return False
    change = context.random.choice(revocable)
    row = locked(cursor, change.table, change.key)
    if row is None or all(row[column] == value for column, value in change.before.items()):
        return False
    with _constraints_checked(cursor) as held:
        update(cursor, context, change.table, row, **change.before)
    return bool(held)


def _correction(cursor: Cursor, context: Context, table: str, row: Row) -> Row:
    """What to change in a row that was just restored."""
    if table == "customer":
        return {"last_name": other(context, LAST_NAMES, row["last_name"])}
    if table == "rental":
        hour = timedelta(hours=1)
        return {
            "return_date": row["return_date"] + hour
            if row["return_date"]
            else context.now.replace(microsecond=0)
        }
    if table == "payment":
        return {"amount": other(context, (Decimal("1.99"), Decimal("3.99")), row["amount"])}
    return {"store_id": any_store(cursor, context, row["store_id"]) or row["store_id"]}


def _restored(cursor: Cursor, context: Context) -> Removed | None:
    """Insert what one removal deleted.

    None if a row that it refers to is missing, its copy is rented, or the removal was rolled back: the row is there.
    """
    if not context.removed:
        return None
    removed = context.random.choice(context.removed)
    with _constraints_checked(cursor) as held:
        for table, texts in removed.rows:
            cursor.execute(
                f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, %s)",
                (f"[{','.join(texts)}]",),
            )
            if table == "rental":
                _check_copies(cursor, [json.loads(text) for text in texts])
    if not held:
        return None
    context.removed.remove(removed)
    return removed


def _check_copies(cursor: Cursor, rentals: list[Row]) -> None:
    """Raise _CopyIsRented if the copy of a restored open rental is rented, or locked by another session."""
    for inventory_id in [rental["inventory_id"] for rental in rentals if rental["return_date"] is None]:
        is_open = "SELECT 1 AS one FROM rental WHERE inventory_id = %s AND return_date IS NULL"
        if (
            locked(cursor, "inventory", inventory_id) is None
            or len(rows(cursor, is_open, (inventory_id,))) > 1
        ):
            raise _CopyIsRented


class _CopyIsRented(Exception):
    """The rental cannot be restored."""


@contextmanager
def _constraints_checked(cursor: Cursor) -> Iterator[list[bool]]:
    """Undo the statements inside if they contradict what is there now; the yielded list is empty then."""
    held: list[bool] = []
    cursor.execute("SAVEPOINT undo")
    try:
        yield held
    except (ForeignKeyViolation, UniqueViolation, _CopyIsRented):
        cursor.execute("ROLLBACK TO SAVEPOINT undo")
    else:
        held.append(True)
    cursor.execute("RELEASE SAVEPOINT undo")


REMOVAL = (
    payment_deleted,
    rental_deleted,
    customer_deleted,
    copy_retired,
    restored_identical,
    restored_changed,
    change_taken_back,
)
