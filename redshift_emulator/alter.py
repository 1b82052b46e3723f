"""Pure: Redshift's forms of ALTER TABLE."""

from __future__ import annotations

import re

from redshift_emulator.columns import column, constraint
from redshift_emulator.design import Definition, Design
from redshift_emulator.tokens import Token, closing, normalized, significant, tokenize
from redshift_emulator.wire import SqlError

_DESIGNED = re.compile(
    r"^(ALTER (DISTSTYLE|DISTKEY|SORTKEY|COMPOUND|INTERLEAVED|ENCODE)|ALTER (COLUMN )?\S+ ENCODE)\b"
)
_PASSED = re.compile(r"^(RENAME|OWNER TO|DROP (COLUMN )?(?!CONSTRAINT)\S+|ALTER (COLUMN )?\S+ TYPE VARCHAR)")


def alter_table(sql: str) -> Definition:
    """The statement for PostgreSQL: an empty text if only the design changes. Raises SqlError."""
    words = [token for token in significant(tokenize(sql)) if token.text != ";"]
    at = 3
    while at < len(words) and words[at].text == ".":
        at += 2
    table = "".join(token.text for token in words[2:at])
    if table.startswith("#"):
        table = f'"{table.lower()}"'
    rest = words[at:]
    line = normalized(rest)
    design = Design()
    if _DESIGNED.match(line):
        _design(rest, design)
        return Definition("", table, design)
    if re.match(r"^ADD (CONSTRAINT \S+ )?(PRIMARY|UNIQUE|FOREIGN)\b", line):
        constraint(rest[1:], design)
        return Definition(_name_taken(table, rest), table, design)
    if line.startswith("DROP CONSTRAINT"):
        return Definition(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {rest[2].text}", table, design)
    if line.startswith("APPEND FROM"):
        source = "".join(
            token.text for token in rest[2:] if token.normalized not in ("IGNOREEXTRA", "FILLTARGET")
        )
        return Definition(f"INSERT INTO {table} SELECT * FROM {source}", table, design)
    if line.startswith("ADD"):
        return Definition(f"ALTER TABLE {table} ADD COLUMN {_added(rest, design)}", table, design)
    if _PASSED.match(line):
        if line.startswith("RENAME TO"):  # the design is recorded under the new name
            schema = table.rpartition(".")[0]
            renamed = f"{schema}.{rest[2].text}" if schema else rest[2].text
            return Definition(f"ALTER TABLE {table} RENAME TO {rest[2].text}", renamed, design)
        return Definition(f"ALTER TABLE {table} " + " ".join(token.text for token in rest), table, design)
    raise SqlError("0A000", f"ALTER TABLE {line.split(' (')[0]} is not supported")


def _name_taken(table: str, added: list[Token]) -> str:
    """A constraint that checks nothing, under the key's name: the catalogue lists it, and a second one is refused."""
    if added[1].normalized != "CONSTRAINT":
        return ""
    return f"ALTER TABLE {table} ADD CONSTRAINT {added[2].text} CHECK (TRUE) NOT ENFORCED"


def _design(words: list[Token], design: Design) -> None:
    for at, token in enumerate(words):
        if token.normalized == "DISTSTYLE":
            design.diststyle = words[at + 1].normalized
        elif token.normalized == "DISTKEY":
            design.diststyle, design.distkey = "KEY", words[at + 1].value
        elif token.normalized == "SORTKEY" and at + 1 < len(words) and words[at + 1].text == "(":
            end = closing(words, at + 1)
            design.sortkey = [one.value for one in words[at + 2 : end] if one.text != ","]
        elif token.normalized == "ENCODE" and words[at - 1].normalized not in ("ALTER", "COLUMN"):
            design.encodings[words[at - 1].value] = words[at + 1].normalized


def _added(words: list[Token], design: Design) -> str:
    """The column that ADD COLUMN adds. Raises SqlError."""
    definition = words[2:] if words[1].normalized == "COLUMN" else words[1:]
    if any(token.text == "," for token in significant(definition) if not _inside(definition, token)):
        raise SqlError("42601", "ADD COLUMN adds only one column in each ALTER TABLE statement")
    made = column(definition, design)
    if design.keys:
        raise SqlError("0A000", "ALTER TABLE ADD COLUMN with a key is not supported")
    if " NOT NULL" in made and " DEFAULT " not in made:
        raise SqlError(
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
