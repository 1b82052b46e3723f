"""Pure: functions and operators of Redshift as PostgreSQL writes them."""

from __future__ import annotations

from collections.abc import Sequence

from redshift_emulator.column_types import type_of
from redshift_emulator.tokens import Token, significant, split, sql_text, tokenize
from redshift_emulator.wire import SqlError

_CALLS = {"SYSDATE": "redshift_emulator_sysdate()"}
_UNITS = frozenset(
    [
        *(
            "YEAR",
            "YEARS",
            "Y",
            "YR",
            "QUARTER",
            "QUARTERS",
            "QTR",
            "MONTH",
            "MONTHS",
            "MON",
            "WEEK",
            "WEEKS",
            "W",
        ),
        *(
            "DAY",
            "DAYS",
            "D",
            "HOUR",
            "HOURS",
            "H",
            "HR",
            "MINUTE",
            "MINUTES",
            "M",
            "MIN",
            "SECOND",
            "SECONDS",
            "S",
        ),
        *("SEC", "MILLISECOND", "MILLISECONDS", "MS", "MICROSECOND", "MICROSECONDS", "US"),
    ]
)


def translate_expressions(sql: str) -> str:
    """Replace Redshift's functions and operators that PostgreSQL does not parse. Raises SqlError."""
    parts = tokenize(sql)
    words = [i for i, token in enumerate(parts) if token in significant([token])]
    made = [token.text for token in parts]
    for n, i in enumerate(words):
        word, follows = parts[i].normalized, [parts[j].normalized for j in words[n + 1 : n + 3]]
        if parts[i].kind != "name":
            continue
        if word in _CALLS and follows[:1] != ["("]:
            made[i] = _CALLS[word]
        elif word in ("DATEADD", "DATEDIFF", "DATE_PART") and follows[:1] == ["("] and follows[1] in _UNITS:
            made[words[n + 2]] = f"'{parts[words[n + 2]].text}'"
        elif word == "CONVERT" and follows[:1] == ["("]:
            _convert(parts, words, n, made)
        elif word == "LISTAGG" and follows[:1] == ["("]:
            _listagg(parts, words, n, made)
        elif word == "MINUS" and n and parts[words[n - 1]].text != ".":
            made[i] = "EXCEPT"
        elif word == "TOP" and n and parts[words[n - 1]].normalized == "SELECT":
            raise SqlError("0A000", "emulator: SELECT TOP is Redshift's, but not emulated: use LIMIT")
    return "".join(made)


def _closing_word(parts: Sequence[Token], words: list[int], n: int) -> int:
    """The index in `words` of the parenthesis that closes the one at `n`."""
    depth = 0
    for m in range(n, len(words)):
        depth += {"(": 1, ")": -1}.get(parts[words[m]].text, 0)
        if depth == 0:
            return m
    return len(words) - 1


def _convert(parts: Sequence[Token], words: list[int], n: int, made: list[str]) -> None:
    """CONVERT(type, expression) is a cast."""
    end = _closing_word(parts, words, n + 1)
    inside = parts[words[n + 1] + 1 : words[end]]
    pieces = split(inside, ",")
    if len(pieces) == 2:
        made[words[n]] = f"CAST({translate_expressions(sql_text(pieces[1]))} AS {type_of(pieces[0])})"
        for index in range(words[n] + 1, words[end] + 1):
            made[index] = ""


def _listagg(parts: Sequence[Token], words: list[int], n: int, made: list[str]) -> None:
    """LISTAGG(x, ',') WITHIN GROUP (ORDER BY y) is STRING_AGG(x, ',' ORDER BY y)."""
    end = _closing_word(parts, words, n + 1)
    arguments = split(parts[words[n + 1] + 1 : words[end]], ",")
    separator = sql_text(arguments[1]) if len(arguments) > 1 else "''"
    order, last = "", end
    if [parts[j].normalized for j in words[end + 1 : end + 4]] == ["WITHIN", "GROUP", "("]:
        last = _closing_word(parts, words, end + 3)
        order = sql_text(parts[words[end + 3] + 1 : words[last]])
    value = sql_text(arguments[0]).strip()
    distinct = "DISTINCT " if value.upper().startswith("DISTINCT ") else ""
    made[words[n]] = f"STRING_AGG({distinct}CAST({value[len(distinct) :]} AS text), {separator} {order})"
    for index in range(words[n] + 1, words[last] + 1):
        made[index] = ""
