"""Moves of the people: customers, staff, stores, and the places where they are."""

from __future__ import annotations

from typing import Any

from psycopg2.extensions import cursor as Cursor

from sandbox.generator import words
from sandbox.simulator.rows import DELETE, REFER, Row, chosen, insert, locked, other, rows, update
from sandbox.simulator.scene import Scene
from sandbox.simulator.trade import OPEN, pay, rent

FIRSTS = [*words.FIRST_NAMES, *(first for first, _ in words.ODD_NAMES)]
LASTS = [*words.LAST_NAMES, *(last for _, last in words.ODD_NAMES)]
STAFF_PER_STORE = 12  # who hires more has no need


def customer_joined(cursor: Cursor, scene: Scene) -> bool:
    """A new customer, at a new address, who rents and pays at once."""
    store = any_store(cursor, scene)
    place = None if store is None else new_address(cursor, scene)
    if place is None:
        return False
    customer_id = insert(
        cursor,
        "customer",
        store_id=store,
        first_name=scene.random.choice(FIRSTS),
        last_name=scene.random.choice(LASTS),
        email=mail(scene),
        address_id=place,
        create_date=scene.now.date(),
        active=1,
    )
    rental_id = rent(cursor, scene, customer_id)
    if rental_id is not None:
        (rental,) = rows(cursor, "SELECT * FROM rental WHERE rental_id = %s", (rental_id,))
        pay(cursor, scene, rental, scene.now)
    return True


def customer_moved(cursor: Cursor, scene: Scene) -> bool:
    """To another city; the address row itself is overwritten."""
    return _moved(cursor, scene, chosen(cursor, scene, "customer", lock=REFER))


def customer_address_detailed(cursor: Cursor, scene: Scene) -> bool:
    """address2 from NULL to a value or back, district from a value to '' or back."""
    customer = chosen(cursor, scene, "customer", lock=REFER)
    address = None if customer is None else locked(cursor, "address", customer["address_id"])
    if address is None:
        return False
    if scene.random.random() < 0.5:
        flat = f"Apt. {scene.random.randint(1, 99)}"
        changed = {"address2": other(scene, [flat, ""] if address["address2"] is None else [None], "")}
    else:
        changed = {"district": scene.random.choice(words.DISTRICTS) if address["district"] == "" else ""}
    update(cursor, scene, "address", address, **changed)
    return True


def customer_readdressed(cursor: Cursor, scene: Scene) -> bool:
    """To an address that is inserted for it; the old row stays."""
    customer = chosen(cursor, scene, "customer")
    place = None if customer is None else new_address(cursor, scene)
    if customer is None or place is None:
        return False
    update(cursor, scene, "customer", customer, address_id=place)
    return True


def customer_closed(cursor: Cursor, scene: Scene) -> bool:
    """Closes the account."""
    return _changed(cursor, scene, "customer", OPEN, active=0, activebool=False)


def customer_reopened(cursor: Cursor, scene: Scene) -> bool:
    """Is back."""
    return _changed(cursor, scene, "customer", "t.active = 0", active=1, activebool=True)


def customer_changed_store(cursor: Cursor, scene: Scene) -> bool:
    """Belongs to another store from now on."""
    customer = chosen(cursor, scene, "customer")
    store = None if customer is None else any_store(cursor, scene, customer["store_id"])
    if customer is None or store is None:
        return False
    update(cursor, scene, "customer", customer, store_id=store)
    return True


def customer_renamed(cursor: Cursor, scene: Scene) -> bool:
    """Has another last name."""
    return _renamed(cursor, scene, "customer")


def customer_changed_mail(cursor: Cursor, scene: Scene) -> bool:
    """Has another address of mail, or none."""
    customer = chosen(cursor, scene, "customer")
    if customer is None:
        return False
    update(cursor, scene, "customer", customer, email=other(scene, [mail(scene), None], customer["email"]))
    return True


