"""Hostile configuration files and command lines. None of them gets as far as a database."""

import json

from tests.support.hostile.verdicts import ConfigurationState, Refused

URL = "jdbc:postgresql://127.0.0.1:1/x"
VALID = {
    "source": {"url": URL, "user": "u", "password": "p"},
    "warehouse": {"kind": "postgres", "url": URL, "user": "u", "password": "p"},
}
#: A valid file gets as far as this: nothing listens on port 1.
READ = Refused(4, "cannot be reached")


def _changed(section: str, **keys: object) -> bytes:
    return json.dumps(VALID | {section: VALID.get(section, {}) | keys}).encode()


def _redshift(s3_endpoint: str = "", query_group: str = "") -> bytes:
    warehouse = {"kind": "redshift", "url": "jdbc:redshift://h:5439/d", "user": "u", "password": "p"}
    s3 = {"staging": "s3://b/p", "endpoint": s3_endpoint}
    return json.dumps(VALID | {"warehouse": warehouse | {"query_group": query_group}, "s3": s3}).encode()


def _file(title: str, code: int, words: str, file: bytes) -> ConfigurationState:
    return ConfigurationState(title, Refused(code, words), file)


def _flags(title: str, words: str, *flags: str) -> ConfigurationState:
    return ConfigurationState(title, Refused(2, words), None, flags)


