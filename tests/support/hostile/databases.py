"""Hostile databases: their encodings, and their names."""

from tests.support.hostile.verdicts import LOADED, DatabaseState, Refused

UTF8_ONLY = "which cannot hold every text"
#: What the name of a database is -> the name.
NAMES = {
    "plus and blank": "a+b c",
    "percent": "100%",
    "an encoded slash": "a%2Fb",
    "a slash": "a/b",
    "accents and emojis": "é😀",
    "quotes": "a\"b'c",
    "a question mark and ampersand": "a?b&c=d",
    "a hash": "a#b",
}
DATABASES = (
    DatabaseState(
        "the warehouse is encoded in LATIN1",
        Refused(7, UTF8_ONLY),
        warehouse_encoding="LATIN1",
        is_short=True,
    ),
    DatabaseState(
        "the warehouse is encoded in SQL_ASCII", Refused(7, UTF8_ONLY), warehouse_encoding="SQL_ASCII"
    ),
    DatabaseState("the warehouse is encoded in WIN1252", Refused(7, UTF8_ONLY), warehouse_encoding="WIN1252"),
    DatabaseState("the source is encoded in LATIN1", LOADED, source_encoding="LATIN1", text=b"Z\xfcrich"),
    DatabaseState(
        "the source is encoded in WIN1252, with a byte that it does not have",
        Refused(4, "has no equivalent in encoding"),
        source_encoding="WIN1252",
        text=b"\x81",
    ),
    DatabaseState(
        "the source is encoded in SQL_ASCII, in UTF-8",
        LOADED,
        source_encoding="SQL_ASCII",
        text="Zürich".encode(),
    ),
    DatabaseState(
        "the source is encoded in SQL_ASCII, not in UTF-8",
        Refused(4, "UTF"),
        source_encoding="SQL_ASCII",
        text=b"Z\xfcrich",
    ),
    *(
        DatabaseState(f"the source's name has {what}", LOADED, name=name, is_short=name == "a+b c")
        for what, name in NAMES.items()
    ),
)
