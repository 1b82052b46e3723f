"""The two large tables: rental and payment. Each row is computed from its number alone, so memory stays constant.

Rentals are numbered by time. They fall on 40 days from May to August 2005, and those not yet
returned on one day of 2006. Each is paid on the day of the same number in another month of 2007. As in
dvdrental, rentals and payments have no day in common.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from math import gcd

import numpy as np
import pyarrow as pa

from sandbox.generator.arrow import cents, constant, nullable
from sandbox.generator.catalogue import duration_days, film_of_copy, rate_cents
from sandbox.generator.draw import Bools, Draw, Ints, is_among, nth_other, spread
from sandbox.generator.sizes import Sizes

# First day of each busy week of 2005, and how many of dvdrental's rentals fall on it and on the days after.
WEEKS = {
    "2005-05-24": (8, 137, 174, 166, 196, 154, 158, 163),
    "2005-06-14": (16, 348, 324, 325, 344, 348, 331, 275),
    "2005-07-05": (27, 504, 461, 512, 513, 480, 461, 495),
    "2005-07-26": (33, 649, 620, 641, 634, 679, 671, 643),
    "2005-08-16": (23, 610, 637, 649, 643, 688, 648, 634),
}
DAYS = np.concatenate([np.datetime64(first, "D") + np.arange(len(counts)) for first, counts in WEEKS.items()])
SHARES = np.cumsum([0, *(count for counts in WEEKS.values() for count in counts)], dtype=np.float64)
SHARES /= SHARES[-1]
MONTH_OF_DAY = (DAYS.astype("datetime64[M]").astype(np.int64) % 12) + 1
PAID_MONTH = {
    5: "2007-01",
    6: "2007-02",
    7: "2007-04",
    8: "2007-03",
}  # by month of 2005; no rental of May is paid
# The same day of that month; the last of July falls on the last of April.
PAID_DAYS = np.array(
    [
        np.datetime64(f"{PAID_MONTH[month]}-{min(day.item().day, 30):02d}")
        for day, month in zip(DAYS, MONTH_OF_DAY.tolist(), strict=True)
    ]
)
SECONDS_OF_DAY = 86_400

OPEN_SINCE = np.datetime64("2006-02-14T15:16:03", "s")
OPEN_PAID = np.datetime64("2007-05-14T13:44:29", "s")
PAYMENT_FRACTION = np.timedelta64(996_577, "us")
FIRST_PAYMENT_ID = 17_503
EXTRA_PAYMENTS = 4
GAPS = 5  # numbers that are missing in rental_id
RENTALS_UPDATED = datetime.fromisoformat("2006-02-15 21:30:53")
SHORTEST_MINUTES, LONGEST_MINUTES = 18 * 60, (9 * 24 + 6) * 60


def rentals_before(sizes: Sizes, month: int) -> int:
    """The number of rentals before this month of 2005, which is the number of the month's first rental."""
    share = SHARES[np.searchsorted(MONTH_OF_DAY, month)]
    return int(np.ceil(share * sizes.rentals - 0.5))


@lru_cache(maxsize=4)
def open_rentals(sizes: Sizes) -> Ints:
    """Numbers of the rentals without return date: each the last rental of its copy, so that no copy is rented twice."""
    return spread(sizes.open_rentals, sizes.rentals - sizes.inventory, sizes.rentals)


@lru_cache(maxsize=4)
def unpaid_rentals(sizes: Sizes) -> Ints:
    """Numbers of the rentals without payment: all of May, and some later ones."""
    may = rentals_before(sizes, 6)
    later = spread(sizes.unpaid_rentals - may, may, 3 * may)
    return np.concatenate([np.arange(may, dtype=np.int64), later])


def contested_rental(sizes: Sizes) -> int:
    """The number of the one rental with five payments, four of them by other customers than the renter."""
    return sizes.rentals * 2 // 7


