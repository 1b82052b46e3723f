"""Moves of the catalogue: films, their categories, and the copies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from psycopg2.extensions import cursor as Cursor

from sandbox.generator import words
from sandbox.simulator.people import any_store
from sandbox.simulator.rows import REFER, chosen, insert, other, rows, update
from sandbox.simulator.scene import Scene

RATES = tuple(Decimal(rate) for rate in ("0.99", "1.99", "2.99", "3.99", "4.99", "5.49"))
THIS = "(film_id, category_id) = (%s, %s)"
COSTS = tuple(Decimal(cost) for cost in ("9.99", "14.50", "19.99", "24.00", "29.99"))


def film_price_changed(cursor: Cursor, scene: Scene) -> bool:
    """Another rental_rate."""
    return _changed(cursor, scene, "rental_rate", RATES)


def film_duration_changed(cursor: Cursor, scene: Scene) -> bool:
    """Another rental_duration."""
    return _changed(cursor, scene, "rental_duration", range(2, 9))


def film_cost_changed(cursor: Cursor, scene: Scene) -> bool:
    """Another replacement_cost."""
    return _changed(cursor, scene, "replacement_cost", COSTS)


def film_facts_corrected(cursor: Cursor, scene: Scene) -> bool:
    """Another length or year, or NULL for what nobody knows."""
    if scene.random.random() < 0.5:
        return _changed(cursor, scene, "length", (None, 61, 90, 118, 203))
    return _changed(cursor, scene, "release_year", (None, 1931, 1977, 2005, 2007))


def film_rating_changed(cursor: Cursor, scene: Scene) -> bool:
    """Another rating, every other time NULL."""
    return _changed(cursor, scene, "rating", scene.random.choice(([None, "G"], words.RATINGS)))


def film_retitled(cursor: Cursor, scene: Scene) -> bool:
    """Another title."""
    return _changed(cursor, scene, "title", (title(scene), *words.ODD_TITLES))


def film_described(cursor: Cursor, scene: Scene) -> bool:
    """Another description, or none."""
    return _changed(cursor, scene, "description", (None, description(scene), description(scene)))


def film_language_changed(cursor: Cursor, scene: Scene) -> bool:
    """Another language."""
    return _changed(cursor, scene, "language_id", _keys(cursor, "language"))


def film_features_changed(cursor: Cursor, scene: Scene) -> bool:
    """Other special_features, none ({}), or NULL."""
    some = scene.random.sample(words.FEATURES, scene.random.randint(1, 4))
    return _changed(cursor, scene, "special_features", (None, [], some))


def film_recategorised(cursor: Cursor, scene: Scene) -> bool:
    """The row of film_category names another category."""
    film, has, has_not = _film_and_categories(cursor, scene)
    if film is None or not has or not has_not:
        return False
    old, new = scene.random.choice(has), scene.random.choice(has_not)
    cursor.execute(f"UPDATE film_category SET category_id = %s WHERE {THIS}", (new, film, old))
    return True


def film_category_added(cursor: Cursor, scene: Scene) -> bool:
    """One more category for a film, three at most."""
    film, has, has_not = _film_and_categories(cursor, scene)
    if film is None or not has_not or len(has) > 2:
        return False
    _categorise(cursor, film, scene.random.choice(has_not))
    return True


def film_category_removed(cursor: Cursor, scene: Scene) -> bool:
    """One category less; one film in four may lose its only one."""
    film, has, _ = _film_and_categories(cursor, scene)
    if film is None or not has or (len(has) == 1 and film % 4):
        return False
    cursor.execute(f"DELETE FROM film_category WHERE {THIS}", (film, scene.random.choice(has)))
    return True


def category_renamed(cursor: Cursor, scene: Scene) -> bool:
    """A category has another name, for all its films."""
    category = chosen(cursor, scene, "category")
    if category is None:
        return False
    old = category["name"].split(" & ")[0]
    name = other(scene, [old, *(f"{old} & {more}" for more in ("More", "Co."))], category["name"])
    update(cursor, scene, "category", category, name=name)
    return True


def film_added(cursor: Cursor, scene: Scene) -> bool:
    """A new film with its category and two copies."""
    language = chosen(cursor, scene, "language", lock=REFER)
    category = chosen(cursor, scene, "category", lock=REFER)
    stores = [any_store(cursor, scene), any_store(cursor, scene)]
    if language is None or category is None or None in stores:
        return False
    film = insert(
        cursor,
        "film",
        title=title(scene),
        description=description(scene),
        release_year=scene.now.year,
        language_id=language["language_id"],
        rental_rate=scene.random.choice(RATES),
        length=scene.random.randint(46, 185),
        rating=scene.random.choice(words.RATINGS),
        special_features=[scene.random.choice(words.FEATURES)],
    )
    _categorise(cursor, film, category["category_id"])
    for store in stores:
        insert(cursor, "inventory", film_id=film, store_id=store)
    return True


def copy_bought(cursor: Cursor, scene: Scene) -> bool:
    """One more copy of a film."""
    film, store = chosen(cursor, scene, "film", lock=REFER), any_store(cursor, scene)
    if film is None or store is None:
        return False
    insert(cursor, "inventory", film_id=film["film_id"], store_id=store)
    return True


def copy_moved(cursor: Cursor, scene: Scene) -> bool:
    """A copy goes to another store."""
    copy = chosen(cursor, scene, "inventory")
    store = None if copy is None else any_store(cursor, scene, copy["store_id"])
    if copy is None or store is None:
        return False
    update(cursor, scene, "inventory", copy, store_id=store)
    return True


def title(scene: Scene) -> str:
    """A new film's title."""
    return f"{scene.random.choice(words.TITLE_HEADS)} {scene.random.choice(words.TITLE_TAILS)}"


def description(scene: Scene) -> str:
    """What a film is about."""
    hero, foe = scene.random.sample(words.HEROES, 2)
    return f"A {scene.random.choice(words.MOODS)} Tale of a {hero} who must {scene.random.choice(words.DEEDS)} a {foe}"


def _changed(cursor: Cursor, scene: Scene, column: str, choices: Any) -> bool:
    """Give a film another one of the choices; NULL is one like the others."""
    film = chosen(cursor, scene, "film")
    if film is None:
        return False
    update(cursor, scene, "film", film, **{column: other(scene, list(choices), film[column])})
    return True


def _categorise(cursor: Cursor, film_id: int, category_id: int) -> None:
    cursor.execute("INSERT INTO film_category (film_id, category_id) VALUES (%s, %s)", (film_id, category_id))


def _keys(cursor: Cursor, table: str) -> list[int]:
    """All keys of a small table."""
    return [row["key"] for row in rows(cursor, f"SELECT {table}_id AS key FROM {table} ORDER BY 1")]


def _film_and_categories(cursor: Cursor, scene: Scene) -> tuple[int | None, list[int], list[int]]:
    """A film, locked against others who change its categories, those that it has, and those that it has not."""
    film = chosen(cursor, scene, "film")
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