TEXT = json.dumps(VALID).encode()
FILES = (
    ConfigurationState("a byte order mark", READ, b"\xef\xbb\xbf" + TEXT),
    ConfigurationState(
        "line feeds of Windows", READ, json.dumps(VALID, indent=1).replace("\n", "\r\n").encode()
    ),
    _file("an empty file", 3, "is not valid JSON", b""),
    _file("half a file", 3, "is not valid JSON", TEXT[:40]),
    _file("a file of NUL", 3, "is not valid JSON", bytes(100)),
    _file("UTF-16", 3, "is not valid JSON", TEXT.decode().encode("utf-16")),
    _file("LATIN1", 3, "is not valid JSON", _changed("source", user="x").replace(b'"x"', b'"\xe9"')),
    _file("JSON with a comment", 3, "is not valid JSON", b"// mine\n" + TEXT),
    _file("JSON with a comma at the end", 3, "is not valid JSON", TEXT[:-1] + b",}"),
    _file(
        "a number of 5,000 digits",
        3,
        "is not valid JSON",
        _changed("limits", connections=1)[:-2] + b"1" * 5000 + b"}}",
    ),
    _file("100,000 brackets", 3, "nested too deeply", b"[" * 100_000 + b"]" * 100_000),
    _file("100,000 objects", 3, "nested too deeply", b'{"source":' * 100_000 + b"1" + b"}" * 100_000),
    _file("a list", 3, "is not an object of sections", b"[]"),
    _file("a text", 3, "is not an object of sections", b'"source"'),
    _file("a section that is a list", 3, "is not an object of sections", b'{"source": []}'),
    _file(
        "an unknown section", 3, "unknown key sauce.url", json.dumps(VALID | {"sauce": {"url": "x"}}).encode()
    ),
    _file("an unknown key", 3, "unknown key source.pasword", _changed("source", pasword="x")),
    _file("no user", 3, "source.user is not set", _changed("source", user="")),
    _file("a user that is null", 3, "source.user is not set", _changed("source", user=None)),
    _file(
        "a password that is an object",
        3,
        "source.password is not a text",
        _changed("source", password={"a": 1}),
    ),
    _file("a user that is a list", 3, "source.user is not a text", _changed("source", user=["u"])),
    ConfigurationState("a password that is a number", READ, _changed("source", password=123456)),
    _file("NUL in a user", 3, "source.user contains a NUL", _changed("source", user="a\0b")),
    _file("NUL in a password", 3, "source.password contains a NUL", _changed("source", password="a\0b")),
    _file("NUL in a schema", 3, "source.schema contains a NUL", _changed("source", schema="a\0b")),
    _file("NUL in a URL", 3, "source.url contains a NUL", _changed("source", url=URL + "\0")),
    _file("an unpaired surrogate in a user", 3, "unpaired surrogate", _changed("source", user="a\ud800")),
    _file(
        "an unpaired surrogate in a password", 3, "unpaired surrogate", _changed("source", password="\udcff")
    ),
    _file(
        "an unpaired surrogate in a schema", 3, "unpaired surrogate", _changed("warehouse", schema="\udfff")
    ),
    _file("'%' in the schema of the source", 3, "source.schema has a '%'", _changed("source", schema="a%b")),
    _file(
        "'%' in the schema of the warehouse",
        3,
        "warehouse.schema has a '%'",
        _changed("warehouse", schema="a%s"),
    ),
    ConfigurationState("a schema with quotes", READ, _changed("source", schema="a\"b'c; DROP")),
    ConfigurationState(
        "a password of any characters", READ, _changed("source", password="%s {0} $x ' \" \\ \u2028 é 😀")
    ),
    _file(
        "a URL of another product",
        3,
        "is not a PostgreSQL JDBC address",
        _changed("source", url="jdbc:mysql://h/d"),
    ),
    _file(
        "a URL without database",
        3,
        "is not a PostgreSQL JDBC address",
        _changed("source", url="jdbc:postgresql://h"),
    ),
    _file(
        "a URL with a port of letters",
        3,
        "port is not a number",
        _changed("source", url="jdbc:postgresql://h:x/d"),
    ),
    _file(
        "a URL with a port of 99999",
        3,
        "port is not a number",
        _changed("source", url="jdbc:postgresql://h:99999/d"),
    ),
    _file(
        "a URL with a password", 3, "holds a user or password", _changed("source", url=URL + "?password=x")
    ),
    _file(
        "an unknown kind of warehouse", 3, "warehouse.kind is 'oracle'", _changed("warehouse", kind="oracle")
    ),
    _file("a limit below zero", 3, "limits.connections is '-1'", _changed("limits", connections=-1)),
    _file(
        "a limit that is a word", 3, "limits.connections is 'many'", _changed("limits", connections="many")
    ),
    _file(
        "a share that is not a number",
        3,
        "limits.deleted_share is 'nan'",
        _changed("limits", deleted_share="nan"),
    ),
    *(
        _file(
            f"limits.{name} of {value}", 3, f"limits.{name} is '{value}'", _changed("limits", **{name: value})
        )
        for name, value in (
            ("connections", "0"),
            ("rows_per_partition", "0"),
            ("keys_per_partition", "0"),
            ("conflict_attempts", "0"),
            ("rejects_per_task", "0"),
            ("silent_seconds", "0"),
            ("look_seconds", "0"),
            ("read_seconds", "0"),
            ("lock_seconds", "2147484"),
            ("statement_seconds", "1e9"),
            ("days_between_full", "1000000000"),
            ("changed_share", "inf"),
            ("quarantined_share", "1.01"),
            ("changed_keys", "9223372036854775807"),
        )
    ),
    _file(
        "an S3 endpoint without scheme",
        3,
        "s3.endpoint is 'localhost:9000'",
        _redshift(s3_endpoint="localhost:9000"),
    ),
    _file("a query group with a quote", 3, "warehouse.query_group is", _redshift(query_group="a'b")),
    _file("a query group with a backslash", 3, "warehouse.query_group is", _redshift(query_group="a\\")),
)
FLAGS = (
    _flags("a batch id of 251 bytes", "more than 250 bytes", "--batch-id", "x" * 251),
    _flags("a batch id of 126 characters of two bytes", "more than 250 bytes", "--batch-id", "é" * 126),
    _flags("a batch id that is not UTF-8", "is not UTF-8", "--batch-id", "a\udcff"),
    _flags("as of the year 1", "as_of lies from 1900-01-01", "--as-of", "0001-01-01"),
    _flags("as of 1899", "as_of lies from 1900-01-01", "--as-of", "1899-12-31T23:59:59"),
    _flags("as of the end of time", "as_of lies from 1900-01-01", "--as-of", "9999-12-31"),
    _flags("as of infinity", "is not a timestamp", "--as-of", "infinity"),
    _flags("as of the year 10000", "is not a timestamp", "--as-of", "10000-01-01"),
    _flags("as of a time with a zone", "has no zone", "--as-of", "2007-05-14T13:44:29Z"),
    _flags("an abbreviated flag", "unrecognized arguments", "--full"),
    _flags("an argument", "unrecognized arguments", "dim_store"),
)
CONFIGURATIONS = (*FILES, *FLAGS)
