"""Names and e-mail addresses of people in the simulated business."""

from __future__ import annotations

from psycopg2.extensions import cursor as Cursor

from sandbox.generator import words
from sandbox.simulator.context import Context
from sandbox.simulator.places import digits
from sandbox.simulator.rows import change_one

FIRST_NAMES = [*words.FIRST_NAMES, *(first for first, _ in words.ODD_NAMES)]
LAST_NAMES = [*words.LAST_NAMES, *(last for _, last in words.ODD_NAMES)]


def email(context: Context) -> str:
    """An e-mail address in a domain that is reserved for examples."""
    return f"{context.random.choice(words.STREETS).lower()}.{digits(context, 9)}@example.org"


def renamed(cursor: Cursor, context: Context, table: str) -> bool:
    """Give a row of customer or staff another last name."""
    name = context.random.choice(LAST_NAMES)
    return change_one(cursor, context, table, "t.last_name <> %s", name, last_name=name)