def customer_changed_everything(cursor: Cursor, scene: Scene) -> bool:
    """Name, mail, store and address at once."""
    customer = chosen(cursor, scene, "customer")
    address = None if customer is None else locked(cursor, "address", customer["address_id"])
    if customer is None or address is None:
        return False
    names = {
        "first_name": other(scene, FIRSTS, customer["first_name"]),
        "last_name": other(scene, LASTS, customer["last_name"]),
    }
    store = any_store(cursor, scene, customer["store_id"]) or customer["store_id"]
    update(cursor, scene, "customer", customer, **names, email=mail(scene), store_id=store)
    update(cursor, scene, "address", address, **street(scene), phone=digits(scene, 12))
    return True


def customer_saved_unchanged(cursor: Cursor, scene: Scene) -> bool:
    """Changed and changed back at once: only last_update is another."""
    customer = chosen(cursor, scene, "customer")
    if customer is None:
        return False
    for name in (other(scene, LASTS, customer["last_name"]), customer["last_name"]):
        cursor.execute(
            "UPDATE customer SET last_name = %s WHERE customer_id = %s", (name, customer["customer_id"])
        )
    return True


def city_renamed(cursor: Cursor, scene: Scene) -> bool:
    """A city has another name, for all who live there."""
    name = scene.random.choice(words.CITY_HEADS) + scene.random.choice(words.CITY_TAILS)
    return _changed(cursor, scene, "city", "t.city <> %s", name, city=name)


def country_renamed(cursor: Cursor, scene: Scene) -> bool:
    """A country has another name."""
    name = f"{scene.random.choice(('New', 'Old', 'Free', 'United'))} {scene.random.choice(words.COUNTRIES)}"
    return _changed(cursor, scene, "country", "t.country <> %s", name, country=name)


def staff_hired(cursor: Cursor, scene: Scene) -> bool:
    """A new member of the staff, as long as the stores are not crowded."""
    store = any_store(cursor, scene)
    (size,) = rows(cursor, "SELECT count(*) AS n FROM staff WHERE store_id = %s", (store,))
    return store is not None and size["n"] < STAFF_PER_STORE and _hire(cursor, scene, store) is not None


def staff_moved(cursor: Cursor, scene: Scene) -> bool:
    """Lives elsewhere."""
    return _moved(cursor, scene, chosen(cursor, scene, "staff", lock=REFER))


def staff_changed_store(cursor: Cursor, scene: Scene) -> bool:
    """Works elsewhere."""
    member = chosen(cursor, scene, "staff")
    store = None if member is None else any_store(cursor, scene, member["store_id"])
    if member is None or store is None:
        return False
    update(cursor, scene, "staff", member, store_id=store)
    return True


def staff_left_or_came_back(cursor: Cursor, scene: Scene) -> bool:
    """No longer active, or active again."""
    member = chosen(cursor, scene, "staff")
    if member is None:
        return False
    update(cursor, scene, "staff", member, active=not member["active"])
    return True


def staff_renamed(cursor: Cursor, scene: Scene) -> bool:
    """Has another last name."""
    return _renamed(cursor, scene, "staff")


def manager_appointed(cursor: Cursor, scene: Scene) -> bool:
    """A store gets a manager who manages no other, hired for it if there is nobody."""
    store = chosen(cursor, scene, "store", lock=DELETE)
    spare = None if store is None else _spare(cursor, scene, store["store_id"])
    if store is None or spare is None:
        return False
    cursor.execute("UPDATE store SET manager_staff_id = %s WHERE store_id = %s", (spare, store["store_id"]))
    return True


def managers_swapped(cursor: Cursor, scene: Scene) -> bool:
    """Two stores swap managers; a third person keeps the first store meanwhile, as no one may manage two."""
    one = chosen(cursor, scene, "store", lock=DELETE)
    two = (
        None
        if one is None
        else chosen(cursor, scene, "store", "t.store_id <> %s", (one["store_id"],), lock=DELETE)
    )
    spare = None if one is None or two is None else _spare(cursor, scene, one["store_id"])
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


