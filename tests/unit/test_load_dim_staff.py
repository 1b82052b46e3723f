"""dim_staff: what transform() makes of staff, addresses, cities and countries."""

import datetime as dt

import pytest

from dvdrental_etl.model import contract
from load_dim_staff import SOURCES, TARGET, transform

EARLY, LATE = (
    dt.datetime.fromisoformat("2006-02-15 09:45:30"),
    dt.datetime.fromisoformat("2006-05-16 16:13:11.793280"),
)

STAFF = {
    "staff_id": 1,
    "first_name": "Mike",
    "last_name": "Hillyer",
    "address_id": 3,
    "email": "Mike.Hillyer@sakilastaff.com",
    "store_id": 1,
    "active": True,
    "last_update": LATE,
}
ADDRESS = {
    "address_id": 3,
    "address": "23 Workhaven Lane",
    "address2": None,
    "district": "Alberta",
    "city_id": 300,
    "postal_code": "",
    "phone": "14033335568",
    "last_update": EARLY,
}
CITY = {"city_id": 300, "city": "Lethbridge", "country_id": 20, "last_update": EARLY}
COUNTRY = {"country_id": 20, "country": "Canada", "last_update": EARLY}

COLUMNS = (
    "staff_id bigint, first_name string, last_name string, email string, address string, address2 string,"
    " district string, city string, country string, postal_code string, phone string, active boolean,"
    " store_id int, changed_at timestamp_ntz"
)
MEMBER = {
    "staff_id": 1,
    "first_name": "Mike",
    "last_name": "Hillyer",
    "email": "Mike.Hillyer@sakilastaff.com",
    "address": "23 Workhaven Lane",
    "address2": None,
    "district": "Alberta",
    "city": "Lethbridge",
    "country": "Canada",
    "postal_code": "",
    "phone": "14033335568",
    "active": True,
    "store_id": 1,
    "changed_at": LATE,
}
NOWHERE = dict.fromkeys(("address", "address2", "district", "city", "country", "postal_code", "phone"))


@pytest.fixture
def transformed(extracted):
    def run(**rows):
        base = {"staff": [STAFF], "address": [ADDRESS], "city": [CITY], "country": [COUNTRY]}
        return transform(**extracted(SOURCES, base | rows))

    return run


def test_a_staff_member_gets_address_city_and_country(transformed, same_rows):
    same_rows(transformed(), COLUMNS, [MEMBER])


def test_a_staff_member_without_an_address_is_kept(transformed, same_rows):
    frame = transformed(staff=[STAFF | {"address_id": None}, STAFF | {"staff_id": 2, "address_id": 999}])
    same_rows(frame, COLUMNS, [MEMBER | NOWHERE, MEMBER | NOWHERE | {"staff_id": 2}])


def test_an_address_without_city_and_country_is_kept(transformed, same_rows):
    frame = transformed(city=[], country=[])
    same_rows(frame, COLUMNS, [MEMBER | {"city": None, "country": None}])


def test_inactive_staff_are_kept_and_flagged(transformed, same_rows):
    frame = transformed(
        staff=[STAFF | {"active": False}, STAFF | {"staff_id": 2, "active": None, "email": None}]
    )
    unsaid = {"staff_id": 2, "active": None, "email": None}
    same_rows(frame, COLUMNS, [MEMBER | {"active": False}, MEMBER | unsaid])


def test_changed_at_is_the_latest_change_of_what_a_staff_member_is_made_of(transformed):
    # Four staff, each with a place of its own; of each another part is what changed last.
    frame = transformed(
        staff=[
            STAFF | {"staff_id": n, "address_id": n, "last_update": LATE if n == 1 else EARLY}
            for n in (1, 2, 3, 4)
        ],
        address=[
            ADDRESS | {"address_id": n, "city_id": n, "last_update": LATE if n == 2 else EARLY}
            for n in (1, 2, 3, 4)
        ],
        city=[
            CITY | {"city_id": n, "country_id": n, "last_update": LATE if n == 3 else EARLY}
            for n in (1, 2, 3, 4)
        ],
        country=[COUNTRY | {"country_id": n, "last_update": LATE if n == 4 else EARLY} for n in (1, 2, 3, 4)],
    )
    found = {row["staff_id"]: row["changed_at"] for row in frame.collect()}
    assert found == {1: LATE, 2: LATE, 3: LATE, 4: LATE}


def test_changed_at_passes_over_parts_that_have_no_date(transformed):
    undated = STAFF | {"last_update": None}
    frame = transformed(
        staff=[undated, undated | {"staff_id": 2, "address_id": None}],
        city=[CITY | {"last_update": None}],
        country=[],
    )
    found = {row["staff_id"]: row["changed_at"] for row in frame.collect()}
    assert found == {1: EARLY, 2: None}


def test_staff_are_neither_lost_nor_multiplied(transformed, same_rows):
    frame = transformed(
        staff=[STAFF, STAFF | {"staff_id": 2}, STAFF | {"staff_id": 3, "store_id": 2}],
        address=[ADDRESS, ADDRESS | {"address_id": 4}],
        city=[CITY, CITY | {"city_id": 576, "city": "Woodridge"}],
    )
    same_rows(frame, COLUMNS, [MEMBER, MEMBER | {"staff_id": 2}, MEMBER | {"staff_id": 3, "store_id": 2}])


def test_the_frame_is_what_the_table_takes(transformed):
    contract.check_frame(transformed().dtypes, TARGET.frame, "dim_staff")


def test_history_is_kept_for_what_changes_a_report():
    assert TARGET.tracked == ("address", "address2", "district", "city", "country", "active", "store_id")
    assert [column.name for column in TARGET.overwritten] == [
        *("first_name", "last_name", "email", "postal_code", "phone")
    ]
