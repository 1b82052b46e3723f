"""Hostile days and timestamps, row by row."""

from tests.support.hostile.verdicts import LOADED, Quarantined, RowState, Verdict

NO_DAY = Quarantined("create_date", "from 0001-01-01 to 9999-12-31")
NO_EVENT = Quarantined("payment_ts", "from 1900-01-01, before 9999-12-31")

#: customer.create_date is loaded as a day.
DAYS: dict[str, Verdict] = {
    # What Python, Spark or a warehouse does not have.
    **dict.fromkeys(("infinity", "-infinity", "0044-03-15 BC", "4713-01-01 BC", "0001-12-31 BC"), NO_DAY),
    **dict.fromkeys(("10000-01-01", "294276-12-31", "5874897-12-31"), NO_DAY),
    # The days beside them, those that Rome left out, and those that are others in the Julian calendar.
    **dict.fromkeys(
        ("0001-01-01", "0004-02-29", "0100-02-28", "0100-03-01", "1000-02-28", "1000-03-01"), LOADED
    ),
    **dict.fromkeys(
        (
            "1500-02-28",
            "1500-03-01",
            "1582-10-04",
            "1582-10-05",
            "1582-10-10",
            "1582-10-14",
            "1582-10-15",
            "1700-02-28",
            "1752-09-05",
        ),
        LOADED,
    ),
    **dict.fromkeys(
        ("1899-12-31", "1900-02-28", "1969-12-31", "1970-01-01", "2000-02-29", "2038-01-19"), LOADED
    ),
    **dict.fromkeys(("2069-12-31", "2070-01-01", "2262-04-12", "9999-12-30", "9999-12-31"), LOADED),
}

#: payment.payment_date is the event of a fact: versions are valid from 1900 to 9999-12-30.
EVENTS: dict[str, Verdict] = {
    **dict.fromkeys(
        ("infinity", "-infinity", "0044-03-15 12:00 BC", "4713-11-24 BC", "0001-01-01"), NO_EVENT
    ),
    **dict.fromkeys(("1582-10-04 23:59:59", "1582-10-10 12:00", "1582-10-15", "1850-06-01 12:00"), NO_EVENT),
    **dict.fromkeys(("1899-12-31 23:59:59.999999", "9999-12-31", "9999-12-31 23:59:59.999999"), NO_EVENT),
    **dict.fromkeys(("10000-01-01", "294276-12-31 23:59:59.999999"), NO_EVENT),
    **dict.fromkeys(("1900-01-01", "1950-06-01 12:00", "1969-12-31 23:59:59.999999", "1970-01-01"), LOADED),
    **dict.fromkeys(("2007-03-25 02:30", "2007-10-28 02:30", "2008-02-29", "2016-12-31 23:59:60"), LOADED),
    **dict.fromkeys(
        ("2038-01-19 03:14:08", "2069-12-31 23:59:59.999999", "2070-01-01", "2262-04-12"), LOADED
    ),
    **dict.fromkeys(("9999-12-30 23:59:59.999999", "2007-05-14 24:00", "2007-05-14 13:44:29.000001"), LOADED),
}

#: rental's days become keys of the calendar, -1 for a day that it does not have.
RENTAL_TIMES = (
    "infinity",
    "-infinity",
    "0044-03-15 BC",
    "1582-10-10",
    "1969-12-31",
    "2070-01-01",
    "10000-01-01",
)

#: last_update only says when a version begins.
CHANGES = (
    "infinity",
    "-infinity",
    "0001-01-01",
    "0044-03-15 BC",
    "1582-10-10",
    "10000-01-01",
    "294276-12-31",
)

ROWS = (
    *(RowState("customer", f"create_date = '{day}'", verdict) for day, verdict in DAYS.items()),
    RowState("customer", "create_date = NULL"),
    *(RowState("customer", f"last_update = '{moment}'") for moment in (*CHANGES, "2100-01-01")),
    RowState("customer", "last_update = NULL"),
    *(RowState("address", f"last_update = '{moment}'") for moment in CHANGES),
    *(RowState("payment", f"payment_date = '{moment}'", verdict) for moment, verdict in EVENTS.items()),
    RowState("payment", "payment_date = NULL", Quarantined("payment_ts", "not null")),
    *(RowState("rental", f"rental_date = '{moment}'") for moment in RENTAL_TIMES),
    RowState("rental", "rental_date = NULL"),
    *(RowState("rental", f"return_date = '{moment}'") for moment in RENTAL_TIMES),
    RowState("rental", "return_date = NULL"),
    RowState("rental", "return_date = rental_date - interval '1 year'"),
)
