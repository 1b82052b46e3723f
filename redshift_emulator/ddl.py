"""Pure: Redshift's CREATE TABLE and ALTER TABLE become PostgreSQL's, and what only Redshift knows is remembered.

Primary, unique and foreign keys are informational in Redshift: they are kept for whoever asks, and not enforced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from redshift_emulator.rules import MOST_COLUMNS
from redshift_emulator.wire import Refusal
from redshift_emulator.words import Token, closing, plain, split, spoken, text, tokens

_CONSTRAINTS = ("PRIMARY", "UNIQUE", "FOREIGN", "CONSTRAINT", "LIKE")
_ATTRIBUTES = (
    *("DEFAULT", "IDENTITY", "GENERATED", "ENCODE", "DISTKEY", "SORTKEY", "NOT", "NULL", "UNIQUE", "PRIMARY"),
    *("REFERENCES", "COLLATE", "CONSTRAINT"),
)
_TYPES = {
    "TEXT": "varchar(256)",
    "VARCHAR": "varchar(256)",
    "CHARACTER VARYING": "varchar(256)",
    "NVARCHAR": "varchar(256)",
    "BPCHAR": "char(256)",
    "CHAR": "char(1)",
    "CHARACTER": "char(1)",
    "NCHAR": "char(1)",
    "DATETIME": "timestamp",
    "DECIMAL": "numeric(18,0)",
    "NUMERIC": "numeric(18,0)",
    "DEC": "numeric(18,0)",
    "FLOAT": "double precision",
    "VARBYTE": "bytea",
    "VARBINARY": "bytea",
    "BINARY VARYING": "bytea",
}
_LONGEST = {"varchar": 65_535, "char": 4_096}
_KNOWN = frozenset(
    [
        *(
            "smallint",
            "int2",
            "integer",
            "int",
            "int4",
            "bigint",
            "int8",
            "numeric",
            "decimal",
            "dec",
            "real",
        ),
        *(
            "float4",
            "double",
            "float8",
            "float",
            "boolean",
            "bool",
            "char",
            "character",
            "nchar",
            "bpchar",
            "varchar",
        ),
        *("nvarchar", "text", "date", "timestamp", "timestamptz", "datetime", "time", "timetz", "varbyte"),
        *("varbinary", "binary", "bytea", "interval"),
    ]
)


@dataclass
class Design:
    """What Redshift keeps of a table besides columns and rows."""

    diststyle: str = ""
    distkey: str = ""
    sortkey: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    primary: list[str] = field(default_factory=list)
    encodings: dict[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """What is known, as JSON takes it."""
        return {name: value for name, value in self.__dict__.items() if value}


@dataclass(frozen=True)
class Definition:
    """A statement for PostgreSQL, the table that it is about, and the design to remember of it."""

    sql: str
    table: str
    design: Design


def type_of(words: Sequence[Token]) -> str:
    """The type as PostgreSQL writes it. Raises Refusal for one that Redshift does not have."""
    parts = spoken(words)
    written = plain(parts)
    name = written.split(" (")[0]
    first = parts[0].value if parts else ""
    if first not in _KNOWN:
        raise Refusal("0A000", f'type "{first}" does not exist')
    if "(" not in written:
        return _TYPES.get(name, written.lower())
    size = parts[-2].text.upper()
    for kind, most in _LONGEST.items():
        if _TYPES.get(name, "").startswith(kind):
            number = most if size == "MAX" else int(size)
            if not 1 <= number <= most:
                raise Refusal("22023", f"length for type {kind} cannot exceed {most}")
            return f"{kind}({number})"
    if _TYPES.get(name, "").startswith("numeric"):
        precision = int(parts[2].text) if parts[2].kind == "number" else 0
        if not 1 <= precision <= 38:
            raise Refusal("22023", f"NUMERIC precision {precision} must be between 1 and 38")
        return "numeric" + "".join(part.text for part in parts[1:])
    return "bytea" if _TYPES.get(name) == "bytea" else written.lower()


def create_table(sql: str) -> Definition:
    """CREATE TABLE in all its forms. Raises Refusal."""
    parts = tokens(sql)
    index = _after_name(parts)
    head, table = parts[:index], _name(parts[:index])
    design = Design()
    following = next(
        (i for i in range(index, len(parts)) if parts[i] in spoken(parts[i : i + 1])), len(parts)
    )
    body: list[list[Token]] = []
    rest = parts[index:]
    if following < len(parts) and parts[following].text == "(":
        end = closing(parts, following)
        body, rest = split(parts[following + 1 : end], ","), parts[end + 1 :]
    attributes, query = _until_as(rest)
    _table_attributes(attributes, design)
    temporary = spoken(parts)[-0:] and table.lstrip('"').startswith("#")
    begin = (
        text(head).replace("TABLE", "TEMP TABLE", 1)
        if temporary and " TEMP" not in plain(head)
        else text(head)
    )
    if query:
        names = f" ({', '.join(text(item).strip() for item in body)})" if body else ""
        return Definition(f"{_sharp(begin)}{names} {_sharp(text(query))}", table, design)
    columns = _columns(body, design)
    return Definition(f"{_sharp(begin)} ({', '.join(columns)})", table, design)


def _after_name(parts: Sequence[Token]) -> int:
    """The index after the table's name in CREATE ... TABLE [IF NOT EXISTS] name."""
    words = [i for i, token in enumerate(parts) if token in spoken([token])]
    at = next(n for n, i in enumerate(words) if parts[i].plain == "TABLE") + 1
    if [parts[i].plain for i in words[at : at + 3]] == ["IF", "NOT", "EXISTS"]:
        at += 3
    while at + 2 < len(words) and parts[words[at + 1]].text == ".":
        at += 2
    return words[at] + 1


