"""Moves of the trade: rentals and payments, and what is corrected in them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from psycopg2.extensions import cursor as Cursor

from sandbox.simulator.rows import CHANGE, DELETE, REFER, Row, chosen, insert, locked, other, rows, update
from sandbox.simulator.scene import Scene

# Subqueries that stay subqueries: as a join, the planner might read the whole of a large table.
IS_IN = "(SELECT count(*) FROM rental r WHERE r.inventory_id = t.inventory_id AND r.return_date IS NULL) = 0"
UNPAID = "(SELECT count(*) FROM payment p WHERE p.rental_id = t.rental_id) = 0"
OPEN = "t.active = 1"
MOST = Decimal("999.99")  # payment.amount is numeric(5,2)


def rental_opened(cursor: Cursor, scene: Scene) -> bool:
    """An open customer takes a copy home."""
    customer = chosen(cursor, scene, "customer", OPEN, lock=REFER)
    return customer is not None and rent(cursor, scene, customer["customer_id"]) is not None


def rental_returned(cursor: Cursor, scene: Scene) -> bool:
    """A copy comes back."""
    rental = chosen(cursor, scene, "rental", "t.return_date IS NULL")
    if rental is None:
        return False
    update(cursor, scene, "rental", rental, return_date=scene.now.replace(microsecond=0))
    return True


def rental_paid(cursor: Cursor, scene: Scene) -> bool:
    """A new rental is paid, now."""
    rental = chosen(cursor, scene, "rental", UNPAID, lock=REFER, recent=True)
    return rental is not None and pay(cursor, scene, rental, scene.now)


def payment_booked_late(cursor: Cursor, scene: Scene) -> bool:
    """A payment of some days ago enters the books only now."""
    rental = chosen(cursor, scene, "rental", lock=REFER, recent=True)
    late = timedelta(days=scene.random.randint(2, 20))
    return rental is not None and pay(cursor, scene, rental, scene.now - late)


def old_rental_paid(cursor: Cursor, scene: Scene) -> bool:
    """Somebody pays, now, for any rental there ever was."""
    rental = chosen(cursor, scene, "rental", lock=REFER)
    return rental is not None and pay(cursor, scene, rental, scene.now)


def payment_amount_corrected(cursor: Cursor, scene: Scene) -> bool:
    """More, less, or nothing at all."""
    payment = any_payment(cursor, scene)
    if payment is None:
        return False
    amount = payment["amount"]
    choices = {Decimal("0.00"), amount + 1, amount * 2, amount - 1}
    within = sorted(choice for choice in choices if 0 <= choice <= MOST)
    update(cursor, scene, "payment", payment, amount=other(scene, within, amount))
    return True


def payment_moved(cursor: Cursor, scene: Scene) -> bool:
    """It was for another rental, by that one's customer."""
    payment = any_payment(cursor, scene)
    if payment is None:
        return False
    rental = chosen(cursor, scene, "rental", "t.rental_id <> %s", (payment["rental_id"],), lock=REFER)
    if rental is None or locked(cursor, "customer", rental["customer_id"], REFER) is None:
        return False
    paid = {"rental_id": rental["rental_id"], "customer_id": rental["customer_id"]}
    update(cursor, scene, "payment", payment, **paid)
    return True


def payment_date_corrected(cursor: Cursor, scene: Scene) -> bool:
    """It was made on another day, at the same hour."""
    payment = any_payment(cursor, scene)
    if payment is None:
        return False
    earlier = timedelta(days=scene.random.randint(1, 12))
    later = payment["payment_date"] + timedelta(days=scene.random.randint(1, 3))
    choices = [payment["payment_date"] - earlier, *([later] if later <= scene.now else [])]
    update(cursor, scene, "payment", payment, payment_date=scene.random.choice(choices))
    return True


def payment_cashier_corrected(cursor: Cursor, scene: Scene) -> bool:
    """Another member of the staff took the money."""
    payment = any_payment(cursor, scene)
    if payment is None:
        return False
    cashier = chosen(cursor, scene, "staff", "t.staff_id <> %s", (payment["staff_id"],), lock=REFER)
    if cashier is None:
        return False
    update(cursor, scene, "payment", payment, staff_id=cashier["staff_id"])
    return True