def shuffled(numbers: Ints, count: int) -> Ints:
    """A fixed permutation of 0 to count - 1, by steps of a length that is coprime to count."""
    step = max(1, int(count * 0.618))
    while gcd(step, count) != 1:
        step += 1
    return (numbers * step + count // 3) % count


def rental_ids(sizes: Sizes, rentals: Ints) -> Ints:
    """rental_id: numbers from 1, with a few gaps."""
    return rentals + 1 + rentals * (GAPS + 1) // sizes.rentals


def day_and_seconds(sizes: Sizes, rentals: Ints) -> tuple[Ints, Ints]:
    """The time of each rental, as if none were open: the index of its day in DAYS, and the second of that day."""
    share = (rentals + 0.5) / sizes.rentals
    day = np.searchsorted(SHARES, share, side="right") - 1
    within = (share - SHARES[day]) / (SHARES[day + 1] - SHARES[day])
    return day, np.minimum((within * SECONDS_OF_DAY).astype(np.int64), SECONDS_OF_DAY - 1)


def renters(sizes: Sizes, draw: Draw, rentals: Ints) -> Ints:
    """The customer of each rental, numbered from 0."""
    return draw.below(sizes.customers, "renter", rentals)


def copies(sizes: Sizes, rentals: Ints) -> Ints:
    """The copy that is rented, numbered from 0. Each copy is rented once before any is rented again, weeks later.

    So a copy is returned before its next rental, and rented at most once per second.
    """
    return shuffled(rentals % sizes.inventory, sizes.inventory)


def minutes_out(draw: Draw, rentals: Ints) -> Ints:
    """The duration of each rental in minutes."""
    return SHORTEST_MINUTES + draw.below(LONGEST_MINUTES - SHORTEST_MINUTES, "minutes out", rentals)


def rental(sizes: Sizes, draw: Draw, rows: Ints) -> pa.Table:
    """Rentals."""
    is_open = is_among(rows, open_rentals(sizes))
    day, second = day_and_seconds(sizes, rows)
    made = DAYS[day].astype("datetime64[s]") + second
    made[is_open] = OPEN_SINCE
    returned = pa.array(made + 60 * minutes_out(draw, rows))
    return pa.table(
        {
            "rental_id": rental_ids(sizes, rows),
            "rental_date": made,
            "inventory_id": copies(sizes, rows) + 1,
            "customer_id": renters(sizes, draw, rows) + 1,
            "return_date": nullable(returned, is_open),
            "staff_id": draw.below(sizes.staff, "lender", rows) + 1,
            "last_update": constant(RENTALS_UPDATED, rows),
        }
    )


def paid_rentals(sizes: Sizes, rows: Ints) -> Ints:
    """The rental of each payment: those of June, then August, then July, each month shuffled.

    This is the order of the months of payment. The last few payments are all of the contested rental.
    """
    unpaid = unpaid_rentals(sizes)
    paid = sizes.payments - EXTRA_PAYMENTS
    july, august = (int(n - np.searchsorted(unpaid, n)) for n in (rentals_before(sizes, m) for m in (7, 8)))
    rank = np.empty(len(rows), dtype=np.int64)
    begin = 0
    for first, last in ((0, july), (august, paid), (july, august)):
        here = (rows >= begin) & (rows < begin + last - first)
        rank[here] = first + shuffled(rows[here] - begin, last - first)
        begin += last - first
    rank[rows >= paid] = 0
    return np.where(rows >= paid, contested_rental(sizes), nth_other(rank, unpaid))


def payment(sizes: Sizes, draw: Draw, rows: Ints) -> pa.Table:
    """Payments."""
    rentals = paid_rentals(sizes, rows)
    extra = np.maximum(rows - (sizes.payments - EXTRA_PAYMENTS) + 1, 0)
    is_open = is_among(rentals, open_rentals(sizes))
    # An extra payment is made on another day: the day of a rental 4 % of all rentals later.
    day, second = day_and_seconds(sizes, rentals + extra * (sizes.rentals // 25))
    paid = PAID_DAYS[day].astype("datetime64[s]") + second
    paid[is_open] = OPEN_PAID
    payers = (renters(sizes, draw, rentals) + extra) % sizes.customers
    return pa.table(
        {
            "payment_id": FIRST_PAYMENT_ID + rows,
            "customer_id": payers + 1,
            "staff_id": draw.below(sizes.staff, "cashier", rows) + 1,
            "rental_id": rental_ids(sizes, rentals),
            "amount": cents(amount_cents(sizes, draw, rows, rentals, is_open)),
            "payment_date": paid.astype("datetime64[us]") + PAYMENT_FRACTION,
        }
    )


def amount_cents(sizes: Sizes, draw: Draw, rows: Ints, rentals: Ints, is_open: Bools) -> Ints:
    """The film's rate plus one dollar for each started day of delay; a few pay twice as much, a few nothing."""
    films = film_of_copy(sizes, copies(sizes, rentals))
    days_out = -(-minutes_out(draw, rentals) // (24 * 60))
    late = np.where(is_open, 0, np.maximum(days_out - duration_days(draw, films), 0))
    amount = (rate_cents(draw, films) + 100 * late) * np.where(rows % 700 == 350, 2, 1)
    return np.where(is_among(rows, spread(sizes.free_payments, 0, sizes.payments)), 0, amount)