def _name(head: Sequence[Token]) -> str:
    """The name that stands at the end, as it is written."""
    words = spoken(head)
    at = len(words) - 1
    while at >= 2 and words[at - 1].text == ".":
        at -= 2
    return "".join(token.text for token in words[at:])


def _sharp(sql: str) -> str:
    """#name, a temporary table of Redshift, as a quoted name."""
    return "".join(
        f'"{token.text.lower()}"' if token.kind == "name" and token.text[0] == "#" else token.text
        for token in tokens(sql)
    )


def _until_as(parts: Sequence[Token]) -> tuple[list[Token], list[Token]]:
    for index, token in enumerate(parts):
        if token.plain == "AS":
            return list(parts[:index]), list(parts[index:])
    return list(parts), []


def _table_attributes(parts: Sequence[Token], design: Design) -> None:
    words = [token for token in spoken(parts) if token.text != ";"]
    at = 0
    while at < len(words):
        word = words[at].plain
        if word == "BACKUP" or word == "ENCODE":
            at += 2
        elif word == "DISTSTYLE":
            design.diststyle = words[at + 1].plain
            at += 2
        elif word in ("DISTKEY", "SORTKEY", "COMPOUND", "INTERLEAVED"):
            at += 1 if word in ("COMPOUND", "INTERLEAVED") else 0
            if at + 1 < len(words) and words[at + 1].text == "(":
                end = closing(words, at + 1)
                names = [token.value for token in words[at + 2 : end] if token.text != ","]
                at = end + 1
            else:  # SORTKEY AUTO
                names, at = [], at + 2
            if word == "DISTKEY":
                design.distkey, design.diststyle = names[0], "KEY"
            else:
                design.sortkey = names
        else:
            raise Refusal("42601", f'syntax error at or near "{words[at].text}"')
    if design.distkey and design.diststyle not in ("", "KEY"):
        raise Refusal("42601", "Cannot specify DISTKEY column of a table with DISTSTYLE other than KEY")


