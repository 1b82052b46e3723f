"""Pure: the forms of ALTER TABLE that Redshift has."""

from __future__ import annotations

import re

from redshift_emulator import ddl
from redshift_emulator.ddl import Definition, Design
from redshift_emulator.wire import Refusal
from redshift_emulator.words import Token, closing, plain, spoken, tokens

_DESIGNED = re.compile(
    r"^(ALTER (DISTSTYLE|DISTKEY|SORTKEY|COMPOUND|INTERLEAVED|ENCODE)|ALTER (COLUMN )?\S+ ENCODE)\b"
)
_PASSED = re.compile(r"^(RENAME|OWNER TO|DROP (COLUMN )?(?!CONSTRAINT)\S+|ALTER (COLUMN )?\S+ TYPE VARCHAR)")


def alter_table(sql: str) -> Definition:
    """What PostgreSQL has to do, which is nothing (an empty text) if only the design changes. Raises Refusal."""
    words = [token for token in spoken(tokens(sql)) if token.text != ";"]
    at = 3
    while at < len(words) and words[at].text == ".":
        at += 2
    table = "".join(token.text for token in words[2:at])
    if table.startswith("#"):
        table = f'"{table.lower()}"'
    rest = words[at:]
    line = plain(rest)
    design = Design()
    if _DESIGNED.match(line):
        _design(rest, design)
        return Definition("", table, design)
    if re.match(r"^ADD (CONSTRAINT \S+ )?(PRIMARY|UNIQUE|FOREIGN)\b", line):
        ddl._constraint(rest[1:], design)
        return Definition("", table, design)
    if line.startswith("DROP CONSTRAINT"):
        return Definition("", table, design)
    if line.startswith("APPEND FROM"):
        source = "".join(token.text for token in rest[2:] if token.plain not in ("IGNOREEXTRA", "FILLTARGET"))
        return Definition(f"INSERT INTO {table} SELECT * FROM {source}", table, design)
    if line.startswith("ADD"):
        return Definition(f"ALTER TABLE {table} ADD COLUMN {_added(rest, design)}", table, design)
    if _PASSED.match(line):
        if line.startswith("RENAME TO"):  # what comes after it finds the table by its new name
            schema = table.rpartition(".")[0]
            renamed = f"{schema}.{rest[2].text}" if schema else rest[2].text
            return Definition(f"ALTER TABLE {table} RENAME TO {rest[2].text}", renamed, design)
        return Definition(f"ALTER TABLE {table} " + " ".join(token.text for token in rest), table, design)
    raise Refusal("0A000", f"ALTER TABLE {line.split(' (')[0]} is not supported")


def _design(words: list[Token], design: Design) -> None:
    for at, token in enumerate(words):
        if token.plain == "DISTSTYLE":
            design.diststyle = words[at + 1].plain
        elif token.plain == "DISTKEY":
            design.diststyle, design.distkey = "KEY", words[at + 1].value
        elif token.plain == "SORTKEY" and at + 1 < len(words) and words[at + 1].text == "(":
            end = closing(words, at + 1)
            design.sortkey = [one.value for one in words[at + 2 : end] if one.text != ","]
        elif token.plain == "ENCODE" and words[at - 1].plain not in ("ALTER", "COLUMN"):
            design.encodings[words[at - 1].value] = words[at + 1].plain


def _added(words: list[Token], design: Design) -> str:
    column = words[2:] if words[1].plain == "COLUMN" else words[1:]
    if any(token.text == "," for token in ddl.spoken(column) if not _inside(column, token)):
        raise Refusal("42601", "ADD COLUMN adds only one column in each ALTER TABLE statement")
    made = ddl._column(column, design)
    if design.keys:
        raise Refusal("0A000", "ALTER TABLE ADD COLUMN with a key is not supported")
    if " NOT NULL" in made and " DEFAULT " not in made:
        raise Refusal(
            "42P16", "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression"
        )
    return made


def _inside(words: list[Token], token: Token) -> bool:
    depth = 0
    for one in words:
        depth += {"(": 1, ")": -1}.get(one.text, 0)
        if one is token:
            return depth > 0
    return False
