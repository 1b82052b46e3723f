"""Redshift's driver behaves like psycopg2's: parameters, literals in statements, and messages."""

import datetime as dt
from decimal import Decimal

import pytest
import redshift_connector

from dvdrental_etl.db import redshift


class Recorder:
    """A cursor of redshift_connector that notes what it is given."""

    paramstyle = "qmark"

    def __init__(self):
        self.seen = []

    def execute(self, statement, values):
        self.seen.append((statement, values))


def sent(*arguments):
    recorder = Recorder()
    redshift.RedshiftCursor(recorder).execute(*arguments)
    assert recorder.paramstyle == "format"
    return recorder.seen[0]


def test_values_by_position_are_bound():
    assert sent("SELECT %s, %s", ["a", None]) == ("SELECT %s, %s", ("a", None))


def test_named_values_are_written_in_and_nothing_is_bound():
    bound = {"as_of": dt.datetime.fromisoformat("2007-05-14T13:44:29.996577"), "batch_id": 7, "load_id": 9}
    assert sent("SELECT %(as_of)s, %(batch_id)s", bound) == (
        "SELECT TIMESTAMP '2007-05-14 13:44:29.996577', 7",
        None,
    )


def test_a_percent_sign_is_no_place_for_a_value():
    assert sent("SELECT 'a%'") == ("SELECT 'a%%'", None)
    assert sent("SELECT 'a%%' WHERE %(n)s = 1", {"n": 1}) == ("SELECT 'a%%' WHERE 1 = 1", None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (-5, "-5"),
        ((1, 2), "(1, 2)"),
        ("dim_customer", "'dim_customer'"),
        (True, "TRUE"),
        (Decimal("2.99"), "2.99"),
        (Decimal("1E+3"), "1000"),
        ("2007-05-14 13:44:29", None),
        ("x' OR '1'='1", None),
        ("a\\", None),
        (Decimal("NaN"), None),
        (2.99, None),
        (b"1", None),
    ],
)
def test_only_what_cannot_break_out_is_written_in(value, text):
    if text is None:
        with pytest.raises(TypeError, match="cannot be written into a statement: bind it by position"):
            redshift.with_values("%(v)s", {"v": value})
    else:
        assert redshift.with_values("%(v)s", {"v": value}) == text


@pytest.mark.parametrize(
    ("fields", "is_conflict"),
    [
        ({"C": "XX000", "M": "1023", "D": "Serializable isolation violation on table - 100, ..."}, True),
        ({"C": "XX000", "M": "1018", "D": "Relation does not exist."}, True),
        ({"C": "40P01", "M": "deadlock detected"}, True),
        ({"C": "XX000", "M": "could not complete because of conflict with concurrent transaction"}, True),
        ({"C": "42P01", "M": 'relation "dim_staff" does not exist'}, False),
        ({"C": "42601", "M": "syntax error at or near 10230"}, False),
        ({"C": "57014", "M": "Query (1) cancelled on user's request"}, False),
    ],
)
def test_what_another_transaction_caused_may_be_tried_again(fields, is_conflict):
    assert redshift.is_conflict(redshift_connector.ProgrammingError(fields)) is is_conflict


def test_the_servers_message_is_kept():
    error = redshift_connector.ProgrammingError(
        {"S": "ERROR", "C": "42601", "M": "syntax error", "H": "look again"}
    )
    assert redshift.message(error) == "syntax error look again"
    assert redshift.message(OSError("no route to host")) == "no route to host"
