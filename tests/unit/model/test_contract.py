"""The DDL read as a contract: parsing, comparing, and what the DDL itself must keep to."""

import re

import pytest

import load_dim_customer
import load_dim_movie
import load_dim_staff
import load_dim_store
from dvdrental_etl.errors import ContractError
from dvdrental_etl.model import contract
from dvdrental_etl.model.contract import Column
from tests.support.paths import SQL_SCRIPTS

NAMES = sorted(path.stem.removeprefix("create_") for path in SQL_SCRIPTS.glob("create_*.sql"))
AUDIT = ["etl_batch", "etl_load", "etl_range", "etl_reject", "etl_lock"]


def tables(name):
    """The tables that a DDL file makes."""
    return AUDIT if name == "etl_audit" else [name]


def ddl(name):
    return (SQL_SCRIPTS / f"create_{name}.sql").read_text(encoding="utf-8")


def column_lines(name):
    """Table -> the lines that declare its columns, found without the pattern that is under test."""
    found: dict[str, list[str]] = {}
    table = None
    for line in ddl(name).splitlines():
        words = line.split()
        if words[:2] == ["CREATE", "TABLE"]:
            table = words[-2]
            found[table] = []
        elif line.startswith(")"):
            table = None
        elif table and words and words[0] not in ("--", "PRIMARY"):
            found[table].append(line)
    return found


def test_every_ddl_file_is_known():
    assert list(contract.ddl_names()) == NAMES
    assert len(NAMES) >= 7


@pytest.mark.parametrize("name", NAMES)
def test_every_column_line_of_every_ddl_is_read(name):
    lines = column_lines(name)
    assert list(lines) == tables(name)
    read = contract.tables_in(name)
    assert list(read) == tables(name)
    for table in tables(name):
        assert len(lines[table]) >= 1
        words = [line.split("--")[0].split() for line in lines[table]]
        assert [(c.name, c.type) for c in read[table]] == [(w[0], w[1].rstrip(",")) for w in words]
        assert [c.required for c in read[table]] == [w[2:3] == ["NOT"] for w in words]


def test_the_columns_of_fact_sales():
    assert contract.columns_of("fact_sales") == (
        Column("sales_key", "bigint", required=True),
        Column("payment_date_key", "integer", required=True),
        Column("rental_date_key", "integer", required=True),
        Column("return_date_key", "integer", required=True),
        Column("customer_key", "bigint", required=True),
        Column("staff_key", "bigint", required=True),
        Column("store_key", "bigint", required=True),
        Column("movie_key", "bigint", required=True),
        Column("sales_amount", "numeric(5,2)", required=True),
        Column("rental_id", "bigint"),
        Column("payment_ts", "timestamp", required=True),
        Column("batch_id", "bigint", required=True),
    )


def test_the_columns_of_dim_customer():
    assert contract.columns_of("dim_customer") == (
        Column("customer_key", "bigint", required=True),
        Column("customer_id", "integer", required=True),
        Column("first_name", "varchar(180)"),
        Column("last_name", "varchar(180)"),
        Column("email", "varchar(200)"),
        Column("address", "varchar(200)"),
        Column("address2", "varchar(200)"),
        Column("district", "varchar(80)"),
        Column("city", "varchar(200)"),
        Column("country", "varchar(200)"),
        Column("postal_code", "varchar(40)"),
        Column("phone", "varchar(80)"),
        Column("active", "smallint"),
        Column("create_date", "date"),
        Column("store_id", "integer"),
        Column("valid_from", "timestamp", required=True),
        Column("valid_to", "timestamp", required=True),
        Column("is_current", "boolean", required=True),
        Column("is_deleted", "boolean", required=True),
        Column("is_inferred", "boolean", required=True),
        Column("row_hash", "varchar(32)", required=True),
        Column("batch_id", "bigint", required=True),
    )


def test_a_last_column_without_comma_is_read():
    assert contract.tables_in("etl_audit")["etl_reject"][-1] == Column(
        "row_json", "varchar(65535)", required=True
    )


def test_the_star_has_the_columns_that_existing_queries_know():
    versions = ["valid_from", "valid_to", "is_current", "is_deleted", "is_inferred", "row_hash", "batch_id"]
    place = ["address", "address2", "district", "city", "country", "postal_code", "phone"]
    expected = {
        "dim_customer": [
            *("customer_key", "customer_id", "first_name", "last_name", "email"),
            *place,
            *("active", "create_date", "store_id"),
            *versions,
        ],
        "dim_movie": [
            *("movie_key", "film_id", "title", "description", "release_year", "language"),
            *("rental_duration", "rental_rate", "length", "replacement_cost", "rating", "category"),
            "special_features",
            *versions,
        ],
        "dim_store": [
            *("store_key", "store_id"),
            *place,
            *("manager_staff_id", "manager_first_name", "manager_last_name"),
            *versions,
        ],
        "dim_staff": [
            *("staff_key", "staff_id", "first_name", "last_name", "email"),
            *place,
            *("active", "store_id"),
            *versions,
        ],
        "dim_date": [
            *("date_key", "date", "year", "quarter", "month", "month_name", "day", "iso_week", "iso_year"),
            *("iso_weekday", "day_name", "is_weekend", "is_month_end"),
        ],
        "fact_sales": [
            *("sales_key", "payment_date_key", "rental_date_key", "return_date_key", "customer_key"),
            *("staff_key", "store_key", "movie_key", "sales_amount", "rental_id", "payment_ts", "batch_id"),
        ],
    }
    assert {table: [column.name for column in contract.columns_of(table)] for table in expected} == expected