def _columns(items: Sequence[Sequence[Token]], design: Design) -> list[str]:
    """The columns for PostgreSQL; keys go into the design."""
    columns: dict[str, str] = {}
    for item in items:
        words = spoken(item)
        if words[0].plain in _CONSTRAINTS and words[0].kind == "name":
            if words[0].plain == "LIKE":
                columns[_like(item)] = ""
            else:
                _constraint(words, design)
            continue
        columns[words[0].value] = _column(words, design)
    if len(columns) > MOST_COLUMNS:
        raise Refusal("54011", f"tables can have at most {MOST_COLUMNS} columns")
    for name in design.primary:
        if name in columns and "NOT NULL" not in columns[name]:
            columns[name] += " NOT NULL"
    return [f"{name}{rest}" if rest == "" else rest for name, rest in columns.items()]


def _like(item: Sequence[Token]) -> str:
    return _sharp(text(item).strip())


def _constraint(words: Sequence[Token], design: Design) -> None:
    line = plain(words)
    design.keys.append(" ".join(token.text for token in words))
    if "PRIMARY KEY" in line:
        at = next(i for i, token in enumerate(words) if token.text == "(")
        design.primary = [token.value for token in words[at + 1 : closing(words, at)] if token.text != ","]


def _column(words: Sequence[Token], design: Design) -> str:
    """name type [DEFAULT ...] [NOT NULL], without what PostgreSQL does not know."""
    name = words[0].value
    if name == "oid":  # PostgreSQL itself refuses the other names of system columns
        raise Refusal("42701", f'column name "{name}" conflicts with a system column name')
    end = next((i for i in range(1, len(words)) if words[i].plain in _ATTRIBUTES), len(words))
    kept = [words[0].text, type_of(words[1:end])]
    at = end
    while at < len(words):
        word = words[at].plain
        if word == "NOT":
            kept.append("NOT NULL")
            at += 2
        elif word == "DEFAULT":
            stop = at + 1
            while stop == at + 1 or (stop < len(words) and words[stop].plain not in _ATTRIBUTES[1:]):
                stop = closing(words, stop) + 1 if words[stop].text == "(" else stop + 1
            kept.append(" ".join(token.text for token in words[at:stop]))
            at = stop
        elif word in ("IDENTITY", "GENERATED"):
            at = next((i for i in range(at, len(words)) if words[i].text == "("), 0)
            if not at:
                raise Refusal("42601", "IDENTITY needs a seed and a step")
            seed, step = words[at + 1].text, words[at + 3].text
            always = "ALWAYS" if word == "IDENTITY" else "BY DEFAULT"
            kept.append(f"GENERATED {always} AS IDENTITY (START WITH {seed} INCREMENT BY {step})")
            at = closing(words, at) + 1
        elif word == "ENCODE":
            design.encodings[name] = words[at + 1].plain
            at += 2
        elif word in ("DISTKEY", "SORTKEY"):
            if word == "DISTKEY":
                design.distkey, design.diststyle = name, "KEY"
            else:
                design.sortkey = [name]
            at += 1
        elif word in ("PRIMARY", "UNIQUE", "REFERENCES", "CONSTRAINT", "COLLATE"):
            at = _column_key(words, at, name, design)
        else:  # NULL
            at += 1
    return " ".join(kept)


def _column_key(words: Sequence[Token], at: int, name: str, design: Design) -> int:
    """Remember a key that stands with its column; where the next attribute begins."""
    word = words[at].plain
    if word in ("CONSTRAINT", "COLLATE"):
        return at + 2
    design.keys.append(f"{word} KEY ({name})" if word == "PRIMARY" else f"{word} ({name})")
    if word == "PRIMARY":
        design.primary = [name]
        return at + 2
    if word == "UNIQUE":
        return at + 1
    at += 2
    while at < len(words) and words[at].text == ".":
        at += 2
    return closing(words, at) + 1 if at < len(words) and words[at].text == "(" else at
