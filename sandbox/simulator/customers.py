"""Moves of customers: they join, move, change, leave."""

from __future__ import annotations

from psycopg2.extensions import cursor as Cursor

from sandbox.generator import words
from sandbox.simulator.context import Context
from sandbox.simulator.names import FIRST_NAMES, LAST_NAMES, email, renamed
from sandbox.simulator.places import any_store, digits, new_address, relocated, street
from sandbox.simulator.rows import REFER, change_one, chosen, insert, locked, other, rows, update
from sandbox.simulator.trade import ACTIVE, pay, rent


def customer_joined(cursor: Cursor, context: Context) -> bool:
    """A new customer, at a new address, who rents and pays at once."""
    store = any_store(cursor, context)
    place = None if store is None else new_address(cursor, context)
    if place is None:
        return False
    customer_id = insert(
        cursor,
        "customer",
        store_id=store,
        first_name=context.random.choice(FIRST_NAMES),
        last_name=context.random.choice(LAST_NAMES),
        email=email(context),
        address_id=place,
        create_date=context.now.date(),
        active=1,
    )
    rental_id = rent(cursor, context, customer_id)
    if rental_id is not None:
        (rental,) = rows(cursor, "SELECT * FROM rental WHERE rental_id = %s", (rental_id,))
        pay(cursor, context, rental, context.now)
    return True


def customer_moved(cursor: Cursor, context: Context) -> bool:
    """Moves to another city; the address row itself is overwritten."""
    return relocated(cursor, context, chosen(cursor, context, "customer", lock=REFER))


def customer_address_detailed(cursor: Cursor, context: Context) -> bool:
    """address2 from NULL to a value or back, district from a value to '' or back."""
    customer = chosen(cursor, context, "customer", lock=REFER)
    address = None if customer is None else locked(cursor, "address", customer["address_id"])
    if address is None:
        return False
    if context.random.random() < 0.5:
        flat = f"Apt. {context.random.randint(1, 99)}"
        changed = {"address2": other(context, [flat, ""] if address["address2"] is None else [None], "")}
    else:
        changed = {"district": context.random.choice(words.DISTRICTS) if address["district"] == "" else ""}
    update(cursor, context, "address", address, **changed)
    return True


def customer_readdressed(cursor: Cursor, context: Context) -> bool:
    """Moves to an address that is inserted for it; the old address row stays."""
    customer = chosen(cursor, context, "customer")
    place = None if customer is None else new_address(cursor, context)
    if customer is None or place is None:
        return False
    update(cursor, context, "customer", customer, address_id=place)
    return True


def customer_closed(cursor: Cursor, context: Context) -> bool:
    """Is no longer active."""
    return change_one(cursor, context, "customer", ACTIVE, active=0, activebool=False)


def customer_reopened(cursor: Cursor, context: Context) -> bool:
    """Is active again."""
    return change_one(cursor, context, "customer", "t.active = 0", active=1, activebool=True)


def customer_changed_store(cursor: Cursor, context: Context) -> bool:
    """Belongs to another store from now on."""
    customer = chosen(cursor, context, "customer")
    store = None if customer is None else any_store(cursor, context, customer["store_id"])
    if customer is None or store is None:
        return False
    update(cursor, context, "customer", customer, store_id=store)
    return True


def customer_renamed(cursor: Cursor, context: Context) -> bool:
    """Has another last name."""
    return renamed(cursor, context, "customer")


def customer_changed_mail(cursor: Cursor, context: Context) -> bool:
    """Has another e-mail address, or none."""
    customer = chosen(cursor, context, "customer")
    if customer is None:
        return False
    update(
        cursor, context, "customer", customer, email=other(context, [email(context), None], customer["email"])
    )
    return True


def customer_changed_everything(cursor: Cursor, context: Context) -> bool:
    """Name, mail, store and address at once."""
    customer = chosen(cursor, context, "customer")
    address = None if customer is None else locked(cursor, "address", customer["address_id"])
    if customer is None or address is None:
        return False
    names = {
        "first_name": other(context, FIRST_NAMES, customer["first_name"]),
        "last_name": other(context, LAST_NAMES, customer["last_name"]),
    }
    store = any_store(cursor, context, customer["store_id"]) or customer["store_id"]
    update(cursor, context, "customer", customer, **names, email=email(context), store_id=store)
    update(cursor, context, "address", address, **street(context), phone=digits(context, 12))
    return True


def customer_saved_unchanged(cursor: Cursor, context: Context) -> bool:
    """Changed and changed back in one transaction: only last_update differs."""
    customer = chosen(cursor, context, "customer")
    if customer is None:
        return False
    for name in (other(context, LAST_NAMES, customer["last_name"]), customer["last_name"]):
        cursor.execute(
            "UPDATE customer SET last_name = %s WHERE customer_id = %s", (name, customer["customer_id"])
        )
    return True


CUSTOMERS = (
    customer_joined,
    customer_moved,
    customer_address_detailed,
    customer_readdressed,
    customer_closed,
    customer_reopened,
    customer_changed_store,
    customer_renamed,
    customer_changed_mail,
    customer_changed_everything,
    customer_saved_unchanged,
)
