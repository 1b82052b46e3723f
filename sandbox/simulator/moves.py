"""All moves by name, and their shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from psycopg2.extensions import cursor as Cursor

from sandbox.simulator.catalogue import CATALOGUE
from sandbox.simulator.context import Context
from sandbox.simulator.customers import CUSTOMERS
from sandbox.simulator.places import PLACES
from sandbox.simulator.removal import REMOVAL
from sandbox.simulator.staff import STAFF
from sandbox.simulator.trade import TRADE

# Makes one change in the cursor's open transaction. False: it found no suitable row and changed nothing. It may
# wait for a lock on another row than the chosen one, so set lock_timeout; `Context.attempt` belongs to a rollback.
Move = Callable[[Cursor, Context], bool]

MOVES: Mapping[str, Move] = MappingProxyType(
    {move.__name__: move for move in (*TRADE, *CUSTOMERS, *PLACES, *STAFF, *CATALOGUE, *REMOVAL)}
)

# Mostly trade. As many copies are returned as are rented: otherwise the stores would run out of copies.
WEIGHTS: Mapping[str, float] = MappingProxyType(
    dict.fromkeys(MOVES, 1.0)
    | {
        "rental_opened": 30,
        "rental_returned": 35,
        "rental_paid": 30,
        "old_rental_paid": 10,
        "payment_booked_late": 6,
        "customer_joined": 3,
        "customer_moved": 3,
        "customer_deleted": 0.3,
        "country_renamed": 0.3,
        "film_added": 0.5,
        "staff_hired": 0.3,
        "store_moved": 0.3,
        "category_renamed": 0.3,
    }
)

# Moves of transactions that stay open for hours: they lock only rows that no other move needs.
LONG_MOVES = (
    "rental_opened",
    "rental_paid",
    "payment_booked_late",
    "old_rental_paid",
    "payment_amount_corrected",
    "customer_renamed",
    "customer_moved",
    "film_price_changed",
)
