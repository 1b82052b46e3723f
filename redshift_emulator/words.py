"""Pure: SQL text as tokens, so that rules see neither comments nor what is inside of literals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>--[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)
  | (?P<string>[eE]?'(?:[^'\\]|''|\\.)*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<dollar>\$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?P=tag)?\$)
  | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<parameter>\$\d+|%s|%\(\w+\)s)
  | (?P<name>\#?[^\W\d][\w$]*)
  | (?P<sign>::|<=|>=|<>|<<|>>|!=|\|\||->>?|!?~~?\*?|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ENDING = re.compile(r"_[0-9a-f]{8}\b")
_SILENT = ("space", "comment")


@dataclass(frozen=True)
class Token:
    """A piece of SQL text and what kind of piece it is."""

    kind: str
    text: str

    @property
    def plain(self) -> str:
        """As rules read it: names in capitals, literals hidden."""
        if self.kind == "name":
            return self.text.upper()
        return {"string": "'?'", "dollar": "'?'"}.get(self.kind, self.text)

    @property
    def value(self) -> str:
        """The name that an identifier stands for, or the text of a literal."""
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"')
        if self.kind == "string":
            return self.text[self.text.index("'") + 1 : -1].replace("''", "'")
        return self.text.lower()


def tokens(sql: str) -> list[Token]:
    """All tokens, so that their texts joined are the SQL."""
    return [Token(match.lastgroup or "sign", match.group()) for match in _TOKEN.finditer(sql)]


def spoken(parts: Sequence[Token]) -> list[Token]:
    """Without white space and comments."""
    return [token for token in parts if token.kind not in _SILENT]


def plain(parts: Sequence[Token]) -> str:
    """One line for rules: tokens by a space each, without comments, literals hidden."""
    return " ".join(token.plain for token in parts if token.kind not in _SILENT)


def text(parts: Sequence[Token]) -> str:
    """The SQL again."""
    return "".join(token.text for token in parts)


def split(parts: Sequence[Token], at: str) -> list[list[Token]]:
    """Cut at a sign outside of parentheses; pieces of nothing but space are left out."""
    pieces: list[list[Token]] = [[]]
    depth = 0
    for token in parts:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == at and depth == 0:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [piece for piece in pieces if spoken(piece)]


def closing(parts: Sequence[Token], opening: int) -> int:
    """The index of the parenthesis that closes the one at `opening`; the end if none does."""
    depth = 0
    for index in range(opening, len(parts)):
        depth += {"(": 1, ")": -1}.get(parts[index].text, 0)
        if depth == 0:
            return index
    return len(parts) - 1


def shape(sql: str) -> str:
    """The text with literals made alike, and rows of VALUES that look alike written once.

    What the grammar says of it, it says of the SQL; and a thousand rows are not parsed a thousand times. Nor is a
    statement parsed again for each staging table, whose name ends in eight digits of its own.
    """
    sql = _ENDING.sub("_0a1b2c3d", sql)
    parts = [
        Token(t.kind, {"string": "'x'", "number": "1", "parameter": "1", "dollar": "'x'"}.get(t.kind, t.text))
        for t in spoken(tokens(sql))
    ]
    words = [part.plain for part in parts]
    if words[:1] == ["INSERT"] and "VALUES" in words and "SELECT" not in words:
        begin = words.index("VALUES") + 1
        rows = split(parts[begin:], ",")
        distinct = dict.fromkeys(" ".join(token.text for token in row) for row in rows)
        joined = " ".join(part.text for part in parts[:begin]) + " " + ", ".join(distinct)
    else:
        joined = " ".join(part.text for part in parts)
    return joined.replace(" . ", ".")  # apart, the grammar takes them for something else
