"""dim_movie: what transform() makes of films, languages and categories."""

import datetime as dt
from decimal import Decimal

import pytest

from dvdrental_etl.model import contract
from load_dim_movie import SOURCES, TARGET, transform

EARLY, LATE = (
    dt.datetime.fromisoformat("2006-02-15 10:02:19"),
    dt.datetime.fromisoformat("2013-05-26 14:50:58.951000"),
)

FILM = {
    "film_id": 133,
    "title": "Chamber Italian",
    "description": "A Fateful Reflection of a Moose And a Husband who must Overcome a Monkey in Nigeria",
    "release_year": 2006,
    "language_id": 1,
    "rental_duration": 7,
    "rental_rate": Decimal("4.99"),
    "length": 117,
    "replacement_cost": Decimal("14.99"),
    "rating": "NC-17",
    "special_features": ["Trailers"],
    "last_update": LATE,
}
LANGUAGE = {"language_id": 1, "name": "English", "last_update": EARLY}
FILM_CATEGORY = {"film_id": 133, "category_id": 12, "last_update": EARLY}
CATEGORY = {"category_id": 12, "name": "Music", "last_update": EARLY}

COLUMNS = (
    "film_id bigint, title string, description string, release_year int, language string,"
    " rental_duration smallint, rental_rate decimal(4,2), length smallint, replacement_cost decimal(5,2),"
    " rating string, category string, special_features string, changed_at timestamp_ntz"
)
MEMBER = {
    "film_id": 133,
    "title": "Chamber Italian",
    "description": "A Fateful Reflection of a Moose And a Husband who must Overcome a Monkey in Nigeria",
    "release_year": 2006,
    "language": "English",
    "rental_duration": 7,
    "rental_rate": Decimal("4.99"),
    "length": 117,
    "replacement_cost": Decimal("14.99"),
    "rating": "NC-17",
    "category": "Music",
    "special_features": "Trailers",
    "changed_at": LATE,
}


@pytest.fixture
def transformed(extracted):
    def run(**rows):
        base = {
            "film": [FILM],
            "language": [LANGUAGE],
            "film_category": [FILM_CATEGORY],
            "category": [CATEGORY],
        }
        return transform(**extracted(SOURCES, base | rows))

    return run


def test_a_film_gets_its_language_and_its_category(transformed, same_rows):
    same_rows(transformed(), COLUMNS, [MEMBER])


def test_a_film_without_language_is_kept(transformed, same_rows):
    frame = transformed(film=[FILM | {"language_id": None}, FILM | {"film_id": 2, "language_id": 999}])
    nameless = {"film_id": 2, "language": None, "category": None}
    same_rows(frame, COLUMNS, [MEMBER | {"language": None}, MEMBER | nameless])


def test_a_film_without_category_is_kept(transformed, same_rows):
    same_rows(transformed(film_category=[]), COLUMNS, [MEMBER | {"category": None}])


def test_a_film_whose_category_is_missing_has_none(transformed, same_rows):
    same_rows(transformed(category=[]), COLUMNS, [MEMBER | {"category": None}])


def test_several_categories_are_sorted_and_joined_and_the_film_stays_one_row(transformed, same_rows):
    frame = transformed(
        film_category=[FILM_CATEGORY | {"category_id": number} for number in (12, 15, 3)],
        category=[
            CATEGORY,
            CATEGORY | {"category_id": 3, "name": "Sports"},
            CATEGORY | {"category_id": 15, "name": "Action"},
        ],
    )
    same_rows(frame, COLUMNS, [MEMBER | {"category": "Action, Music, Sports"}])


def test_special_features_are_sorted_and_joined(transformed, same_rows):
    features = {
        1: ["Trailers", "Behind the Scenes", "Commentaries"],
        2: ["Commentaries"],
        3: [],
        4: None,
    }
    texts = {1: "Behind the Scenes, Commentaries, Trailers", 2: "Commentaries", 3: "", 4: None}
    frame = transformed(
        film=[FILM | {"film_id": n, "special_features": features[n]} for n in (1, 2, 3, 4)],
        film_category=[FILM_CATEGORY | {"film_id": n} for n in (1, 2, 3, 4)],
    )
    members = [MEMBER | {"film_id": n, "special_features": texts[n]} for n in (1, 2, 3, 4)]
    same_rows(frame, COLUMNS, members)


def test_nulls_stay_null_and_empty_strings_stay_empty(transformed, same_rows):
    unsaid = {"description": None, "release_year": None, "length": None, "rating": None, "title": ""}
    same_rows(transformed(film=[FILM | unsaid]), COLUMNS, [MEMBER | unsaid])


def test_changed_at_is_the_latest_change_of_what_a_film_is_made_of(transformed):
    # Four films, each with a language and a category of its own; of each another part is what changed last.
    frame = transformed(
        film=[
            FILM | {"film_id": n, "language_id": n, "last_update": LATE if n == 1 else EARLY}
            for n in (1, 2, 3, 4)
        ],
        language=[
            LANGUAGE | {"language_id": n, "last_update": LATE if n == 2 else EARLY} for n in (1, 2, 3, 4)
        ],
        film_category=[
            {"film_id": n, "category_id": n, "last_update": LATE if n == 3 else EARLY} for n in (1, 2, 3, 4)
        ],
        category=[
            CATEGORY | {"category_id": n, "last_update": LATE if n == 4 else EARLY} for n in (1, 2, 3, 4)
        ],
    )
    found = {row["film_id"]: row["changed_at"] for row in frame.collect()}
    assert found == {1: LATE, 2: LATE, 3: LATE, 4: LATE}


def test_changed_at_passes_over_parts_that_have_no_date(transformed):
    undated = FILM | {"last_update": None}
    frame = transformed(
        film=[
            undated | {"film_id": 1, "language_id": None},
            undated | {"film_id": 2, "language_id": 1},
            undated | {"film_id": 3, "language_id": None},
        ],
        # Film 3 has three categories, and the one in the middle came last.
        film_category=[
            {"film_id": 3, "category_id": 12, "last_update": EARLY},
            {"film_id": 3, "category_id": 1, "last_update": LATE},
            {"film_id": 3, "category_id": 5, "last_update": None},
        ],
    )
    found = {row["film_id"]: row["changed_at"] for row in frame.collect()}
    assert found == {1: None, 2: EARLY, 3: LATE}


def test_films_are_neither_lost_nor_multiplied(transformed, same_rows):
    frame = transformed(
        film=[FILM, FILM | {"film_id": 2}, FILM | {"film_id": 3, "language_id": 2}],
        language=[LANGUAGE, LANGUAGE | {"language_id": 2, "name": "Italian"}],
        # Film 99 has a category and does not exist.
        film_category=[FILM_CATEGORY, FILM_CATEGORY | {"film_id": 2}, FILM_CATEGORY | {"film_id": 99}],
    )
    same_rows(
        frame,
        COLUMNS,
        [
            MEMBER,
            MEMBER | {"film_id": 2},
            MEMBER | {"film_id": 3, "language": "Italian", "category": None},
        ],
    )


def test_the_frame_is_what_the_table_takes(transformed):
    contract.check_frame(transformed().dtypes, TARGET.frame, "dim_movie")


def test_history_is_kept_for_what_changes_a_report():
    assert TARGET.tracked == ("rental_duration", "rental_rate", "replacement_cost", "rating", "category")
    assert [column.name for column in TARGET.overwritten] == [
        *("title", "description", "release_year", "language", "length", "special_features")
    ]
