"""dim_customer: what transform() makes of customers, addresses, cities and countries."""

import datetime as dt

import pytest

from dvdrental_etl.model import contract
from load_dim_customer import SOURCES, TARGET, transform

EARLY, LATE = (
    dt.datetime.fromisoformat("2006-02-15 09:45:30"),
    dt.datetime.fromisoformat("2013-05-26 14:49:45.738000"),
)

CUSTOMER = {
    "customer_id": 1,
    "store_id": 2,
    "first_name": "Mary",
    "last_name": "Smith",
    "email": "mary.smith@sakilacustomer.org",
    "address_id": 5,
    "create_date": dt.date(2006, 2, 14),
    "active": 1,
    "last_update": LATE,
}
ADDRESS = {
    "address_id": 5,
    "address": "1913 Hanoi Way",
    "address2": "",
    "district": "Nagasaki",
    "city_id": 463,
    "postal_code": "35200",
    "phone": "28303384290",
    "last_update": EARLY,
}
CITY = {"city_id": 463, "city": "Sasebo", "country_id": 50, "last_update": EARLY}
COUNTRY = {"country_id": 50, "country": "Japan", "last_update": EARLY}

COLUMNS = (
    "customer_id bigint, first_name string, last_name string, email string, address string, address2 string,"
    " district string, city string, country string, postal_code string, phone string, active smallint,"
    " create_date date, store_id int, changed_at timestamp_ntz"
)
MEMBER = {
    "customer_id": 1,
    "first_name": "Mary",
    "last_name": "Smith",
    "email": "mary.smith@sakilacustomer.org",
    "address": "1913 Hanoi Way",
    "address2": "",
    "district": "Nagasaki",
    "city": "Sasebo",
    "country": "Japan",
    "postal_code": "35200",
    "phone": "28303384290",
    "active": 1,
    "create_date": dt.date(2006, 2, 14),
    "store_id": 2,
    "changed_at": LATE,
}
NOWHERE = dict.fromkeys(("address", "address2", "district", "city", "country", "postal_code", "phone"))


@pytest.fixture
def transformed(extracted):
    def run(**rows):
        base = {"customer": [CUSTOMER], "address": [ADDRESS], "city": [CITY], "country": [COUNTRY]}
        return transform(**extracted(SOURCES, base | rows))

    return run


def test_a_customer_gets_address_city_and_country(transformed, same_rows):
    same_rows(transformed(), COLUMNS, [MEMBER])


def test_a_customer_without_an_address_is_kept(transformed, same_rows):
    frame = transformed(
        customer=[CUSTOMER | {"address_id": None}, CUSTOMER | {"customer_id": 2, "address_id": 999}]
    )
    same_rows(frame, COLUMNS, [MEMBER | NOWHERE, MEMBER | NOWHERE | {"customer_id": 2}])


def test_an_address_without_city_or_country_is_kept(transformed, same_rows):
    frame = transformed(
        customer=[CUSTOMER, CUSTOMER | {"customer_id": 2, "address_id": 6}],
        address=[ADDRESS | {"city_id": 999}, ADDRESS | {"address_id": 6}],
        country=[],
    )
    cityless, countryless = {"city": None, "country": None}, {"customer_id": 2, "country": None}
    same_rows(frame, COLUMNS, [MEMBER | cityless, MEMBER | countryless])


def test_nulls_stay_null_and_empty_strings_stay_empty(transformed, same_rows):
    unsaid = {"email": None, "active": None, "store_id": None, "first_name": ""}
    unsaid_there = {"address2": None, "district": "", "phone": "", "postal_code": None}
    frame = transformed(customer=[CUSTOMER | unsaid], address=[ADDRESS | unsaid_there])
    same_rows(frame, COLUMNS, [MEMBER | unsaid | unsaid_there])


def test_changed_at_is_the_latest_change_of_what_a_customer_is_made_of(transformed):
    # Four customers, each with a place of its own; of each another part is what changed last.
    frame = transformed(
        customer=[
            CUSTOMER | {"customer_id": n, "address_id": n, "last_update": LATE if n == 1 else EARLY}
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
    found = {row["customer_id"]: row["changed_at"] for row in frame.collect()}
    assert found == {1: LATE, 2: LATE, 3: LATE, 4: LATE}


def test_changed_at_passes_over_parts_that_have_no_date(transformed):
    undated = CUSTOMER | {"last_update": None}
    frame = transformed(
        customer=[undated, undated | {"customer_id": 2, "address_id": None}],
        address=[ADDRESS],
        city=[CITY | {"last_update": None}],
        country=[COUNTRY | {"last_update": None}],
    )
    found = {row["customer_id"]: row["changed_at"] for row in frame.collect()}
    assert found == {1: EARLY, 2: None}


def test_customers_are_neither_lost_nor_multiplied(transformed, same_rows):
    frame = transformed(
        customer=[CUSTOMER, CUSTOMER | {"customer_id": 2}, CUSTOMER | {"customer_id": 3, "address_id": 6}],
        address=[ADDRESS, ADDRESS | {"address_id": 6, "phone": "1"}, ADDRESS | {"address_id": 7}],
        city=[CITY, CITY | {"city_id": 1, "city": "A Corua"}],
        country=[COUNTRY, COUNTRY | {"country_id": 87, "country": "Spain"}],
    )
    same_rows(
        frame, COLUMNS, [MEMBER, MEMBER | {"customer_id": 2}, MEMBER | {"customer_id": 3, "phone": "1"}]
    )


def test_the_frame_is_what_the_table_takes(transformed):
    contract.check_frame(transformed().dtypes, TARGET.frame, "dim_customer")


def test_history_is_kept_for_what_changes_a_report():
    assert TARGET.tracked == ("address", "address2", "district", "city", "country", "active", "store_id")
    assert [column.name for column in TARGET.overwritten] == [
        *("first_name", "last_name", "email", "postal_code", "phone", "create_date")
    ]
