"""dim_customer: what transform() makes of customers, addresses, cities and countries."""

import datetime as dt

import pytest
from dvdrental_etl import contract
from load_dim_customer import SOURCES, TARGET, transform

EARLY, LATE = dt.datetime(2006, 2, 15, 9, 45, 30), dt.datetime(2013, 5, 26, 14, 49, 45, 738000)

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
    "customer_id int, first_name string, last_name string, email string, address string, address2 string,"
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


@pytest.mark.parametrize("address_id", [None, 999])
def test_a_customer_without_an_address_is_kept(transformed, same_rows, address_id):
    frame = transformed(customer=[CUSTOMER | {"address_id": address_id}])
    same_rows(frame, COLUMNS, [MEMBER | NOWHERE])


def test_an_address_without_a_city_is_kept(transformed, same_rows):
    same_rows(transformed(city=[]), COLUMNS, [MEMBER | {"city": None, "country": None}])


def test_a_city_without_a_country_is_kept(transformed, same_rows):
    frame = transformed(city=[CITY | {"country_id": None}])
    same_rows(frame, COLUMNS, [MEMBER | {"country": None}])


def test_nulls_stay_null_and_empty_strings_stay_empty(transformed, same_rows):
    frame = transformed(
        customer=[CUSTOMER | {"email": None, "active": None, "store_id": None, "first_name": ""}],
        address=[ADDRESS | {"address2": None, "district": "", "phone": "", "postal_code": None}],
    )
    expected = {
        **{"email": None, "active": None, "store_id": None, "first_name": ""},
        **{"address2": None, "district": "", "phone": "", "postal_code": None},
    }
    same_rows(frame, COLUMNS, [MEMBER | expected])


@pytest.mark.parametrize("latest", ["customer", "address", "city", "country"])
def test_changed_at_is_the_latest_change_of_what_a_customer_is_made_of(transformed, latest):
    rows = {"customer": CUSTOMER, "address": ADDRESS, "city": CITY, "country": COUNTRY}
    moments = {name: [row | {"last_update": LATE if name == latest else EARLY}] for name, row in rows.items()}
    assert transformed(**moments).first()["changed_at"] == LATE


def test_changed_at_passes_over_parts_that_have_no_date(transformed):
    undated = {"last_update": None}
    frame = transformed(
        customer=[CUSTOMER | undated], address=[ADDRESS | {"last_update": EARLY}], city=[CITY | undated]
    )
    assert frame.first()["changed_at"] == EARLY


def test_changed_at_is_null_when_no_part_has_a_date(transformed):
    undated = {"last_update": None}
    frame = transformed(
        customer=[CUSTOMER | undated],
        address=[ADDRESS | undated],
        city=[CITY | undated],
        country=[COUNTRY | undated],
    )
    assert frame.first()["changed_at"] is None


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
