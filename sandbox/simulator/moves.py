"""All moves by name, and how often each is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from psycopg2.extensions import cursor as Cursor

from sandbox.simulator.catalogue import CATALOGUE
from sandbox.simulator.people import PEOPLE
from sandbox.simulator.removal import REMOVAL
from sandbox.simulator.scene import Scene
from sandbox.simulator.trade import TRADE

# Makes one change in the cursor's open transaction. False: it found nothing suitable and changed nothing. It may
# wait for a lock on a row beside the one that it chose, so set lock_timeout; `Scene.attempt` goes with a rollback.
Move = Callable[[Cursor, Scene], bool]

MOVES: Mapping[str, Move] = MappingProxyType(
    {move.__name__: move for move in (*TRADE, *PEOPLE, *CATALOGUE, *REMOVAL)}
)

# Mostly trade, and as many copies come back as go out: otherwise the shelves would be empty one day.
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

# What a transaction may do that stays open for hours: it locks rows that everybody else can do without.
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
