"""Pure: bound values to which Redshift gives no type."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from redshift_emulator.errors import compute_node_detail
from redshift_emulator.tokens import Token, significant, tokenize
from redshift_emulator.wire import SqlError

#: OIDs of a value without a type: text that redshift_connector binds.
UNTYPED = (0, 705)
_AFTER_THE_LIST = ("FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT")


def check(sql: str, types: bytes) -> None:
    """Reject text that is bound as a column of a select list that reads a table. Raises SqlError.

    types: as Parse has them, a count of two bytes and OIDs of four. Source: issue 59 of amazon-redshift-python-driver.
    """
    (count,) = struct.unpack("!h", types[:2])
    oids = struct.unpack(f"!{count}i", types[2 : 2 + 4 * count])
    for number in _bare_columns(significant(tokenize(sql))):
        if number > count or oids[number - 1] in UNTYPED:
            raise SqlError(
                "XX000", "Assert", compute_node_detail("Assert", 1000, "false - Invalid type: 705")
            )


def _bare_columns(words: Sequence[Token]) -> Iterator[int]:
    """The numbers of placeholders that are, by themselves, columns of a SELECT with FROM."""
    lists: list[tuple[int, list[int]]] = []  # open select lists: their depth, and the placeholders in them
    depth = 0
    for at, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word.text, 0)
        while lists and depth < lists[-1][0]:
            lists.pop()
        if word.normalized == "SELECT":
            lists.append((depth, []))
        elif lists and depth == lists[-1][0]:
            if word.text.startswith("$") and _is_alone(words, at):
                lists[-1][1].append(int(word.text[1:]))
            elif word.normalized in _AFTER_THE_LIST:
                _, found = lists.pop()
                if word.normalized == "FROM":
                    yield from found


def _is_alone(words: Sequence[Token], at: int) -> bool:
    after = words[at + 1].normalized if at + 1 < len(words) else ","
    return words[at - 1].normalized in ("SELECT", "DISTINCT", ",") and after in (",", "FROM", "AS", ")")
