"""Find correlated subqueries that Redshift cannot decorrelate. Only qualified column names are recognized."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from redshift_emulator.wire import SqlError

UNSUPPORTED = "This type of correlated subquery pattern is not supported due to internal error"
_BLOCKS = ("select_statement", "delete_statement", "update_statement")


def check(tree: Any) -> None:
    """Raises SqlError for a pattern of the page "Correlated subqueries" of the Database Developer Guide."""
    for block in tree.recursive_crawl(*_BLOCKS):
        for inner in _inner_blocks(block):
            _check_block(inner, [block])


def _check_block(block: Any, outer: list[Any]) -> None:
    """Check one subquery. `outer` are the blocks around it, the nearest last."""
    own = _names(block)
    scopes = [_names(one) - own for one in outer]  # of the blocks around it
    used = set(_qualifiers(block))
    skipped = {name for scope in scopes[:-1] for name in scope & used} - scopes[-1]
    if skipped:
        _reject(f"{min(skipped)} belongs to a block outside the one that encloses the subquery")
    correlated = used & scopes[-1]
    if correlated:
        if _has_window(block):
            _reject("a window function in a correlated subquery")
        if _child(block, "limit_clause"):
            _reject("LIMIT in a correlated subquery")
        if (
            _child(block, "groupby_clause")
            and _is_after_in(block, outer[-1])
            and _aggregates(block) - {"MIN", "MAX"}
        ):
            _reject("an aggregate with GROUP BY in a correlated subquery after IN")
        if _is_grouped_by(block, outer[-1]):
            _reject("GROUP BY the result of a correlated subquery")
    for inner in _inner_blocks(block):
        _check_block(inner, [*outer, block])
    _check_outer_join(block, outer)


def _check_outer_join(block: Any, outer: list[Any]) -> None:
    """A correlated subquery in the ON clause of an outer join."""
    path = outer[-1].path_to(block)
    for step in path:
        segment = step.segment
        if segment.is_type("join_on_condition"):
            joins = [s.segment for s in path if s.segment.is_type("join_clause")]
            words = joins[-1].raw.upper().split()[:2] if joins else []
            if {"LEFT", "RIGHT", "FULL"} & set(words) and set(_qualifiers(block)) & (
                _names(outer[-1]) - _names(block)
            ):
                _reject("a correlated subquery in the ON clause of an outer join")


def _reject(reason: str) -> None:
    raise SqlError("0A000", UNSUPPORTED, detail=reason)


def _inner_blocks(block: Any) -> Iterator[Any]:
    """The blocks directly inside, without deeper ones; each branch of a UNION in FROM is one."""
    for part in block.segments:
        if part.is_type("select_statement"):
            yield part
        else:
            yield from part.recursive_crawl("select_statement", recurse_into=False)


def _own_parts(block: Any, *kinds: str) -> Iterator[Any]:
    """Segments of these kinds that belong to the block itself."""
    for part in block.segments:
        if part.is_type("select_statement"):
            continue
        if part.is_type(*kinds):
            yield part
        yield from _own_parts(part, *kinds)


def _names(block: Any) -> set[str]:
    """Aliases, or names, of the tables that the block reads or changes."""
    found = set()
    for element in _own_parts(block, "from_expression_element", "table_reference"):
        alias = next(iter(element.get_children("alias_expression")), None) if element.segments else None
        if alias is not None:
            found.add(alias.raw.split()[-1].strip('"').lower())
        elif element.is_type("table_reference"):
            found.add(element.raw.split(".")[-1].strip('"').lower())
    return found


def _qualifiers(block: Any) -> Iterator[str]:
    """The table names that qualify the block's own columns."""
    for reference in _own_parts(block, "column_reference"):
        parts = reference.raw.split(".")
        if len(parts) > 1:
            yield parts[-2].strip('"').strip().lower()


def _is_after_in(block: Any, outer: Any) -> bool:
    """Whether the block is the subquery of x IN (...)."""
    for step in outer.path_to(block):
        words = [part.raw.upper() for part in step.segment.segments if part.is_type("keyword", "bracketed")]
        if any(a == "IN" and b.startswith("(") for a, b in itertools.pairwise(words)):
            return True
    return False


def _aggregates(block: Any) -> set[str]:
    """Functions in the select list of the block."""
    found = set()
    for clause in block.segments:
        if clause.is_type("select_clause"):
            found |= {name.raw.upper() for name in _own_parts(clause, "function_name")}
    return found


def _is_grouped_by(block: Any, outer: Any) -> bool:
    """Whether the outer block groups by the name or number of the column that this block computes."""
    grouped = {
        part.raw.lower() for one in outer.segments if one.is_type("groupby_clause") for part in one.segments
    }
    columns = [part for one in outer.segments if one.is_type("select_clause") for part in one.segments]
    columns = [column for column in columns if column.is_type("select_clause_element")]
    for number, column in enumerate(columns, 1):
        if any(inner is block for inner in column.recursive_crawl("select_statement")):
            return bool({column.raw.split()[-1].strip('"').lower(), str(number)} & grouped)
    return False


def _has_window(block: Any) -> bool:
    return any(True for _ in _own_parts(block, "over_clause"))


def _child(block: Any, kind: str) -> bool:
    return any(part.is_type(kind) for part in block.segments)
