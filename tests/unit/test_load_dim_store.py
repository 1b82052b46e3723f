"""dim_store: what transform() makes of stores, their managers and their places."""

import datetime as dt

import pytest
from dvdrental_etl import contract
from load_dim_store import SOURCES, TARGET, transform

EARLY, LATE = dt.datetime(2006, 2, 15, 9, 45, 30), dt.datetime(2006, 2, 15, 9, 57, 12)

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
    "store_id int, address string, address2 string, district string, city string, country string,"
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
            **{"store": [STORE], "staff": [STAFF]},
            **{"address": [ADDRESS], "city": [CITY], "country": [COUNTRY]},
        }
        return transform(**extracted(SOURCES, base | rows))

    return run


def test_a_store_gets_its_place_and_its_managers_name(transformed, same_rows):
    same_rows(transformed(), COLUMNS, [MEMBER])


def test_a_store_whose_manager_is_missing_keeps_the_managers_number(transformed, same_rows):
    same_rows(transformed(staff=[]), COLUMNS, [MEMBER | NAMELESS])


def test_a_store_without_manager_is_kept(transformed, same_rows):
    frame = transformed(store=[STORE | {"manager_staff_id": None}])
    same_rows(frame, COLUMNS, [MEMBER | NAMELESS | {"manager_staff_id": None}])


@pytest.mark.parametrize("address_id", [None, 999])
def test_a_store_without_an_address_is_kept(transformed, same_rows, address_id):
    frame = transformed(store=[STORE | {"address_id": address_id}])
    same_rows(frame, COLUMNS, [MEMBER | NOWHERE])


@pytest.mark.parametrize("latest", ["store", "staff", "address", "city", "country"])
def test_changed_at_is_the_latest_change_of_what_a_store_is_made_of(transformed, latest):
    rows = {"store": STORE, "staff": STAFF, "address": ADDRESS, "city": CITY, "country": COUNTRY}
    moments = {name: [row | {"last_update": LATE if name == latest else EARLY}] for name, row in rows.items()}
    assert transformed(**moments).first()["changed_at"] == LATE


def test_changed_at_passes_over_parts_that_have_no_date(transformed):
    frame = transformed(store=[STORE | {"last_update": None}], staff=[], address=[ADDRESS])
    assert frame.first()["changed_at"] == EARLY


def test_stores_are_neither_lost_nor_multiplied(transformed, same_rows):
    frame = transformed(
        # One person may manage several stores, and several stores may share a roof.
        store=[STORE, STORE | {"store_id": 2}, STORE | {"store_id": 3, "manager_staff_id": 1}],
        staff=[STAFF, STAFF | {"staff_id": 1, "first_name": "Mike", "last_name": "Hillyer"}],
        address=[ADDRESS, ADDRESS | {"address_id": 8}],
    )
    by_mike = {"manager_staff_id": 1, "manager_first_name": "Mike", "manager_last_name": "Hillyer"}
    same_rows(
        frame, COLUMNS, [MEMBER, MEMBER | {"store_id": 2}, MEMBER | {"store_id": 3} | by_mike]
    )


def test_the_frame_is_what_the_table_takes(transformed):
    contract.check_frame(transformed().dtypes, TARGET.frame, "dim_store")


def test_history_is_kept_for_all_of_a_store():
    assert TARGET.tracked == (
        *("address", "address2", "district", "city", "country", "postal_code", "phone"),
        *("manager_staff_id", "manager_first_name", "manager_last_name"),
    )
    assert TARGET.overwritten == ()
