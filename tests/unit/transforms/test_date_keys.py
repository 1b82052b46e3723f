"""date_key against Python's own calendar, and against the days that dim_date has."""

import datetime as dt

from pyspark.sql import functions as F

from dvdrental_etl.transforms import date_keys
from tests.support.paths import SQL_SCRIPTS

DDL = SQL_SCRIPTS / "create_dim_date.sql"

#: Moment -> its key, by hand: borders, leap days, and the last and first instant of a day.
KEYS = {
    "1969-12-31 23:59:59.999999": -1,
    "1970-01-01 00:00:00": 19700101,
    "1972-02-29 12:00:00": 19720229,
    "1999-12-31 23:59:59.999999": 19991231,
    "2000-02-29 00:00:00": 20000229,
    "2000-03-01 00:00:00": 20000301,
    "2007-02-14 21:21:59.996577": 20070214,
    "2007-03-11 02:30:00": 20070311,  # an hour that New York's clocks skipped
    "2024-02-29 23:59:59": 20240229,
    "2069-12-31 23:59:59.999999": 20691231,
    "2070-01-01 00:00:00": -1,
    "0001-01-01 00:00:00": -1,
    "9999-12-31 00:00:00": -1,
}


def keys(framed, column_type, values):
    frame = framed(f"moment {column_type}", [{"moment": value} for value in values])
    rows = frame.select("moment", date_keys.date_key("moment").alias("key")).collect()
    assert frame.select(date_keys.date_key("moment").alias("key")).dtypes == [("key", "int")]
    return {row["moment"]: row["key"] for row in rows}


def test_the_key_is_the_day_as_a_number(framed):
    expected = {dt.datetime.fromisoformat(text): key for text, key in KEYS.items()}
    assert keys(framed, "timestamp_ntz", list(expected)) == expected


def test_null_is_unknown(framed):
    assert keys(framed, "timestamp_ntz", [None]) == {None: -1}


def test_a_date_has_the_same_key_as_its_midnight(framed):
    days = {dt.date(1970, 1, 1): 19700101, dt.date(2069, 12, 31): 20691231, dt.date(2070, 1, 1): -1}
    assert keys(framed, "date", list(days)) == days


def test_every_day_of_dim_date_has_the_key_that_python_says(spark):
    first = dt.date(1970, 1, 1)
    frame = spark.range(36525).select(
        "id", F.expr("timestampadd(DAY, id, TIMESTAMP_NTZ '1970-01-01 18:00:00')").alias("moment")
    )
    rows = frame.select("id", date_keys.date_key("moment").alias("key")).toArrow().to_pylist()
    expected = {n: int((first + dt.timedelta(days=n)).strftime("%Y%m%d")) for n in range(36525)}
    assert list(expected.values())[-1] == 20691231
    assert {row["id"]: row["key"] for row in rows} == expected


def test_the_calendar_and_its_table_agree_on_the_days():
    assert (dt.date(1970, 1, 1), dt.date(2069, 12, 31)) == (date_keys.FIRST_DAY, date_keys.LAST_DAY)
    text = DDL.read_text(encoding="utf-8")
    assert "<= DATE '2069-12-31' - DATE '1970-01-01'" in text
    assert "SELECT DATE '1970-01-01' + (" in text


def test_the_members_that_are_no_days_are_in_the_table():
    assert (date_keys.UNKNOWN, date_keys.NOT_YET) == (-1, -2)
    text = DDL.read_text(encoding="utf-8")
    assert "SELECT -1, 'Unknown', 'Unknown'" in text
    assert "SELECT -2, 'Not yet happened', 'Not yet happened'" in text
