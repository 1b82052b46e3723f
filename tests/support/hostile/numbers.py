"""Hostile numbers, keys and references, row by row."""

from tests.support.hostile.verdicts import LOADED, Quarantined, RowState, Verdict

#: The numbers beside the ends of integer and bigint.
INT_MAX, INT_MIN, BIG_MAX, BIG_MIN = 2**31 - 1, -(2**31), 2**63 - 1, -(2**63)
TOO_LARGE = (INT_MAX + 1, BIG_MAX, INT_MIN, BIG_MIN)


def outside(column: str, kind: str) -> Quarantined:
    return Quarantined(column, f"within {kind}")


def _numbers(table: str, column: str, verdict: Verdict, *values: object) -> tuple[RowState, ...]:
    shown = ("NULL" if value is None else f"'{value}'" if value == "NaN" else str(value) for value in values)
    return tuple(RowState(table, f"{column} = {value}", verdict) for value in shown)


#: A lookup of a fact is a key: one without member becomes an inferred member.
PAYMENTS = (
    *_numbers("payment", "amount", LOADED, "999.99", "-999.99", "0.00", "-0.01", "0.01"),
    *_numbers("payment", "amount", outside("sales_amount", "numeric(5,2)"), "NaN", "1000.00", "-1000.00"),
    *_numbers(
        "payment", "amount", outside("sales_amount", "numeric(5,2)"), "9999999999.99", "-9999999999.99"
    ),
    *_numbers("payment", "amount", Quarantined("sales_amount", "not null"), None),
    *_numbers("payment", "customer_id", LOADED, None, -1, 0, -7, 32768, INT_MAX, INT_MIN + 1),
    *_numbers("payment", "customer_id", outside("customer_id", "integer"), *TOO_LARGE),
    *_numbers("payment", "staff_id", LOADED, None, 0, INT_MAX),
    *_numbers("payment", "staff_id", outside("staff_id", "integer"), *TOO_LARGE),
    *_numbers("payment", "rental_id", LOADED, None, 0, -1, INT_MAX + 1, BIG_MAX, BIG_MIN),
    *_numbers("payment", "payment_id", LOADED, 0, -1, -1025, INT_MAX + 1, BIG_MAX, BIG_MIN),
    *_numbers("payment", "payment_id", Quarantined("sales_key", "not null"), None),
    *_numbers("rental", "inventory_id", LOADED, None, 0, -1, BIG_MAX, BIG_MIN),
    *_numbers("inventory", "film_id", LOADED, None, 0, INT_MAX),
    *_numbers("inventory", "film_id", outside("film_id", "integer"), *TOO_LARGE),
    *_numbers("inventory", "store_id", LOADED, None, 0, INT_MAX),
    *_numbers("inventory", "store_id", outside("store_id", "integer"), *TOO_LARGE),
)
CUSTOMERS = (
    *_numbers("customer", "active", LOADED, None, 2, -1, 32767, -32767),
    *_numbers("customer", "active", outside("active", "smallint"), 32768, -32768, INT_MAX, INT_MIN),
    *_numbers("customer", "store_id", LOADED, None, 0, -1, INT_MAX),
    *_numbers("customer", "store_id", outside("store_id", "integer"), *TOO_LARGE),
    *_numbers("customer", "address_id", LOADED, None, 0, -1, INT_MAX, BIG_MAX, BIG_MIN),
    *_numbers("customer", "customer_id", LOADED, -2, -1024, INT_MAX, INT_MIN + 1),
    *_numbers("customer", "customer_id", outside("customer_id", "integer"), *TOO_LARGE),
    *_numbers("customer", "customer_id", Quarantined("customer_id", "not null"), None),
    *_numbers("address", "city_id", LOADED, None, 0, BIG_MAX),
)
FILMS = (
    *_numbers("film", "rental_rate", LOADED, None, "0.00", "99.99"),
    *_numbers("film", "rental_rate", outside("rental_rate", "numeric(4,2)"), "NaN", "100.00", "-100.00"),
    *_numbers("film", "rental_rate", outside("rental_rate", "numeric(4,2)"), "9999999999.99"),
    *_numbers("film", "rental_rate", Quarantined("rental_rate", "0.00 or more"), "-0.01", "-99.99"),
    *_numbers("film", "replacement_cost", LOADED, None, "999.99"),
    *_numbers("film", "replacement_cost", outside("replacement_cost", "numeric(5,2)"), "NaN", "1000.00"),
    *_numbers("film", "length", LOADED, None, 0, -1, 32767, -32767),
    *_numbers("film", "length", outside("length", "smallint"), 32768, -32768, INT_MAX),
    *_numbers("film", "rental_duration", LOADED, None, 0, 32767),
    *_numbers("film", "rental_duration", outside("rental_duration", "smallint"), 40000, INT_MIN),
    *_numbers("film", "release_year", LOADED, None, 0, -1, 1900, 2156),
    *_numbers("film", "language_id", LOADED, None, 0, BIG_MAX),
    *_numbers("film", "film_id", LOADED, -2, INT_MAX),
    *_numbers("film", "film_id", outside("film_id", "integer"), INT_MAX + 1, BIG_MIN),
)
ROWS = (*PAYMENTS, *CUSTOMERS, *FILMS)
