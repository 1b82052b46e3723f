"""Pure: parse a COPY command; reject options that Redshift does not accept for Parquet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from redshift_emulator.tokens import Token, closing, significant, tokenize
from redshift_emulator.wire import SqlError

#: Options with a value, and whether columnar formats accept them.
_WITH_VALUE = {
    "REGION": False,
    "MAXERROR": False,
    "DELIMITER": False,
    "QUOTE": False,
    "NULL": False,
    "DATEFORMAT": False,
    "TIMEFORMAT": False,
    "ENCODING": False,
    "IGNOREHEADER": False,
    "COMPROWS": False,
    "READRATIO": False,
    "STATUPDATE": True,
    "COMPUPDATE": False,
    "ACCEPTINVCHARS": True,
}
#: Options without a value.
_WITHOUT_VALUE = {
    "ACCEPTANYDATE": False,
    "BLANKSASNULL": False,
    "EMPTYASNULL": False,
    "ESCAPE": False,
    "FILLRECORD": True,
    "IGNOREALLERRORS": False,
    "IGNOREBLANKLINES": False,
    "NOLOAD": False,
    "REMOVEQUOTES": False,
    "ROUNDEC": False,
    "TRIMBLANKS": False,
    "TRUNCATECOLUMNS": False,
    "EXPLICIT_IDS": True,
    "SERIALIZETOJSON": True,
    "GZIP": False,
    "BZIP2": False,
    "LZOP": False,
    "ZSTD": False,
    "SSH": False,
}
_FORMATS = ("PARQUET", "ORC", "AVRO", "JSON", "CSV", "FIXEDWIDTH", "SHAPEFILE")


@dataclass
class Copy:
    """COPY table [(columns)] FROM s3://bucket/key."""

    table: str
    columns: list[str]
    source: str
    role: str = ""
    key_id: str = ""
    secret: str = ""
    format: str = "DELIMITED"
    manifest: bool = False
    options: list[str] = field(default_factory=list)

    @property
    def bucket(self) -> str:
        """The bucket of the source."""
        return self.source.removeprefix("s3://").split("/", 1)[0]

    @property
    def key(self) -> str:
        """The key, or the prefix, of the source."""
        return self.source.removeprefix("s3://").partition("/")[2]


def parse(sql: str) -> Copy:
    """Parse a COPY command. Raises SqlError."""
    words = [token for token in significant(tokenize(sql)) if token.text != ";"]
    at = 2
    while at + 1 < len(words) and words[at].text == ".":
        at += 2
    table = "".join(token.text for token in words[1:at])
    if table.startswith("#"):
        table = f'"{table.lower()}"'
    columns: list[str] = []
    if at < len(words) and words[at].text == "(":
        end = closing(words, at)
        columns = [token.value for token in words[at + 1 : end] if token.text != ","]
        at = end + 1
    if at + 1 >= len(words) or words[at].normalized != "FROM":
        raise _syntax(words, at)
    if words[at + 1].kind != "string":
        raise _syntax(words, at + 1)
    copy = Copy(table, columns, words[at + 1].value)
    if not re.match(r"s3://[a-z0-9][a-z0-9.-]+/.", copy.source):
        raise SqlError("0A000", f"emulator: COPY reads from s3://bucket/key only, not from {copy.source}")
    _options(words, at + 2, copy)
    _check(copy)
    return copy


def _syntax(words: Sequence[Token], at: int) -> SqlError:
    near = words[at].text if at < len(words) else "end of input"
    return SqlError("42601", f'syntax error at or near "{near}"')


def _options(words: Sequence[Token], at: int, copy: Copy) -> None:
    while at < len(words):
        word = words[at].normalized
        if word in ("WITH", "FORMAT", "AS") and at + 1 < len(words):
            at += 1
        elif word in _FORMATS:
            copy.format, at = word, at + 1
        elif word == "MANIFEST":
            copy.manifest, at = True, at + 1
        elif word in ("IAM_ROLE", "CREDENTIALS", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
            at = _authorization(words, at, copy)
        elif word in _WITHOUT_VALUE:
            copy.options.append(word)
            at += 1
        elif word in _WITH_VALUE:
            copy.options.append(word)
            at += 2 if at + 1 < len(words) and words[at + 1].normalized == "AS" else 1
            if at < len(words) and (
                words[at].kind in ("string", "number") or words[at].normalized in ("ON", "OFF", "PRESET")
            ):
                at += 1
        else:
            raise _syntax(words, at)


def _authorization(words: Sequence[Token], at: int, copy: Copy) -> int:
    word = words[at].normalized
    at += 2 if at + 1 < len(words) and words[at + 1].normalized == "AS" else 1
    if at >= len(words) or (words[at].kind != "string" and words[at].normalized != "DEFAULT"):
        raise _syntax(words, at)
    value = words[at].value
    if word == "IAM_ROLE":
        copy.role = value
    elif word == "ACCESS_KEY_ID":
        copy.key_id = value
    elif word == "SECRET_ACCESS_KEY":
        copy.secret = value
    elif word == "CREDENTIALS":
        pairs = dict(part.split("=", 1) for part in value.split(";") if "=" in part)
        copy.role = pairs.get("aws_iam_role", copy.role)
        copy.key_id = pairs.get("aws_access_key_id", copy.key_id)
        copy.secret = pairs.get("aws_secret_access_key", copy.secret)
    return at + 1


def _check(copy: Copy) -> None:
    if copy.format != "PARQUET":
        raise SqlError(
            "0A000", f"emulator: COPY of {copy.format} is Redshift's, but not emulated: use FORMAT PARQUET"
        )
    for option in copy.options:
        if not (_WITHOUT_VALUE | _WITH_VALUE)[option]:
            raise SqlError("0A000", f"{option} argument is not supported for PARQUET based COPY")
    if not copy.role and not copy.key_id:
        raise SqlError("42601", "CREDENTIALS argument is required but not specified for COPY: give IAM_ROLE")