def store_moved(cursor: Cursor, scene: Scene) -> bool:
    """Opens elsewhere."""
    return _moved(cursor, scene, chosen(cursor, scene, "store", lock=REFER))


def any_store(cursor: Cursor, scene: Scene, but: int = 0) -> int | None:
    """A store that is not `but`. (No foreign key leads to a store, so it needs no lock.)"""
    stores = rows(cursor, "SELECT store_id FROM store WHERE store_id <> %s ORDER BY 1", (but,))
    return scene.random.choice(stores)["store_id"] if stores else None


def new_address(cursor: Cursor, scene: Scene) -> int | None:
    """A new address in some city; its key."""
    city = chosen(cursor, scene, "city", lock=REFER)
    if city is None:
        return None
    where = street(scene) | {"city_id": city["city_id"], "phone": digits(scene, 12)}
    return insert(cursor, "address", **where, address2=scene.random.choice((None, "", "Apt. 3")))


def street(scene: Scene) -> dict[str, Any]:
    """Street, district and postal code."""
    pick = scene.random.choice
    return {
        "address": f"{scene.random.randint(1, 1999)} {pick(words.STREETS)} {pick(words.WAYS)}",
        "district": pick(words.DISTRICTS),
        "postal_code": digits(scene, 5),
    }


def digits(scene: Scene, count: int) -> str:
    """A number of so many digits."""
    return "".join(scene.random.choices("0123456789", k=count))


def mail(scene: Scene) -> str:
    """An address of mail that reaches nobody."""
    return f"{scene.random.choice(words.STREETS).lower()}.{digits(scene, 9)}@example.org"


def _changed(cursor: Cursor, scene: Scene, table: str, where: str, *parameters: Any, **values: Any) -> bool:
    """Set columns of a row for which `where` holds."""
    row = chosen(cursor, scene, table, where, parameters)
    if row is None:
        return False
    update(cursor, scene, table, row, **values)
    return True


def _renamed(cursor: Cursor, scene: Scene, table: str) -> bool:
    name = scene.random.choice(LASTS)
    return _changed(cursor, scene, table, "t.last_name <> %s", name, last_name=name)


def _moved(cursor: Cursor, scene: Scene, who: Row | None) -> bool:
    """Overwrite the address row of a customer, staff member or store."""
    address = None if who is None else locked(cursor, "address", who["address_id"])
    if address is None:
        return False
    city = chosen(cursor, scene, "city", "t.city_id <> %s", (address["city_id"],), lock=REFER)
    if city is None:
        return False
    update(cursor, scene, "address", address, **street(scene), city_id=city["city_id"])
    return True


def _hire(cursor: Cursor, scene: Scene, store_id: int) -> int | None:
    place = new_address(cursor, scene)
    if place is None:
        return None
    first = scene.random.choice(FIRSTS)
    return insert(
        cursor,
        "staff",
        first_name=first,
        last_name=scene.random.choice(LASTS),
        address_id=place,
        email=mail(scene),
        store_id=store_id,
        username=first,
    )


def _spare(cursor: Cursor, scene: Scene, store_id: int) -> int | None:
    """A member of the staff who manages no store; a new one if there is none."""
    free = "t.active AND NOT EXISTS (SELECT FROM store s WHERE s.manager_staff_id = t.staff_id)"
    member = chosen(cursor, scene, "staff", free)
    if member is None:
        return _hire(cursor, scene, store_id)
    # Asked again under the lock: another writer may have appointed, and committed, while we took it.
    manages = rows(cursor, "SELECT 1 AS one FROM store WHERE manager_staff_id = %s", (member["staff_id"],))
    return None if manages else int(member["staff_id"])


PEOPLE = (
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
    city_renamed,
    country_renamed,
    staff_hired,
    staff_moved,
    staff_changed_store,
    staff_left_or_came_back,
    staff_renamed,
    manager_appointed,
    managers_swapped,
    store_moved,
)
