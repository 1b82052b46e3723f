"""Rows validated in Spark: which rule a broken row is rejected by, and the hash of what a dimension tracks."""

import hashlib
import json
from decimal import Decimal

import pytest

import load_dim_movie
from dvdrental_etl.model.rules import Rule, Severity
from dvdrental_etl.staging.validate import validated
from tests.support.rows import MEMBER, MEMBER_COLUMNS, MEMBER_TEXT, SALE, SALE_COLUMNS, SALES, STAFF


def test_the_rules_of_a_fact_are_what_its_ddl_and_the_list_of_rules_say():
    required = (
        "sales_key",
        "payment_date_key",
        "rental_date_key",
        "return_date_key",
        "sales_amount",
        "payment_ts",
    )
    assert [rule for rule in SALES.all_rules if not rule.name.startswith(("within ", "from ", "after "))] == [
        *(Rule(column, "not null", f"{column} IS NULL", Severity.QUARANTINE) for column in required),
        Rule("sales_amount", "0.00 or more", "sales_amount < 0", Severity.WARN),
        Rule("payment_date_key", "a day of dim_date", "payment_date_key = -1", Severity.WARN),
        Rule("customer_id", "refers to a customer", "customer_id IS NULL", Severity.WARN),
    ]


def test_the_rules_of_a_dimension_are_what_its_ddl_and_the_list_of_rules_say():
    texts = {
        **dict.fromkeys(("first_name", "last_name"), 180),
        **dict.fromkeys(("email", "address", "address2"), 200),
        "district": 80,
        "city": 200,
        "country": 200,
        "postal_code": 40,
        "phone": 80,
    }
    assert STAFF.all_rules == (
        Rule(
            "staff_id",
            "within integer",
            "staff_id NOT BETWEEN -2147483647 AND 2147483647",
            Severity.QUARANTINE,
        ),
        Rule("staff_id", "not null", "staff_id IS NULL", Severity.QUARANTINE),
        *(Rule(name, f"at most {n} bytes", f"octet_length({name}) > {n}") for name, n in texts.items()),
        Rule("store_id", "within integer", "store_id = -2147483648", Severity.QUARANTINE),
        Rule("staff_id", "not -1, which is Unknown", "staff_id = -1", Severity.STOP),
        Rule("store_id", "refers to a store", "store_id IS NULL", Severity.WARN),
    )


@pytest.mark.parametrize(("column", "value"), [("rental_rate", "-0.01"), ("replacement_cost", "-1.00")])
def test_money_below_zero_keeps_a_film_out(framed, column, value):
    film = {
        "film_id": 1,
        "title": "A",
        "description": None,
        "release_year": 2006,
        "language": "English",
        "rental_duration": 3,
        "rental_rate": Decimal("0.00"),
        "length": 90,
        "category": None,
        "replacement_cost": Decimal("0.00"),
        "rating": "G",
        "special_features": None,
        "changed_at": None,
    }
    columns = (
        "film_id bigint, title string, description string, release_year int, language string,"
        " rental_duration smallint, rental_rate decimal(4,2), length smallint, replacement_cost decimal(5,2),"
        " rating string, category string, special_features string, changed_at timestamp_ntz"
    )
    frame = framed(columns, [film, film | {"film_id": 2, column: Decimal(value)}])
    assert verdicts(frame, load_dim_movie.TARGET, "film_id") == {
        1: (None, None, None, None),
        2: ("2", "0.00 or more", column, value),
    }


def verdicts(frame, target, key):
    """Key of each row in its frame -> key, rule, column and value of its reject."""
    rows = validated(frame, target).collect()
    found = {row[key]: json.loads(row["reject"] or "{}") for row in rows}
    return {
        key: tuple(one.get(name) for name in ("key", "rule", "name", "value")) for key, one in found.items()
    }


