"""Pure: SQL text as tokens, so that rules see neither comments nor the content of literals."""

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
_STAGING_SUFFIX = re.compile(r"_[0-9a-f]{8}\b")
_INSIGNIFICANT = ("space", "comment")


@dataclass(frozen=True)
class Token:
    """A piece of SQL text and what kind of piece it is."""

    kind: str
    text: str

    @property
    def normalized(self) -> str:
        """The form for rules: names in capitals, literals replaced by a placeholder."""
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


def tokenize(sql: str) -> list[Token]:
    """All tokens; their texts joined are the SQL again."""
    return [Token(match.lastgroup or "sign", match.group()) for match in _TOKEN.finditer(sql)]


def significant(parts: Sequence[Token]) -> list[Token]:
    """The tokens without white space and comments."""
    return [token for token in parts if token.kind not in _INSIGNIFICANT]


def normalized(parts: Sequence[Token]) -> str:
    """One line for rules: tokens separated by single spaces, without comments, literals replaced."""
    return " ".join(token.normalized for token in parts if token.kind not in _INSIGNIFICANT)


def sql_text(parts: Sequence[Token]) -> str:
    """The SQL text of the tokens."""
    return "".join(token.text for token in parts)


def split(parts: Sequence[Token], at: str) -> list[list[Token]]:
    """Split at a sign outside of parentheses; blank pieces are dropped."""
    pieces: list[list[Token]] = [[]]
    depth = 0
    for token in parts:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == at and depth == 0:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [piece for piece in pieces if significant(piece)]


def closing(parts: Sequence[Token], opening: int) -> int:
    """The index of the parenthesis that closes the one at `opening`; the end if none does."""
    depth = 0
    for index in range(opening, len(parts)):
        depth += {"(": 1, ")": -1}.get(parts[index].text, 0)
        if depth == 0:
            return index
    return len(parts) - 1


def quote_temporary(sql: str) -> str:
    """Quote names of temporary tables that begin with #, so that PostgreSQL accepts them."""
    return "".join(
        f'"{token.text.lower()}"' if token.kind == "name" and token.text[0] == "#" else token.text
        for token in tokenize(sql)
    )


def shape(sql: str) -> str:
    """The statement with literals replaced, and equal rows of VALUES written once: the key of the parser's cache.

    The grammar accepts it if and only if it accepts the statement. A thousand rows are parsed as one, and statements on
    staging tables, whose names end in eight different digits, are parsed once.
    """
    sql = _STAGING_SUFFIX.sub("_0a1b2c3d", sql)
    parts = [
        Token(t.kind, {"string": "'x'", "number": "1", "parameter": "1", "dollar": "'x'"}.get(t.kind, t.text))
        for t in significant(tokenize(sql))
    ]
    words = [part.normalized for part in parts]
    if words[:1] == ["INSERT"] and "VALUES" in words and "SELECT" not in words:
        begin = words.index("VALUES") + 1
        rows = split(parts[begin:], ",")
        distinct = dict.fromkeys(" ".join(token.text for token in row) for row in rows)
        joined = " ".join(part.text for part in parts[:begin]) + " " + ", ".join(distinct)
    else:
        joined = " ".join(part.text for part in parts)
    return joined.replace(" . ", ".")  # with spaces, the grammar reads them as something else
