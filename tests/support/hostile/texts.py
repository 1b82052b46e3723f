"""Hostile texts and lists, row by row."""

from tests.support.hostile.verdicts import LOADED, Quarantined, RowState, Verdict

#: What a text is -> an expression of PostgreSQL.
TEXTS = {
    "an empty text": "''",
    "a blank": "' '",
    "blanks around": "'  a  '",
    "a tab": r"E'a\tb'",
    "a line feed": r"E'a\nb'",
    "a carriage return": r"E'a\rb'",
    "both": r"E'a\r\nb'",
    "a line feed at the end": r"E'a\n'",
    "a backslash": r"E'a\\b'",
    "a backslash at the end": r"E'a\\'",
    r"COPY's NULL, \N": r"E'\\N'",
    r"COPY's end, \.": r"E'\\.'",
    r"COPY's end on a line of its own": r"E'a\n\\.\nb'",
    "the word NULL": "'NULL'",
    "an apostrophe": "'O''Brien'",
    "a double quote": "'a\"b'",
    "double quotes around": "'\"a\"'",
    "a comma": "'a,b'",
    "SQL": "'''; DROP TABLE dim_customer; --'",
    "a placeholder of a driver": "'100 %s %(x)s'",
    "a placeholder of a template": "'{0} {x} ${y} $1'",
    "JSON": "'{\"a\": [1, null]}'",
    "HTML": "'<b>&amp;</b>'",
    "a formula": "'=1+1'",
    "an emoji": r"U&'\+01F600'",
    "a family of emojis": r"U&'\+01F468\200D\+01F469\200D\+01F467'",
    "a combined accent": r"U&'e\0301'",
    "a composed accent": r"U&'\00E9'",
    "Arabic": r"U&'\0633\0644\0627\0645'",
    "a change of direction": r"U&'a\202Eb'",
    "a zero-width space": r"U&'a\200Bb'",
    "a no-break space": r"U&'\00A0'",
    "a byte order mark": r"U&'\FEFFa'",
    "a next line": r"U&'a\0085b'",
    "a line separator": r"U&'a\2028b'",
    "a control character": r"E'a\x01b'",
    "an escape": r"E'a\x1bb'",
    "a delete": r"E'a\x7fb'",
    "the replacement character": r"U&'\FFFD'",
    "no character": r"U&'\FFFF'",
    "the last code point": r"U&'\+10FFFF'",
    "as many bytes as fit": "repeat('x', 180)",
    "as many characters of four bytes as fit": r"repeat(U&'\+01F600', 45)",
}
#: A text that is too long -> an expression of PostgreSQL.
TOO_LONG = {
    "one byte too many": "repeat('x', 181)",
    "one character of four bytes too many": r"repeat(U&'\+01F600', 46)",
    "64 kB": "repeat('x', 65536)",
    "1 MB": "repeat('x', 1024 * 1024)",
    "64 MB": "repeat('x', 64 * 1024 * 1024)",
    "64 MB of quotes": "repeat('\"', 64 * 1024 * 1024)",
}


def _film(name: str, expression: str, verdict: Verdict = LOADED) -> RowState:
    return RowState("film", f"special_features = {expression}", verdict, f"special_features is {name}")


NESTED = Quarantined("special_features", "one list")
LONG_LIST = Quarantined("special_features", "at most 1000 bytes")
LISTS = (
    _film("NULL", "NULL"),
    _film("empty", "'{}'"),
    _film("a list of NULL", "'{NULL}'"),
    _film("a list with NULL", "'{a,NULL,b}'"),
    _film("a list with an empty text", "'{\"\",a}'"),
    _film("a list with a comma in a text", "'{\"b, a\",c}'"),
    _film("a list with braces in a text", "'{\"{{a}}\"}'"),
    _film("a list with quotes and backslashes", r"""ARRAY['a"b', E'c\\d']"""),
    _film("a list with a text twice", "'{b,a,b}'"),
    _film("a list of capitals and others", "'{b,A,a,B,_,1}'"),
    _film("a list of accents and emojis", r"ARRAY[U&'\00E9', U&'\+01F600', U&'\FFFF', 'z']"),
    _film("a list that begins at 0", "'[0:1]={b,a}'"),
    _film("a list of lists", "'{{a,b},{c,d}}'", NESTED),
    _film("a list of a list", "'{{a}}'", NESTED),
    _film("a list of lists of lists", "'{{{a}},{{b}}}'", NESTED),
    _film("a list of lists that begin at 5", "'[5:6][1:1]={{a},{b}}'", NESTED),
    _film("a list of 100,000 texts", "array_fill('x'::text, ARRAY[100000])", LONG_LIST),
    _film("a list of one text of 1 MB", "ARRAY[repeat('x', 1024 * 1024)]", LONG_LIST),
)
FILMS = (
    RowState("film", "title = NULL"),
    RowState("film", "title = repeat('x', 1021)", Quarantined("title", "at most 1020 bytes")),
    RowState("film", "description = repeat('x', 65535)"),
    RowState("film", "description = repeat('x', 65536)", Quarantined("description", "at most 65535 bytes")),
    RowState("film", "rating = NULL"),
    RowState("film", "rating = 'X'"),
    RowState("film", "rating = ''"),
)
PLACES = (
    *(RowState("address", f"address = {text}", name=f"address is {name}") for name, text in TEXTS.items()),
    RowState("address", "district = repeat('x', 81)", Quarantined("district", "at most 80 bytes")),
    RowState("address", "phone = NULL, postal_code = NULL, district = NULL"),
)
ROWS = (
    *(
        RowState("customer", f"first_name = {text}", name=f"first_name is {name}")
        for name, text in TEXTS.items()
    ),
    RowState("customer", "first_name = NULL, last_name = NULL, email = NULL"),
    *(
        RowState(
            "customer",
            f"first_name = {text}",
            Quarantined("first_name", "at most 180 bytes"),
            f"first_name of {name}",
        )
        for name, text in TOO_LONG.items()
    ),
    *PLACES,
    *FILMS,
    *LISTS,
)
