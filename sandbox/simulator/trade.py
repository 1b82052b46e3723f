"""Moves of rentals and payments, and corrections of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from psycopg2.extensions import cursor as Cursor

from sandbox.simulator.context import Context
from sandbox.simulator.rows import CHANGE, DELETE, REFER, Row, chosen, insert, locked, other, rows, update

# count(*) keeps the planner from turning these subqueries into joins that read a whole large table.
IS_AVAILABLE = (
    "(SELECT count(*) FROM rental r WHERE r.inventory_id = t.inventory_id AND r.return_date IS NULL) = 0"
)
UNPAID = "(SELECT count(*) FROM payment p WHERE p.rental_id = t.rental_id) = 0"
ACTIVE = "t.active = 1"
MAX_AMOUNT = Decimal("999.99")  # payment.amount is numeric(5,2)


def rental_opened(cursor: Cursor, context: Context) -> bool:
    """An active customer rents a copy."""
    customer = chosen(cursor, context, "customer", ACTIVE, lock=REFER)
    return customer is not None and rent(cursor, context, customer["customer_id"]) is not None


def rental_returned(cursor: Cursor, context: Context) -> bool:
    """A copy is returned."""
    rental = chosen(cursor, context, "rental", "t.return_date IS NULL")
    if rental is None:
        return False
    update(cursor, context, "rental", rental, return_date=context.now.replace(microsecond=0))
    return True


def rental_paid(cursor: Cursor, context: Context) -> bool:
    """A new rental is paid now."""
    rental = chosen(cursor, context, "rental", UNPAID, lock=REFER, recent=True)
    return rental is not None and pay(cursor, context, rental, context.now)


def payment_booked_late(cursor: Cursor, context: Context) -> bool:
    """A payment of some days ago is entered only now."""
    rental = chosen(cursor, context, "rental", lock=REFER, recent=True)
    late = timedelta(days=context.random.randint(2, 20))
    return rental is not None and pay(cursor, context, rental, context.now - late)


def old_rental_paid(cursor: Cursor, context: Context) -> bool:
    """A payment now for any rental, old or new."""
    rental = chosen(cursor, context, "rental", lock=REFER)
    return rental is not None and pay(cursor, context, rental, context.now)


def payment_amount_corrected(cursor: Cursor, context: Context) -> bool:
    """A payment has another amount: more, less, or zero."""
    payment = any_payment(cursor, context)
    if payment is None:
        return False
    amount = payment["amount"]
    choices = {Decimal("0.00"), amount + 1, amount * 2, amount - 1}
    within = sorted(choice for choice in choices if 0 <= choice <= MAX_AMOUNT)
    update(cursor, context, "payment", payment, amount=other(context, within, amount))
    return True


def payment_moved(cursor: Cursor, context: Context) -> bool:
    """A payment belongs to another rental and that rental's customer."""
    payment = any_payment(cursor, context)
    if payment is None:
        return False
    rental = chosen(cursor, context, "rental", "t.rental_id <> %s", (payment["rental_id"],), lock=REFER)
    if rental is None or locked(cursor, "customer", rental["customer_id"], REFER) is None:
        return False
    paid = {"rental_id": rental["rental_id"], "customer_id": rental["customer_id"]}
    update(cursor, context, "payment", payment, **paid)
    return True


def payment_date_corrected(cursor: Cursor, context: Context) -> bool:
    """A payment was made on another day, at the same time."""
    payment = any_payment(cursor, context)
    if payment is None:
        return False
    earlier = timedelta(days=context.random.randint(1, 12))
    later = payment["payment_date"] + timedelta(days=context.random.randint(1, 3))
    choices = [payment["payment_date"] - earlier, *([later] if later <= context.now else [])]
    update(cursor, context, "payment", payment, payment_date=context.random.choice(choices))
    return True


