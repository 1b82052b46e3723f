"""The SQL by which the source gives a column's values as the types of Spark and of the warehouse can hold them.

PostgreSQL knows values that those do not: infinity, NaN, years before 1 and after 9999, numbers too large for the
declared type, arrays of arrays. Each becomes a sentinel: a value that no row may have, which a rule that follows from
the DDL quarantines (model/rules.py). So such a row neither stops a load nor is loaded as something else.
"""

from dvdrental_etl.model.contract import digits_of
from dvdrental_etl.model.stored_type import StoredType

#: A sentinel is the lowest whole number of its type; bigint needs none, as it holds every key of a source.
LOWEST = {"smallint": -(2**15), "int": -(2**31), "integer": -(2**31)}
#: Declared type -> the source's types that hold nothing else.
NARROW = {"smallint": {"int2"}, "int": {"int2", "int4"}}
#: A type of the source of which nothing is known.
ANY = StoredType("")
#: The days that Python, Spark and every warehouse know.
FIRST_DAY, LAST_DAY = "0001-01-01", "9999-12-31"
#: The sentinel of every other day.
NO_DAY = "10000-01-01"
#: The ends of a timestamp, and the sentinels of earlier and of later ones. JDBC's calendar is another one before the
#: first; the last is the star's "for ever".
FIRST_TIME, END_OF_TIME = "1582-10-15", "9999-12-31"
#: No varchar is longer, in bytes. Of a longer text only the beginning is read, which is still too long.
LONGEST_TEXT = 65535
#: How the text of an array of arrays begins, which takes the place of its elements.
NESTED = "array of arrays "


def with_sentinel(column: str, declared: str, precision: str = "", stored: StoredType = ANY) -> str:
    """An expression of PostgreSQL; NULL stays NULL. column: quoted. declared, precision: of SourceTable.types.

    stored: how the source stores the column. What it cannot hold is not looked for, which took a third of a large read.
    """
    match declared:
        case "smallint" | "int":
            lowest, size = LOWEST[declared], "int2" if declared == "smallint" else "int4"
            if stored.kind in NARROW[declared]:
                return f"CAST({column} AS {size})"
            fits = f"{column} BETWEEN {lowest + 1} AND {-lowest - 1}"
            return f"CAST(CASE WHEN NOT {fits} THEN {lowest} ELSE {column} END AS {size})"
        case "decimal":
            digits, scale = digits_of(precision)
            end = 10 ** (digits - scale)
            kind = f"numeric({digits + 1},{scale})"
            if stored.whole_digits <= digits - scale:
                return (
                    f"CASE WHEN {column} = 'NaN' THEN CAST({end} AS {kind}) ELSE CAST({column} AS {kind}) END"
                )
            fits = f"{column} > -{end} AND {column} < {end}"
            return f"CAST(CASE WHEN NOT ({fits}) THEN {end} ELSE {column} END AS {kind})"
        case "date":
            fits = f"{column} BETWEEN DATE '{FIRST_DAY}' AND DATE '{LAST_DAY}'"
            return f"CASE WHEN NOT ({fits}) THEN DATE '{NO_DAY}' ELSE CAST({column} AS date) END"
        case "timestamp":
            first, end = f"TIMESTAMP '{FIRST_TIME}'", f"TIMESTAMP '{END_OF_TIME}'"
            edges = f"WHEN {column} < {first} THEN {first} WHEN {column} >= {end} THEN {end}"
            return f"CASE {edges} ELSE CAST({column} AS timestamp) END"
        case "string":
            text = f"CAST({column} AS text)"
            if stored.text_bytes <= LONGEST_TEXT:
                return text
            return f"CASE WHEN octet_length({text}) > {LONGEST_TEXT} THEN {_beginning(text)} ELSE {text} END"
        case "array<string>":
            listed = f"array_to_string({column}, ', ')"
            return (
                f"CASE WHEN array_ndims({column}) > 1 THEN ARRAY['{NESTED}' || {_beginning(f'CAST({column} AS text)')}]"
                f" WHEN octet_length({listed}) > {LONGEST_TEXT} THEN ARRAY[{_beginning(listed)}]"
                f" ELSE CAST({column} AS text[]) END"
            )
    return f"CAST({column} AS {'int8' if declared == 'bigint' else 'bool'})"


def _beginning(text: str) -> str:
    return f"left({text}, {LONGEST_TEXT + 1})"
