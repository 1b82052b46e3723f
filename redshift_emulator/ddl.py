"""Pure: Redshift's CREATE TABLE becomes PostgreSQL's, and a design with what only Redshift has.

Primary, unique and foreign keys are informational in Redshift: they are recorded, and not enforced.
"""

from __future__ import annotations

from collections.abc import Sequence

from redshift_emulator.columns import column, constraint
from redshift_emulator.design import Definition, Design
from redshift_emulator.rules import MOST_COLUMNS
from redshift_emulator.tokens import (
    Token,
    closing,
    normalized,
    quote_temporary,
    significant,
    split,
    sql_text,
    tokenize,
)
from redshift_emulator.wire import SqlError

_CONSTRAINTS = ("PRIMARY", "UNIQUE", "FOREIGN", "CONSTRAINT", "LIKE")


def create_table(sql: str) -> Definition:
    """CREATE TABLE in all its forms. Raises SqlError."""
    parts = tokenize(sql)
    index = _after_name(parts)
    head, table = parts[:index], _name(parts[:index])
    design = Design()
    following = next(
        (i for i in range(index, len(parts)) if parts[i] in significant(parts[i : i + 1])), len(parts)
    )
    body: list[list[Token]] = []
    rest = parts[index:]
    if following < len(parts) and parts[following].text == "(":
        end = closing(parts, following)
        body, rest = split(parts[following + 1 : end], ","), parts[end + 1 :]
    attributes, query = _until_as(rest)
    _table_attributes(attributes, design)
    begin = sql_text(head)
    if table.lstrip('"').startswith("#") and " TEMP" not in normalized(head):
        begin = begin.replace("TABLE", "TEMP TABLE", 1)
    if query:
        names = f" ({', '.join(sql_text(item).strip() for item in body)})" if body else ""
        return Definition(
            f"{quote_temporary(begin)}{names} {quote_temporary(sql_text(query))}", table, design
        )
    columns = _columns(body, design)
    return Definition(f"{quote_temporary(begin)} ({', '.join(columns)})", table, design)


def _after_name(parts: Sequence[Token]) -> int:
    """The index after the table's name in CREATE ... TABLE [IF NOT EXISTS] name."""
    words = [i for i, token in enumerate(parts) if token in significant([token])]
    at = next(n for n, i in enumerate(words) if parts[i].normalized == "TABLE") + 1
    if [parts[i].normalized for i in words[at : at + 3]] == ["IF", "NOT", "EXISTS"]:
        at += 3
    while at + 2 < len(words) and parts[words[at + 1]].text == ".":
        at += 2
    return words[at] + 1


def _name(head: Sequence[Token]) -> str:
    """The table name at the end, as the client wrote it."""
    words = significant(head)
    at = len(words) - 1
    while at >= 2 and words[at - 1].text == ".":
        at -= 2
    return "".join(token.text for token in words[at:])


def _until_as(parts: Sequence[Token]) -> tuple[list[Token], list[Token]]:
    """The tokens before AS, and those from AS on."""
    for index, token in enumerate(parts):
        if token.normalized == "AS":
            return list(parts[:index]), list(parts[index:])
    return list(parts), []


def _table_attributes(parts: Sequence[Token], design: Design) -> None:
    """Record DISTSTYLE, DISTKEY and SORTKEY in the design. Raises SqlError."""
    words = [token for token in significant(parts) if token.text != ";"]
    at = 0
    while at < len(words):
        word = words[at].normalized
        if word == "BACKUP" or word == "ENCODE":
            at += 2
        elif word == "DISTSTYLE":
            design.diststyle = words[at + 1].normalized
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
            raise SqlError("42601", f'syntax error at or near "{words[at].text}"')
    if design.distkey and design.diststyle not in ("", "KEY"):
        raise SqlError("42601", "Cannot specify DISTKEY column of a table with DISTSTYLE other than KEY")


def _columns(items: Sequence[Sequence[Token]], design: Design) -> list[str]:
    """The columns for PostgreSQL; keys are recorded in the design."""
    columns: dict[str, str] = {}
    for item in items:
        words = significant(item)
        if words[0].normalized in _CONSTRAINTS and words[0].kind == "name":
            if words[0].normalized == "LIKE":
                columns[_like(item)] = ""
            else:
                constraint(words, design)
            continue
        columns[words[0].value] = column(words, design)
    if len(columns) > MOST_COLUMNS:
        raise SqlError("54011", f"tables can have at most {MOST_COLUMNS} columns")
    for name in design.primary:
        if name in columns and "NOT NULL" not in columns[name]:
            columns[name] += " NOT NULL"
    return [f"{name}{rest}" if rest == "" else rest for name, rest in columns.items()]


def _like(item: Sequence[Token]) -> str:
    return quote_temporary(sql_text(item).strip())