@pytest.mark.parametrize(
    ("declared", "spark"),
    [
        ("integer", "int"),
        ("bigint", "bigint"),
        ("smallint", "smallint"),
        ("boolean", "boolean"),
        ("date", "date"),
        ("timestamp", "timestamp_ntz"),
        ("varchar(180)", "string"),
        ("numeric(5,2)", "decimal(5,2)"),
    ],
)
def test_the_spark_type_that_holds_the_same_values(declared, spark):
    assert Column("any", declared).spark_type == spark


def test_bytes_of_a_varchar_and_of_nothing_else():
    assert Column("any", "varchar(180)").bytes == 180
    assert Column("any", "numeric(5,2)").bytes is None
    assert Column("any", "date").bytes is None


def test_differences_name_what_is_missing_unexpected_and_of_another_type():
    have = [("customer_id", "bigint"), ("nickname", "string"), ("email", "string")]
    want = [("customer_id", "int"), ("email", "string"), ("phone", "string")]
    assert contract.differences(have, want) == [
        "phone is missing (string)",
        "nickname is not expected (string)",
        "customer_id is bigint, not int",
    ]


def test_order_is_no_difference():
    assert contract.differences([("a", "int"), ("b", "date")], [("b", "date"), ("a", "int")]) == []


def test_a_column_that_occurs_twice_is_a_difference():
    assert contract.differences([("a", "int"), ("a", "int")], [("a", "int")]) != []


def test_a_frame_that_differs_is_refused_with_each_difference_named():
    expected = (Column("film_id", "integer", required=True), Column("rental_rate", "numeric(4,2)"))
    with pytest.raises(ContractError) as refused:
        contract.check_frame([("rental_rate", "double"), ("titel", "string")], expected, "dim_movie")
    assert refused.value.line == (
        "contract: the frame for dim_movie differs from sql_scripts/create_dim_movie.sql:"
        " film_id is missing (int); titel is not expected (string); rental_rate is double, not decimal(4,2)"
        " -> correct transform()'s closing select or the DDL"
    )
    assert refused.value.exit_code == 4


def test_a_frame_as_the_table_takes_it_passes():
    expected = (Column("film_id", "integer", required=True), Column("rental_rate", "numeric(4,2)"))
    contract.check_frame([("rental_rate", "decimal(4,2)"), ("film_id", "int")], expected, "dim_movie")


# What the DDL keeps to, so that both dialects and the parser above can read it.


@pytest.mark.parametrize("name", NAMES)
def test_the_ddl_uses_types_that_both_dialects_share(name):
    fitting = re.compile(
        r"bigint|integer|smallint|boolean|date|timestamp|varchar\([1-9]\d*\)|numeric\([1-9]\d?,\d{1,2}\)"
    )
    for table, columns in contract.tables_in(name).items():
        for column in columns:
            assert fitting.fullmatch(column.type), f"{table}.{column.name} {column.type}"
            assert (column.bytes or 0) <= 65535, f"{table}.{column.name}: Redshift holds 65535 bytes"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "forbidden",
    [
        *(r"\btext\b", r"\b(small|big)?serial\b", r"\bidentity\b", r"\bcheck\b", r"\bjsonb?\b"),
        *(
            r"\[",
            r"\barray\b",
            r"\bon\s+conflict\b",
            r"\breferences\b",
            r"\btime\s+zone\b",
            r"\btimestamptz\b",
        ),
    ],
)
def test_the_ddl_stays_within_the_shared_subset(name, forbidden):
    statements = re.sub(r"--.*", "", ddl(name))
    assert not re.search(forbidden, statements, re.I)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_line_states_the_grain(name):
    assert ddl(name).startswith(f"-- {tables(name)[0]}: one row per ")


@pytest.mark.parametrize("name", NAMES)
def test_each_table_is_made_only_where_it_is_missing(name):
    statements = re.sub(r"--.*", "", ddl(name))
    assert len(re.findall(r"CREATE TABLE IF NOT EXISTS", statements)) == len(tables(name))
    assert len(re.findall(r"CREATE TABLE", statements)) == len(tables(name))
    assert not re.search(r"\b(DROP|TRUNCATE|DELETE|UPDATE|ALTER)\b", statements)
    # What fills in a member or a day does so once.
    assert statements.count("INSERT INTO") == statements.count("WHERE NOT EXISTS")


@pytest.mark.parametrize("name", ["dim_customer", "dim_movie", "dim_store", "dim_staff", "fact_sales"])
def test_the_first_column_is_the_key(name):
    first = contract.columns_of(name)[0]
    assert (first.type, first.required) == ("bigint", True)
    assert f"PRIMARY KEY ({first.name})" in ddl(name)


@pytest.mark.parametrize("script", [load_dim_customer, load_dim_movie, load_dim_staff])
def test_the_ddl_marks_the_columns_that_keep_history(script):
    target = script.TARGET
    marked = [line.split()[0] for line in column_lines(target.table)[target.table] if "-- tracked: " in line]
    assert sorted(marked) == sorted(target.tracked)


def test_all_attributes_of_a_store_keep_history_in_the_ddl():
    target = load_dim_store.TARGET
    assert ddl("dim_store").splitlines()[1].startswith("-- Every column is tracked")
    assert [column.name for column in target.attributes] == list(target.tracked)


def test_an_int_is_as_good_as_a_bigint_and_a_bigint_is_no_int():
    expected = (Column("film_id", "bigint", required=True), Column("length", "integer"))
    contract.check_frame([("film_id", "int"), ("length", "int")], expected, "dim_movie")
    with pytest.raises(ContractError, match="length is bigint, not int"):
        contract.check_frame([("film_id", "int"), ("length", "bigint")], expected, "dim_movie")
