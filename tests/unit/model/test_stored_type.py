"""How large a column's values can be. The modifiers are those that PostgreSQL writes into pg_attribute.atttypmod."""

import pytest

from dvdrental_etl.model.stored_type import UNLIMITED, StoredType


@pytest.mark.parametrize(
    ("modifier", "whole_digits", "scale"),
    [
        (327686, 3, 2),  # numeric(5,2): (5 << 16 | 2) + 4
        (262150, 2, 2),  # numeric(4,2)
        (262149, 3, 1),  # numeric(4,1)
        (655364, 10, 0),  # numeric(10,0), written numeric(10)
        (1179662, 8, 10),  # numeric(18,10)
        (2490392, 18, 20),  # numeric(38,20)
        (65541, 0, 1),  # numeric(1,1)
        (-1, UNLIMITED, UNLIMITED),  # numeric: as many as it likes
    ],
)
def test_digits_of_a_numeric(modifier, whole_digits, scale):
    stored = StoredType("numeric", modifier)
    assert (stored.whole_digits, stored.scale) == (whole_digits, scale)


@pytest.mark.parametrize(
    ("kind", "modifier", "size"),
    [
        ("varchar", 14, 40),
        ("varchar", -1, UNLIMITED),
        ("bpchar", 7, 12),
        ("text", -1, UNLIMITED),
        ("enum", -1, 63),
        ("int4", -1, UNLIMITED),
    ],
    ids=["varchar(10)", "varchar", "char(3)", "text", "an enum", "no text"],
)
def test_bytes_of_a_text(kind, modifier, size):
    assert StoredType(kind, modifier).text_bytes == size
