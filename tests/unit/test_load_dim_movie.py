"""dim_movie: what transform() makes of films, languages and categories."""

import datetime as dt
from decimal import Decimal

import pytest
from dvdrental_etl import contract
from load_dim_movie import SOURCES, TARGET, transform

EARLY, LATE = dt.datetime(2006, 2, 15, 10, 2, 19), dt.datetime(2013, 5, 26, 14, 50, 58, 951000)

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
    "film_id int, title string, description string, release_year int, language string,"
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
            **{"film": [FILM], "language": [LANGUAGE]},
            **{"film_category": [FILM_CATEGORY], "category": [CATEGORY]},
        }
        return transform(**extracted(SOURCES, base | rows))

    return run


def test_a_film_gets_its_language_and_its_category(transformed, same_rows):
    same_rows(transformed(), COLUMNS, [MEMBER])


@pytest.mark.parametrize("language_id", [None, 999])
def test_a_film_without_language_is_kept(transformed, same_rows, language_id):
    frame = transformed(film=[FILM | {"language_id": language_id}])
    same_rows(frame, COLUMNS, [MEMBER | {"language": None}])


def test_a_film_without_category_is_kept(transformed, same_rows):
    same_rows(transformed(film_category=[]), COLUMNS, [MEMBER | {"category": None}])


def test_a_film_whose_category_is_missing_has_none(transformed, same_rows):
    same_rows(transformed(category=[]), COLUMNS, [MEMBER | {"category": None}])


def test_several_categories_are_sorted_and_joined_and_the_film_stays_one_row(transformed, same_rows):
    frame = transformed(
        film_category=[FILM_CATEGORY | {"category_id": number} for number in (12, 1, 5)],
        category=[
            CATEGORY,
            CATEGORY | {"category_id": 5, "name": "Comedy"},
            CATEGORY | {"category_id": 1, "name": "Action"},
        ],
    )
    same_rows(frame, COLUMNS, [MEMBER | {"category": "Action, Comedy, Music"}])


@pytest.mark.parametrize(
    ("features", "text"),
    [
        (["Trailers", "Behind the Scenes", "Commentaries"], "Behind the Scenes, Commentaries, Trailers"),
        (["Commentaries"], "Commentaries"),
        ([], ""),
        (None, None),
    ],
)
def test_special_features_are_sorted_and_joined(transformed, same_rows, features, text):
    frame = transformed(film=[FILM | {"special_features": features}])
    same_rows(frame, COLUMNS, [MEMBER | {"special_features": text}])


def test_nulls_stay_null_and_empty_strings_stay_empty(transformed, same_rows):
    unsaid = {"description": None, "release_year": None, "length": None, "rating": None, "title": ""}
    same_rows(transformed(film=[FILM | unsaid]), COLUMNS, [MEMBER | unsaid])


@pytest.mark.parametrize("latest", ["film", "language", "film_category", "category"])
def test_changed_at_is_the_latest_change_of_what_a_film_is_made_of(transformed, latest):
    rows = {"film": FILM, "language": LANGUAGE, "film_category": FILM_CATEGORY, "category": CATEGORY}
    moments = {name: [row | {"last_update": LATE if name == latest else EARLY}] for name, row in rows.items()}
    assert transformed(**moments).first()["changed_at"] == LATE


def test_changed_at_counts_the_latest_of_several_categories(transformed):
    frame = transformed(
        film=[FILM | {"last_update": EARLY}],
        film_category=[
            FILM_CATEGORY,
            FILM_CATEGORY | {"category_id": 1, "last_update": LATE},
            FILM_CATEGORY | {"category_id": 5, "last_update": None},
        ],
    )
    assert frame.first()["changed_at"] == LATE


def test_changed_at_passes_over_parts_that_have_no_date(transformed):
    frame = transformed(film=[FILM | {"last_update": None}], language=[], film_category=[FILM_CATEGORY])
    assert frame.first()["changed_at"] == EARLY


def test_changed_at_is_null_when_no_part_has_a_date(transformed):
    frame = transformed(film=[FILM | {"last_update": None}], language=[], film_category=[])
    assert frame.first()["changed_at"] is None


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
