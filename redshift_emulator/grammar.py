"""Parse statements with sqlfluff's grammar of Redshift."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from functools import cache
from typing import Any

from sqlfluff.core import FluffConfig, Linter

from redshift_emulator.tokens import shape
from redshift_emulator.wire import SqlError

MAX_CACHED = 2_000
_trees: OrderedDict[str, Any] = OrderedDict()
_lock = threading.Lock()


@cache
def _linter() -> Linter:
    return Linter(config=FluffConfig(overrides={"dialect": "redshift", "max_line_length": 0}))


def tree(sql: str) -> Any:
    """The statement's syntax tree. Raises SqlError if the statement is not in the grammar."""
    form = shape(sql)
    with _lock:
        if form not in _trees:
            _trees[form] = _parsed(form)
            if len(_trees) > MAX_CACHED:
                _trees.popitem(last=False)
        _trees.move_to_end(form)
        found = _trees[form]
    if isinstance(found, SqlError):
        raise replace(found)
    return found


def _parsed(form: str) -> Any:
    parsed = _linter().parse_string(form)
    root = parsed.root_variant()
    if root is None or root.tree is None:
        return SqlError(
            "42601", "syntax error", hint="the statement is not in sqlfluff's grammar of Redshift"
        )
    for part in root.tree.recursive_crawl("unparsable"):
        near = (part.raw.split() or [""])[0]
        return SqlError(
            "42601",
            f'syntax error at or near "{near}"',
            hint="the statement is not in sqlfluff's grammar of Redshift",
        )
    if parsed.violations:
        return SqlError("42601", "syntax error", detail=parsed.violations[0].desc())
    return root.tree
