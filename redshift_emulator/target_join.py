"""Pure: how a table that is updated or deleted from must be joined to the others of the statement."""

from __future__ import annotations

from collections.abc import Sequence

from redshift_emulator.tokens import Token, significant, tokenize
from redshift_emulator.wire import SqlError


def check(sql: str, line: str) -> None:
    """Reject UPDATE ... FROM and DELETE ... USING without a column of the target that equals another table's.

    Source: Redshift's error of that text. A column without its table's name may belong to any table, and passes.
    """
    words = significant(tokenize(sql))
    if line.startswith("DELETE "):
        is_joined = "USING" in _outer(words)
    else:
        is_joined = line.startswith("UPDATE ") and "FROM" in _outer(words)
    if is_joined and not _has_equal_columns(words):
        raise SqlError("0A000", "Target table must be part of an equijoin predicate")


def _outer(words: Sequence[Token]) -> list[str]:
    """The words outside of parentheses; those inside are left out."""
    found, depth = [], 0
    for word in words:
        depth += {"(": 1}.get(word.text, 0)
        if depth == 0:
            found.append(word.normalized)
        depth -= {")": 1}.get(word.text, 0)
    return found


def _has_equal_columns(words: Sequence[Token]) -> bool:
    names = _target_names(words)
    where = next((at for at, word in enumerate(words) if word.normalized == "WHERE"), len(words))
    for at in range(where + 1, len(words)):
        if words[at].text != "=":
            continue
        left, right = _table(words, at - 1, -1), _table(words, at + 1, 1)
        is_pair = left is None or right is None or (left in names) != (right in names)
        if is_pair and "" not in (left, right):
            return True
    return False


def _target_names(words: Sequence[Token]) -> set[str]:
    """The names under which the statement knows its target: the table's, and its alias."""
    at = 2 if words[1].normalized == "FROM" else 1
    while words[at + 1].text == ".":
        at += 2
    names = {words[at].value}
    following = words[at + 1]
    if following.normalized == "AS":
        following = words[at + 2]
    if following.kind in ("name", "quoted") and following.normalized not in ("SET", "USING", "WHERE"):
        names = {following.value}
    return names


def _table(words: Sequence[Token], at: int, step: int) -> str | None:
    """The table that qualifies the column that ends (step -1) or begins (1) here; None where none does.

    A literal or a placeholder is a table of its own, the empty name: it joins nothing.
    """
    if not 0 <= at < len(words) or words[at].kind not in ("name", "quoted"):
        return ""
    dot, name = (at - 1, at - 2) if step < 0 else (at + 1, at)
    if 0 <= dot < len(words) and words[dot].text == ".":
        return words[name].value
    return None if words[at].normalized not in ("TRUE", "FALSE", "NULL", "CAST") else ""
