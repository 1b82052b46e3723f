"""Moves of the catalogue: films, their categories, and the copies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from psycopg2.extensions import cursor as Cursor

from sandbox.generator import words
from sandbox.simulator.context import Context
from sandbox.simulator.places import any_store
from sandbox.simulator.rows import REFER, chosen, insert, other, rows, update

RATES = tuple(Decimal(rate) for rate in ("0.99", "1.99", "2.99", "3.99", "4.99", "5.49"))
THIS_PAIR = "(film_id, category_id) = (%s, %s)"
COSTS = tuple(Decimal(cost) for cost in ("9.99", "14.50", "19.99", "24.00", "29.99"))


def film_price_changed(cursor: Cursor, context: Context) -> bool:
    """Another rental_rate."""
    return _changed(cursor, context, "rental_rate", RATES)


def film_duration_changed(cursor: Cursor, context: Context) -> bool:
    """Another rental_duration."""
    return _changed(cursor, context, "rental_duration", range(2, 9))


def film_cost_changed(cursor: Cursor, context: Context) -> bool:
    """Another replacement_cost."""
    return _changed(cursor, context, "replacement_cost", COSTS)


def film_facts_corrected(cursor: Cursor, context: Context) -> bool:
    """Another length or year, or NULL for unknown."""
    if context.random.random() < 0.5:
        return _changed(cursor, context, "length", (None, 61, 90, 118, 203))
    return _changed(cursor, context, "release_year", (None, 1931, 1977, 2005, 2007))


def film_rating_changed(cursor: Cursor, context: Context) -> bool:
    """Another rating; in half of the cases G or NULL."""
    return _changed(cursor, context, "rating", context.random.choice(([None, "G"], words.RATINGS)))


def film_retitled(cursor: Cursor, context: Context) -> bool:
    """Another title."""
    return _changed(cursor, context, "title", (title(context), *words.ODD_TITLES))


def film_described(cursor: Cursor, context: Context) -> bool:
    """Another description, or NULL."""
    return _changed(cursor, context, "description", (None, description(context), description(context)))


def film_language_changed(cursor: Cursor, context: Context) -> bool:
    """Another language."""
    return _changed(cursor, context, "language_id", _keys(cursor, "language"))


def film_features_changed(cursor: Cursor, context: Context) -> bool:
    """Other special_features, an empty array, or NULL."""
    some = context.random.sample(words.FEATURES, context.random.randint(1, 4))
    return _changed(cursor, context, "special_features", (None, [], some))


def film_recategorised(cursor: Cursor, context: Context) -> bool:
    """The row of film_category names another category."""
    film, has, has_not = _film_and_categories(cursor, context)
    if film is None or not has or not has_not:
        return False
    old, new = context.random.choice(has), context.random.choice(has_not)
    cursor.execute(f"UPDATE film_category SET category_id = %s WHERE {THIS_PAIR}", (new, film, old))
    return True


def film_category_added(cursor: Cursor, context: Context) -> bool:
    """One more category for a film, three at most."""
    film, has, has_not = _film_and_categories(cursor, context)
    if film is None or not has_not or len(has) > 2:
        return False
    _add_category(cursor, film, context.random.choice(has_not))
    return True


def film_category_removed(cursor: Cursor, context: Context) -> bool:
    """Remove a category from a film; one film in four may lose its only category."""
    film, has, _ = _film_and_categories(cursor, context)
    if film is None or not has or (len(has) == 1 and film % 4):
        return False
    cursor.execute(f"DELETE FROM film_category WHERE {THIS_PAIR}", (film, context.random.choice(has)))
    return True


def category_renamed(cursor: Cursor, context: Context) -> bool:
    """Rename a category, for all its films."""
    category = chosen(cursor, context, "category")
    if category is None:
        return False
    old = category["name"].split(" & ")[0]
    name = other(context, [old, *(f"{old} & {more}" for more in ("More", "Co."))], category["name"])
    update(cursor, context, "category", category, name=name)
    return True


def film_added(cursor: Cursor, context: Context) -> bool:
    """A new film with its category and two copies."""
    language = chosen(cursor, context, "language", lock=REFER)
    category = chosen(cursor, context, "category", lock=REFER)
    stores = [any_store(cursor, context), any_store(cursor, context)]
    if language is None or category is None or None in stores:
        return False
    film = insert(
        cursor,
        "film",
        title=title(context),
        description=description(context),
        release_year=context.now.year,
        language_id=language["language_id"],
        rental_rate=context.random.choice(RATES),
        length=context.random.randint(46, 185),
        rating=context.random.choice(words.RATINGS),
        special_features=[context.random.choice(words.FEATURES)],
    )
    _add_category(cursor, film, category["category_id"])
    for store in stores:
        insert(cursor, "inventory", film_id=film, store_id=store)
    return True


def copy_bought(cursor: Cursor, context: Context) -> bool:
    """One more copy of a film."""
    film, store = chosen(cursor, context, "film", lock=REFER), any_store(cursor, context)
    if film is None or store is None:
        return False
    insert(cursor, "inventory", film_id=film["film_id"], store_id=store)
    return True


def copy_moved(cursor: Cursor, context: Context) -> bool:
    """Move a copy to another store."""
    copy = chosen(cursor, context, "inventory")
    store = None if copy is None else any_store(cursor, context, copy["store_id"])
    if copy is None or store is None:
        return False
    update(cursor, context, "inventory", copy, store_id=store)
    return True


def title(context: Context) -> str:
    """A new film's title."""
    return f"{context.random.choice(words.TITLE_HEADS)} {context.random.choice(words.TITLE_TAILS)}"


def description(context: Context) -> str:
    """A description of a new film."""
    hero, foe = context.random.sample(words.HEROES, 2)
    mood, deed = context.random.choice(words.MOODS), context.random.choice(words.DEEDS)
    return f"A {mood} Tale of a {hero} who must {deed} a {foe}"


def _changed(cursor: Cursor, context: Context, column: str, choices: Any) -> bool:
    """Set a film's column to one of the choices that differs from its value. NULL counts as a choice."""
    film = chosen(cursor, context, "film")
    if film is None:
        return False
    update(cursor, context, "film", film, **{column: other(context, list(choices), film[column])})
    return True


def _add_category(cursor: Cursor, film_id: int, category_id: int) -> None:
    cursor.execute("INSERT INTO film_category (film_id, category_id) VALUES (%s, %s)", (film_id, category_id))


def _keys(cursor: Cursor, table: str) -> list[int]:
    """All keys of a small table."""
    return [row["key"] for row in rows(cursor, f"SELECT {table}_id AS key FROM {table} ORDER BY 1")]


def _film_and_categories(cursor: Cursor, context: Context) -> tuple[int | None, list[int], list[int]]:
    """A film, locked against other changes of its categories; its categories, and all others."""
    film = chosen(cursor, context, "film")
    if film is None:
        return None, [], []
    key = film["film_id"]
    listed = rows(cursor, "SELECT category_id FROM film_category WHERE film_id = %s ORDER BY 1", (key,))
    has = [row["category_id"] for row in listed]
    return key, has, [category for category in _keys(cursor, "category") if category not in has]


CATALOGUE = (
    film_price_changed,
    film_duration_changed,
    film_cost_changed,
    film_facts_corrected,
    film_rating_changed,
    film_retitled,
    film_described,
    film_language_changed,
    film_features_changed,
    film_recategorised,
    film_category_added,
    film_category_removed,
    category_renamed,
    film_added,
    copy_bought,
    copy_moved,
)
