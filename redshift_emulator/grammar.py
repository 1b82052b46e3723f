"""sqlfluff's grammar of Redshift: whether a statement is in it, and its tree."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from functools import cache
from typing import Any

from sqlfluff.core import FluffConfig, Linter

from redshift_emulator.wire import Refusal
from redshift_emulator.words import shape

MOST_REMEMBERED = 2_000
_trees: OrderedDict[str, Any] = OrderedDict()
_one_at_a_time = threading.Lock()


@cache
def _linter() -> Linter:
    return Linter(config=FluffConfig(overrides={"dialect": "redshift", "max_line_length": 0}))


def tree(sql: str) -> Any:
    """The statement's tree. Raises Refusal if Redshift's grammar does not have it."""
    form = shape(sql)
    with _one_at_a_time:
        if form not in _trees:
            _trees[form] = _parsed(form)
            if len(_trees) > MOST_REMEMBERED:
                _trees.popitem(last=False)
        _trees.move_to_end(form)
        found = _trees[form]
    if isinstance(found, Refusal):
        raise replace(found)
    return found


def _parsed(form: str) -> Any:
    parsed = _linter().parse_string(form)
    root = parsed.root_variant()
    if root is None or root.tree is None:
        return Refusal("42601", "syntax error", hint="the statement is not in sqlfluff's grammar of Redshift")
    for part in root.tree.recursive_crawl("unparsable"):
        near = (part.raw.split() or [""])[0]
        return Refusal(
            "42601",
            f'syntax error at or near "{near}"',
            hint="sqlfluff's grammar of Redshift does not have it",
        )
    if parsed.violations:
        return Refusal("42601", "syntax error", detail=parsed.violations[0].desc())
    return root.tree