def rental_copy_corrected(cursor: Cursor, scene: Scene) -> bool:
    """It was another copy, mostly of another film."""
    # inventory_id is part of a unique index, so its change asks for the stronger lock.
    rental = chosen(cursor, scene, "rental", lock=DELETE, recent=scene.random.random() < 0.5)
    copy = None if rental is None else free_copy(cursor, scene, rental["inventory_id"])
    if rental is None or copy is None:
        return False
    update(cursor, scene, "rental", rental, inventory_id=copy)
    return True


def rental_dates_corrected(cursor: Cursor, scene: Scene) -> bool:
    """It began some hours earlier and, if it ended, ended later."""
    rental = chosen(cursor, scene, "rental", lock=DELETE, recent=scene.random.random() < 0.5)
    if rental is None:
        return False
    hours = timedelta(hours=scene.random.randint(1, 48))
    end = rental["return_date"]
    dates = {"rental_date": rental["rental_date"] - hours, "return_date": end and end + hours}
    update(cursor, scene, "rental", rental, **dates)
    return True


def any_payment(cursor: Cursor, scene: Scene) -> Row | None:
    """A payment to be changed: every other time one of the newest."""
    return chosen(cursor, scene, "payment", recent=scene.random.random() < 0.5)


def rent(cursor: Cursor, scene: Scene, customer_id: int) -> int | None:
    """Rent a copy to the customer; the rental's key, None if no copy is in."""
    copy = free_copy(cursor, scene)
    staff_id = clerk(cursor, scene)
    if copy is None or staff_id is None:
        return None
    began = scene.now.replace(microsecond=0)
    return insert(
        cursor, "rental", rental_date=began, inventory_id=copy, customer_id=customer_id, staff_id=staff_id
    )


def free_copy(cursor: Cursor, scene: Scene, but: int = 0) -> int | None:
    """A copy that is not out, and not `but`. It is locked: a rental that waits for its commit hides it."""
    copy = chosen(cursor, scene, "inventory", f"t.inventory_id <> %s AND {IS_IN}", (but,), lock=CHANGE)
    # Asked again under the lock: somebody may have rented it, and committed, while we took it.
    if copy is None or is_out(cursor, copy["inventory_id"]):
        return None
    return int(copy["inventory_id"])


def is_out(cursor: Cursor, inventory_id: int) -> bool:
    """Whether an open rental has the copy."""
    held = "SELECT FROM rental WHERE inventory_id = %s AND return_date IS NULL LIMIT 1"
    return bool(rows(cursor, held, (inventory_id,)))


def clerk(cursor: Cursor, scene: Scene) -> int | None:
    """Who serves: one of the active staff, anyone if all have left."""
    found = chosen(cursor, scene, "staff", "t.active", lock=REFER) or chosen(
        cursor, scene, "staff", lock=REFER
    )
    return None if found is None else int(found["staff_id"])


def pay(cursor: Cursor, scene: Scene, rental: Row, paid_at: datetime) -> bool:
    """A payment for the rental, by its customer."""
    staff_id = clerk(cursor, scene)
    if staff_id is None or locked(cursor, "customer", rental["customer_id"], REFER) is None:
        return False
    insert(
        cursor,
        "payment",
        customer_id=rental["customer_id"],
        staff_id=staff_id,
        rental_id=rental["rental_id"],
        amount=price(cursor, rental),
        payment_date=paid_at,
    )
    return True


def price(cursor: Cursor, rental: Row) -> Decimal:
    """The film's rate, and a dollar for each day begun after its time, ten at most."""
    (film,) = rows(
        cursor,
        "SELECT rental_rate, rental_duration FROM film JOIN inventory USING (film_id) WHERE inventory_id = %s",
        (rental["inventory_id"],),
    )
    end = rental["return_date"] or rental["rental_date"]
    late = -((rental["rental_date"] - end) // timedelta(days=1)) - film["rental_duration"]
    return min(film["rental_rate"] + min(max(late, 0), 10), MOST)


TRADE = (
    rental_opened,
    rental_returned,
    rental_paid,
    payment_booked_late,
    old_rental_paid,
    payment_amount_corrected,
    payment_moved,
    payment_date_corrected,
    payment_cashier_corrected,
    rental_copy_corrected,
    rental_dates_corrected,
)
