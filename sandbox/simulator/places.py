"""Moves of cities and countries; stores and addresses for all other moves."""

from __future__ import annotations

from typing import Any

from psycopg2.extensions import cursor as Cursor

from sandbox.generator import words
from sandbox.simulator.context import Context
from sandbox.simulator.rows import REFER, Row, change_one, chosen, insert, locked, rows, update


def city_renamed(cursor: Cursor, context: Context) -> bool:
    """Rename a city, for all its addresses."""
    name = context.random.choice(words.CITY_HEADS) + context.random.choice(words.CITY_TAILS)
    return change_one(cursor, context, "city", "t.city <> %s", name, city=name)


def country_renamed(cursor: Cursor, context: Context) -> bool:
    """Rename a country."""
    name = (
        f"{context.random.choice(('New', 'Old', 'Free', 'United'))} {context.random.choice(words.COUNTRIES)}"
    )
    return change_one(cursor, context, "country", "t.country <> %s", name, country=name)


def any_store(cursor: Cursor, context: Context, except_for: int = 0) -> int | None:
    """A random store other than `except_for`. (No foreign key refers to store, so no lock is needed.)"""
    stores = rows(cursor, "SELECT store_id FROM store WHERE store_id <> %s ORDER BY 1", (except_for,))
    return context.random.choice(stores)["store_id"] if stores else None


def new_address(cursor: Cursor, context: Context) -> int | None:
    """A new address in some city; its key."""
    city = chosen(cursor, context, "city", lock=REFER)
    if city is None:
        return None
    where = street(context) | {"city_id": city["city_id"], "phone": digits(context, 12)}
    return insert(cursor, "address", **where, address2=context.random.choice((None, "", "Apt. 3")))


def street(context: Context) -> dict[str, Any]:
    """Street, district and postal code."""
    pick = context.random.choice
    return {
        "address": f"{context.random.randint(1, 1999)} {pick(words.STREETS)} {pick(words.WAYS)}",
        "district": pick(words.DISTRICTS),
        "postal_code": digits(context, 5),
    }


def digits(context: Context, count: int) -> str:
    """A random text of `count` digits."""
    return "".join(context.random.choices("0123456789", k=count))


def relocated(cursor: Cursor, context: Context, owner: Row | None) -> bool:
    """Overwrite the address row of a customer, staff member or store with another city and street."""
    address = None if owner is None else locked(cursor, "address", owner["address_id"])
    if address is None:
        return False
    city = chosen(cursor, context, "city", "t.city_id <> %s", (address["city_id"],), lock=REFER)
    if city is None:
        return False
    update(cursor, context, "address", address, **street(context), city_id=city["city_id"])
    return True


PLACES = (city_renamed, country_renamed)
