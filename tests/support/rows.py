"""A valid member of dim_staff and a valid fact, as transform() returns them, for tests to change."""

import datetime as dt
from decimal import Decimal

import load_dim_staff
import load_fact_sales

STAFF, SALES = load_dim_staff.TARGET, load_fact_sales.TARGET

MEMBER_COLUMNS = (
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
    "changed_at": dt.datetime.fromisoformat("2006-05-16 16:13:11.793280"),
}
#: What its row_hash is the md5 of.
MEMBER_TEXT = "23 Workhaven Lane|~|Alberta|Lethbridge|Canada|true|1"

SALE_COLUMNS = (
    "sales_key bigint, payment_date_key int, rental_date_key int, return_date_key int, customer_id int,"
    " staff_id int, store_id int, film_id int, sales_amount decimal(5,2), rental_id bigint,"
    " payment_ts timestamp_ntz"
)
SALE = {
    "sales_key": 17503,
    "payment_date_key": 20070215,
    "rental_date_key": 20050615,
    "return_date_key": -2,
    "customer_id": 341,
    "staff_id": 2,
    "store_id": 1,
    "film_id": 749,
    "sales_amount": Decimal("7.99"),
    "rental_id": 1520,
    "payment_ts": dt.datetime.fromisoformat("2007-02-15 22:25:46.996577"),
}