def payment_cashier_corrected(cursor: Cursor, context: Context) -> bool:
    """Another staff member took the payment."""
    payment = any_payment(cursor, context)
    if payment is None:
        return False
    cashier = chosen(cursor, context, "staff", "t.staff_id <> %s", (payment["staff_id"],), lock=REFER)
    if cashier is None:
        return False
    update(cursor, context, "payment", payment, staff_id=cashier["staff_id"])
    return True


def rental_copy_corrected(cursor: Cursor, context: Context) -> bool:
    """A rental was of another copy, mostly of another film."""
    # inventory_id is part of a unique index, so its change needs the stronger lock.
    rental = chosen(cursor, context, "rental", lock=DELETE, recent=context.random.random() < 0.5)
    copy = None if rental is None else free_copy(cursor, context, rental["inventory_id"])
    if rental is None or copy is None:
        return False
    update(cursor, context, "rental", rental, inventory_id=copy)
    return True


def rental_dates_corrected(cursor: Cursor, context: Context) -> bool:
    """A rental began some hours earlier and, if it was returned, was returned as many hours later."""
    rental = chosen(cursor, context, "rental", lock=DELETE, recent=context.random.random() < 0.5)
    if rental is None:
        return False
    hours = timedelta(hours=context.random.randint(1, 48))
    end = rental["return_date"]
    dates = {"rental_date": rental["rental_date"] - hours, "return_date": end and end + hours}
    update(cursor, context, "rental", rental, **dates)
    return True


def any_payment(cursor: Cursor, context: Context) -> Row | None:
    """A payment to change: in half of the cases one of the newest."""
    return chosen(cursor, context, "payment", recent=context.random.random() < 0.5)


def rent(cursor: Cursor, context: Context, customer_id: int) -> int | None:
    """Rent a copy to the customer; the rental's key, None if no copy is available."""
    copy = free_copy(cursor, context)
    staff_id = active_staff_member(cursor, context)
    if copy is None or staff_id is None:
        return None
    began = context.now.replace(microsecond=0)
    return insert(
        cursor, "rental", rental_date=began, inventory_id=copy, customer_id=customer_id, staff_id=staff_id
    )


def free_copy(cursor: Cursor, context: Context, except_for: int = 0) -> int | None:
    """A copy other than `except_for` that is not rented, locked until this transaction ends."""
    copy = chosen(
        cursor, context, "inventory", f"t.inventory_id <> %s AND {IS_AVAILABLE}", (except_for,), lock=CHANGE
    )
    # Checked again under the lock: another session may have rented it and committed in between.
    if copy is None or is_rented(cursor, copy["inventory_id"]):
        return None
    return int(copy["inventory_id"])


def is_rented(cursor: Cursor, inventory_id: int) -> bool:
    """Whether the copy has an open rental."""
    held = "SELECT FROM rental WHERE inventory_id = %s AND return_date IS NULL LIMIT 1"
    return bool(rows(cursor, held, (inventory_id,)))


def active_staff_member(cursor: Cursor, context: Context) -> int | None:
    """An active staff member; any staff member if none is active."""
    found = chosen(cursor, context, "staff", "t.active", lock=REFER) or chosen(
        cursor, context, "staff", lock=REFER
    )
    return None if found is None else int(found["staff_id"])


def pay(cursor: Cursor, context: Context, rental: Row, paid_at: datetime) -> bool:
    """A payment for the rental, by its customer."""
    staff_id = active_staff_member(cursor, context)
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
    """The film's rate plus one dollar for each started day of delay, ten at most."""
    (film,) = rows(
        cursor,
        "SELECT rental_rate, rental_duration FROM film JOIN inventory USING (film_id) WHERE inventory_id = %s",
        (rental["inventory_id"],),
    )
    end = rental["return_date"] or rental["rental_date"]
    late = -((rental["rental_date"] - end) // timedelta(days=1)) - film["rental_duration"]
    return min(film["rental_rate"] + min(max(late, 0), 10), MAX_AMOUNT)


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