def test_a_fact_without_a_required_value_is_rejected(framed):
    frame = framed(
        SALE_COLUMNS,
        [
            SALE | {"sales_key": 1},
            SALE | {"sales_key": 2, "sales_amount": None},
            SALE | {"sales_key": 3, "payment_ts": None},
            # What may be NULL is no reason: members that nobody knows, payments without rental.
            SALE
            | {"sales_key": 4, "customer_id": None, "staff_id": None, "store_id": None}
            | {"film_id": None, "rental_id": None},
            # The first rule that a row breaks is the one that is reported.
            SALE | {"sales_key": 5, "sales_amount": None, "payment_ts": None},
            SALE | {"sales_key": None},
        ],
    )
    assert verdicts(frame, SALES, "sales_key") == {
        1: (None, None, None, None),
        2: ("2", "not null", "sales_amount", None),
        3: ("3", "not null", "payment_ts", None),
        4: (None, None, None, None),
        5: ("5", "not null", "sales_amount", None),
        None: (None, "not null", "sales_key", None),
    }


def test_text_is_measured_in_bytes(framed):
    fits, too_long = "é" * 40, "é" * 40 + "x"  # 80 and 81 bytes, in 40 and 41 characters
    frame = framed(
        MEMBER_COLUMNS,
        [
            MEMBER | {"staff_id": 1, "district": "x" * 80},
            MEMBER | {"staff_id": 2, "district": "x" * 81},
            MEMBER | {"staff_id": 3, "district": fits},
            MEMBER | {"staff_id": 4, "district": too_long},
            MEMBER | {"staff_id": 5, "district": "", "city": None},
        ],
    )
    assert verdicts(frame, STAFF, "staff_id") == {
        1: (None, None, None, None),
        2: ("2", "at most 80 bytes", "district", "x" * 81),
        3: (None, None, None, None),
        4: ("4", "at most 80 bytes", "district", too_long),
        5: (None, None, None, None),
    }


def test_a_rejected_row_is_recorded_whole_and_a_good_one_is_not(framed):
    frame = framed(SALE_COLUMNS, [SALE | {"payment_ts": None}, SALE | {"sales_key": 2}])
    rows = {row["sales_key"]: row["reject"] for row in validated(frame, SALES).collect()}
    expected = {key: value for key, value in SALE.items() if key != "payment_ts"}
    assert json.loads(json.loads(rows[17503])["row"]) == expected | {"sales_amount": "7.99"}
    assert rows[2] is None


def test_the_hash_is_md5_of_the_tracked_columns_as_text(framed):
    (row,) = validated(framed(MEMBER_COLUMNS, [MEMBER]), STAFF).collect()
    assert row["row_hash"] == hashlib.md5(MEMBER_TEXT.encode()).hexdigest()


def test_equal_members_have_equal_hashes_and_every_tracked_column_counts(framed):
    variants: dict[int, dict[str, object]] = {
        1: {},
        2: {},  # the same again
        3: {"address": "24 Workhaven Lane"},
        4: {"address2": ""},  # not NULL
        5: {"district": None, "address2": "Alberta"},  # (NULL, a) is not (a, NULL)
        6: {"district": "alberta"},
        7: {"city": "Lethbridge "},
        8: {"country": None},
        9: {"active": False},
        10: {"active": None},
        11: {"store_id": 2},
        12: {"district": "Alberta|Lethbridge", "city": ""},  # no value reads as two
        13: {"address2": "~"},  # nor as NULL
        14: {"address2": "~0"},
        15: {"address2": "|"},
        16: {"address2": "~1"},
    }
    frame = framed(MEMBER_COLUMNS, [MEMBER | change | {"staff_id": n} for n, change in variants.items()])
    rows = validated(frame, STAFF).collect()
    hashes = {row["staff_id"]: row["row_hash"] for row in rows}
    assert hashes[1] == hashes[2]
    assert len(set(hashes.values())) == 15


def test_untracked_columns_leave_the_hash_alone(framed):
    untracked = {
        "staff_id": 2,
        "first_name": "M",
        "last_name": None,
        "email": None,
        "postal_code": None,
        "phone": "1",
        "changed_at": None,
    }
    frame = framed(MEMBER_COLUMNS, [MEMBER, MEMBER | untracked])
    assert len({row["row_hash"] for row in validated(frame, STAFF).collect()}) == 1


def test_a_fact_has_no_hash(framed):
    assert "row_hash" not in validated(framed(SALE_COLUMNS, [SALE]), SALES).columns
