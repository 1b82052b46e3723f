"""Moves of staff members and stores."""

from __future__ import annotations

from psycopg2.extensions import cursor as Cursor

from sandbox.simulator.context import Context
from sandbox.simulator.names import FIRST_NAMES, LAST_NAMES, email, renamed
from sandbox.simulator.places import any_store, new_address, relocated
from sandbox.simulator.rows import DELETE, REFER, chosen, insert, rows, update

STAFF_PER_STORE = 12  # a store of this size hires nobody


def staff_hired(cursor: Cursor, context: Context) -> bool:
    """A store hires a staff member, unless it has enough."""
    store = any_store(cursor, context)
    (size,) = rows(cursor, "SELECT count(*) AS n FROM staff WHERE store_id = %s", (store,))
    return store is not None and size["n"] < STAFF_PER_STORE and _hire(cursor, context, store) is not None


def staff_moved(cursor: Cursor, context: Context) -> bool:
    """A staff member moves to another address."""
    return relocated(cursor, context, chosen(cursor, context, "staff", lock=REFER))


def staff_changed_store(cursor: Cursor, context: Context) -> bool:
    """A staff member works in another store."""
    member = chosen(cursor, context, "staff")
    store = None if member is None else any_store(cursor, context, member["store_id"])
    if member is None or store is None:
        return False
    update(cursor, context, "staff", member, store_id=store)
    return True


def staff_left_or_came_back(cursor: Cursor, context: Context) -> bool:
    """A staff member is no longer active, or active again."""
    member = chosen(cursor, context, "staff")
    if member is None:
        return False
    update(cursor, context, "staff", member, active=not member["active"])
    return True


def staff_renamed(cursor: Cursor, context: Context) -> bool:
    """A staff member has another last name."""
    return renamed(cursor, context, "staff")


def manager_appointed(cursor: Cursor, context: Context) -> bool:
    """A store gets a manager who manages no other store; one is hired if there is nobody."""
    store = chosen(cursor, context, "store", lock=DELETE)
    spare = None if store is None else _free_manager(cursor, context, store["store_id"])
    if store is None or spare is None:
        return False
    cursor.execute("UPDATE store SET manager_staff_id = %s WHERE store_id = %s", (spare, store["store_id"]))
    return True


def managers_swapped(cursor: Cursor, context: Context) -> bool:
    """Two stores swap managers. A third person manages the first store in between, as nobody may manage two."""
    one = chosen(cursor, context, "store", lock=DELETE)
    two = (
        None
        if one is None
        else chosen(cursor, context, "store", "t.store_id <> %s", (one["store_id"],), lock=DELETE)
    )
    spare = None if one is None or two is None else _free_manager(cursor, context, one["store_id"])
    if one is None or two is None or spare is None:
        return False
    for store, manager in (
        (one, spare),
        (two, one["manager_staff_id"]),
        (one, two["manager_staff_id"]),
    ):
        cursor.execute(
            "UPDATE store SET manager_staff_id = %s WHERE store_id = %s", (manager, store["store_id"])
        )
    return True


def store_moved(cursor: Cursor, context: Context) -> bool:
    """A store moves to another address."""
    return relocated(cursor, context, chosen(cursor, context, "store", lock=REFER))


def _hire(cursor: Cursor, context: Context, store_id: int) -> int | None:
    place = new_address(cursor, context)
    if place is None:
        return None
    first = context.random.choice(FIRST_NAMES)
    return insert(
        cursor,
        "staff",
        first_name=first,
        last_name=context.random.choice(LAST_NAMES),
        address_id=place,
        email=email(context),
        store_id=store_id,
        username=first,
    )


def _free_manager(cursor: Cursor, context: Context, store_id: int) -> int | None:
    """A staff member who manages no store; a newly hired one if there is none."""
    free = "t.active AND NOT EXISTS (SELECT FROM store s WHERE s.manager_staff_id = t.staff_id)"
    member = chosen(cursor, context, "staff", free)
    if member is None:
        return _hire(cursor, context, store_id)
    # Checked again under the lock: another session may have appointed this member and committed in between.
    manages = rows(cursor, "SELECT 1 AS one FROM store WHERE manager_staff_id = %s", (member["staff_id"],))
    return None if manages else int(member["staff_id"])


STAFF = (
    staff_hired,
    staff_moved,
    staff_changed_store,
    staff_left_or_came_back,
    staff_renamed,
    manager_appointed,
    managers_swapped,
    store_moved,
)
