"""The tables language, category, actor, film, film_actor, film_category and inventory."""

from __future__ import annotations

from datetime import datetime
from itertools import permutations

import numpy as np
import pyarrow as pa

from sandbox.generator import words
from sandbox.generator.arrow import cents, constant, joined, nullable, picked
from sandbox.generator.draw import Draw, Ints
from sandbox.generator.sizes import Sizes

LOADED = datetime.fromisoformat("2006-02-15 10:09:17")
FILMS_UPDATED = datetime.fromisoformat("2013-05-26 14:50:58.951")
# All permutations of one to four features, as PostgreSQL array literals; each number of features equally often.
FEATURE_ARRAYS = [
    "{" + ",".join(f'"{feature}"' for feature in chosen) + "}"
    for size, times in ((1, 6), (2, 2), (3, 1), (4, 1))
    for chosen in list(permutations(words.FEATURES, size)) * times
]


def language(_sizes: Sizes, _draw: Draw, rows: Ints) -> pa.Table:
    """Six languages; all films have the first."""
    return pa.table(
        {
            "language_id": rows + 1,
            "name": picked(words.LANGUAGES, rows),
            "last_update": constant(LOADED, rows),
        }
    )


def category(_sizes: Sizes, _draw: Draw, rows: Ints) -> pa.Table:
    """Sixteen categories."""
    return pa.table(
        {
            "category_id": rows + 1,
            "name": picked(words.CATEGORIES, rows),
            "last_update": constant(LOADED, rows),
        }
    )


def actor(_sizes: Sizes, draw: Draw, rows: Ints) -> pa.Table:
    """Actors, with invented names."""
    first = draw.below(len(words.FIRST_NAMES), "actor first", rows)
    last = draw.below(len(words.LAST_NAMES), "actor last", rows)
    return pa.table(
        {
            "actor_id": rows + 1,
            "first_name": picked(words.FIRST_NAMES, first),
            "last_name": picked(words.LAST_NAMES, last),
            "last_update": constant(FILMS_UPDATED, rows),
        }
    )


def rate_cents(draw: Draw, films: Ints) -> Ints:
    """rental_rate of films (numbered from 0), in cents: 0.99, 2.99 or 4.99."""
    return 99 + 200 * draw.below(3, "rate", films)


def duration_days(draw: Draw, films: Ints) -> Ints:
    """rental_duration of films (numbered from 0), in days: 3 to 7."""
    return 3 + draw.below(5, "duration", films)


def film(_sizes: Sizes, draw: Draw, rows: Ints) -> pa.Table:
    """Films. The first few have odd titles; a few have no special_features: NULL or an empty array."""

    def word(choice: list[str], purpose: str) -> pa.Array:
        return picked(choice, draw.below(len(choice), purpose, rows))

    heads, tails = len(words.TITLE_HEADS), len(words.TITLE_TAILS)
    # Steps of 17 through the second words: neighbouring films differ, and a title repeats late.
    title = joined(
        picked(words.TITLE_HEADS, rows % heads),
        " ",
        picked(words.TITLE_TAILS, (rows * 17 + rows // heads) % tails),
    )
    odd = pa.array(words.ODD_TITLES).take(pa.array(np.minimum(rows, len(words.ODD_TITLES) - 1)))
    description = joined(
        joined("A ", word(words.MOODS, "mood"), " ", word(words.KINDS, "kind")),
        joined(" of a ", word(words.HEROES, "hero"), " And a ", word(words.HEROES, "friend")),
        joined(" who must ", word(words.DEEDS, "deed"), " a ", word(words.HEROES, "foe")),
        joined(" in ", word(words.PLACES, "place")),
    )
    features = pa.array(FEATURE_ARRAYS).take(pa.array(draw.below(len(FEATURE_ARRAYS), "features", rows)))
    features = pa.compute.if_else(pa.array(rows % 250 == 6), "{}", features)
    return pa.table(
        {
            "film_id": rows + 1,
            "title": pa.compute.if_else(pa.array(rows < len(words.ODD_TITLES)), odd, title),
            "description": description,
            "release_year": np.full(len(rows), 2006),
            "language_id": np.ones(len(rows), dtype=np.int64),
            "rental_duration": duration_days(draw, rows),
            "rental_rate": cents(rate_cents(draw, rows)),
            "length": 46 + draw.below(140, "length", rows),
            "replacement_cost": cents(999 + 100 * draw.below(21, "replacement", rows)),
            "rating": picked(words.RATINGS, rows % len(words.RATINGS)),
            "last_update": constant(FILMS_UPDATED, rows),
            "special_features": nullable(features, rows % 250 == 8),
        }
    )


def film_actor(sizes: Sizes, draw: Draw, rows: Ints) -> pa.Table:
    """One to ten actors per film; `rows` are films, of which three in a thousand have no actor."""
    cast = np.where(rows % 333 == 16, 0, 1 + draw.below(10, "cast", rows))
    films = np.repeat(rows, cast)
    place = np.arange(len(films)) - np.repeat(np.cumsum(cast) - cast, cast)
    # Consecutive actors from a random first one, so that no actor occurs twice in a film.
    actors = (draw.below(sizes.actors, "first of cast", films) + place) % sizes.actors
    return pa.table({"actor_id": actors + 1, "film_id": films + 1, "last_update": constant(LOADED, films)})


def film_category(_sizes: Sizes, draw: Draw, rows: Ints) -> pa.Table:
    """One category per film."""
    categories = draw.below(len(words.CATEGORIES), "category", rows)
    return pa.table(
        {"film_id": rows + 1, "category_id": categories + 1, "last_update": constant(LOADED, rows)}
    )


def film_of_copy(sizes: Sizes, copies: Ints) -> Ints:
    """The film of each copy, both numbered from 0; films 13, 37, 61, ... (42 in 1,000) have no copy."""
    films = np.arange(sizes.films, dtype=np.int64)
    stocked = films[films % 24 != 13]
    return np.asarray(stocked[copies * len(stocked) // sizes.inventory])


def store_of_copy(sizes: Sizes, copies: Ints) -> Ints:
    """The store that owns each copy, both numbered from 0: all stores in turn."""
    return copies % sizes.stores


def inventory(sizes: Sizes, _draw: Draw, rows: Ints) -> pa.Table:
    """Copies of films."""
    return pa.table(
        {
            "inventory_id": rows + 1,
            "film_id": film_of_copy(sizes, rows) + 1,
            "store_id": store_of_copy(sizes, rows) + 1,
            "last_update": constant(LOADED, rows),
        }
    )
