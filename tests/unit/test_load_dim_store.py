"""dim_store: what transform() makes of stores, their managers and their places."""

import datetime as dt

import pytest

from dvdrental_etl.model import contract
from load_dim_store import SOURCES, TARGET, transform

EARLY, LATE = (
    dt.datetime.fromisoformat("2006-02-15 09:45:30"),
    dt.datetime.fromisoformat("2006-02-15 09:57:12"),
)

STORE = {"store_id": 1, "manager_staff_id": 2, "address_id": 7, "last_update": LATE}
STAFF = {"staff_id": 2, "first_name": "Jon", "last_name": "Stephens", "last_update": EARLY}
ADDRESS = {
    "address_id": 7,
    "address": "47 MySakila Drive",
    "address2": None,
    "district": "Alberta",
    "city_id": 300,
    "postal_code": "",
    "phone": "",
    "last_update": EARLY,
}
CITY = {"city_id": 300, "city": "Lethbridge", "country_id": 20, "last_update": EARLY}
COUNTRY = {"country_id": 20, "country": "Canada", "last_update": EARLY}

COLUMNS = (
    "store_id bigint, address string, address2 string, district string, city string, country string,"
    " postal_code string, phone string, manager_staff_id int, manager_first_name string,"
    " manager_last_name string, changed_at timestamp_ntz"
)
MEMBER = {
    "store_id": 1,
    "address": "47 MySakila Drive",
    "address2": None,
    "district": "Alberta",
    "city": "Lethbridge",
    "country": "Canada",
    "postal_code": "",
    "phone": "",
    "manager_staff_id": 2,
    "manager_first_name": "Jon",
    "manager_last_name": "Stephens",
    "changed_at": LATE,
}
NOWHERE = dict.fromkeys(("address", "address2", "district", "city", "country", "postal_code", "phone"))
NAMELESS = dict.fromkeys(("manager_first_name", "manager_last_name"))


@pytest.fixture
def transformed(extracted):
    def run(**rows):
        base = {
            "store": [STORE],
            "staff": [STAFF],
            "address": [ADDRESS],
            "city": [CITY],
            "country": [COUNTRY],
        }
        return transform(**extracted(SOURCES, base | rows))

    return run


def test_a_store_gets_its_place_and_its_managers_name(transformed, same_rows):
    same_rows(transformed(), COLUMNS, [MEMBER])


def test_a_store_without_manager_is_kept(transformed, same_rows):
    frame = transformed(
        store=[STORE | {"manager_staff_id": None}, STORE | {"store_id": 2, "manager_staff_id": 999}]
    )
    unmanaged = {"manager_staff_id": None} | NAMELESS
    # A manager who is not in staff still is a number to look for.
    unnamed = {"store_id": 2, "manager_staff_id": 999} | NAMELESS
    same_rows(frame, COLUMNS, [MEMBER | unmanaged, MEMBER | unnamed])


def test_a_store_without_an_address_is_kept(transformed, same_rows):
    frame = transformed(store=[STORE | {"address_id": None}, STORE | {"store_id": 2, "address_id": 999}])
    same_rows(frame, COLUMNS, [MEMBER | NOWHERE, MEMBER | NOWHERE | {"store_id": 2}])


def test_changed_at_is_the_latest_change_of_what_a_store_is_made_of(transformed):
    # Five stores, each with a place and a manager of its own; of each another part is what changed last.
    frame = transformed(
        store=[
            {"store_id": n, "manager_staff_id": n, "address_id": n, "last_update": LATE if n == 1 else EARLY}
            for n in (1, 2, 3, 4, 5)
        ],
        staff=[STAFF | {"staff_id": n, "last_update": LATE if n == 2 else EARLY} for n in (1, 2, 3, 4, 5)],
        address=[
            ADDRESS | {"address_id": n, "city_id": n, "last_update": LATE if n == 3 else EARLY}
            for n in (1, 2, 3, 4, 5)
        ],
        city=[
            CITY | {"city_id": n, "country_id": n, "last_update": LATE if n == 4 else EARLY}
            for n in (1, 2, 3, 4, 5)
        ],
        country=[
            COUNTRY | {"country_id": n, "last_update": LATE if n == 5 else EARLY} for n in (1, 2, 3, 4, 5)
        ],
    )
    found = {row["store_id"]: row["changed_at"] for row in frame.collect()}
    assert found == {1: LATE, 2: LATE, 3: LATE, 4: LATE, 5: LATE}


def test_changed_at_passes_over_parts_that_have_no_date(transformed):
    undated = STORE | {"last_update": None, "address_id": None}
    frame = transformed(store=[undated, undated | {"store_id": 2, "manager_staff_id": None}])
    found = {row["store_id"]: row["changed_at"] for row in frame.collect()}
    assert found == {1: EARLY, 2: None}


def test_stores_are_neither_lost_nor_multiplied(transformed, same_rows):
    frame = transformed(
        # One person may manage several stores, and several stores may share a roof.
        store=[STORE, STORE | {"store_id": 2}, STORE | {"store_id": 3, "manager_staff_id": 1}],
        staff=[STAFF, STAFF | {"staff_id": 1, "first_name": "Mike", "last_name": "Hillyer"}],
        address=[ADDRESS, ADDRESS | {"address_id": 8}],
    )
    by_mike = {"manager_staff_id": 1, "manager_first_name": "Mike", "manager_last_name": "Hillyer"}
    same_rows(frame, COLUMNS, [MEMBER, MEMBER | {"store_id": 2}, MEMBER | {"store_id": 3} | by_mike])


def test_the_frame_is_what_the_table_takes(transformed):
    contract.check_frame(transformed().dtypes, TARGET.frame, "dim_store")


def test_history_is_kept_for_all_of_a_store():
    assert TARGET.tracked == (
        *("address", "address2", "district", "city", "country", "postal_code", "phone"),
        *("manager_staff_id", "manager_first_name", "manager_last_name"),
    )
    assert TARGET.overwritten == ()
