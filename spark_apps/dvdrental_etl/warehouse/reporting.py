"""What analysts see beside the tables: views, the DDL's notes as comments, informational keys, and a group's rights.

sql_scripts/reporting has all of it, generated from the DDL. A load brings it up to date before it reads, in a
transaction of its own: no error in it stops the load. The comment of one table of the record names what was made last,
so that a night without a change costs one query.
"""

import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dvdrental_etl.db.cursor import Cursor
from dvdrental_etl.errors import Conflict, EtlError, WarehouseError
from dvdrental_etl.model.contract import script
from dvdrental_etl.warehouse.base import Warehouse
from dvdrental_etl.warehouse.scripts import statements

log = logging.getLogger("dvdrental_etl")

#: Where the digest is kept: the table of the record that nobody reads.
MARKED = "etl_lock"
#: May read the star if the server has it; sql_scripts/reporting_group.sql makes it.
GROUP = "reporting"


@dataclass(frozen=True)
class _State:
    """What the schema has: the comment of MARKED, the names of its views, and whether the server knows GROUP."""

    mark: str
    views: frozenset[str]
    has_group: bool


def keep_current(warehouse: Warehouse) -> None:
    """Make what is missing or outdated. Needs the tables. An error is a warning: they are read without it as well."""
    try:
        with warehouse.transaction() as cursor:
            is_current = _is_current(warehouse, _state(cursor, warehouse))
        if not is_current:
            make(warehouse)
    except EtlError as error:
        log.warning(
            "reporting: views and comments are not up to date: %s; the next run tries again", error.message
        )
        if warehouse.is_cut_off:
            warehouse.connect()


def make(warehouse: Warehouse) -> None:
    """Replace the views in place, so that they keep their rights; where their columns differ, drop them first."""
    try:
        _make_once(warehouse, anew=False)
    except Conflict:
        raise
    except WarehouseError:
        if warehouse.is_cut_off:
            raise
        _make_once(warehouse, anew=True)


def _make_once(warehouse: Warehouse, *, anew: bool) -> None:
    with warehouse.writing() as cursor:
        warehouse.prepare_reporting(cursor)
        state = _state(cursor, warehouse)
        if _is_current(warehouse, state):  # another load made it while this one waited
            return
        if anew:
            for view in reversed(_views()):  # the later ones are made of the earlier ones
                if view in state.views:
                    cursor.execute(f"DROP VIEW {view}")
        keys = _keys_of(cursor, warehouse)
        for statement in _wanted(warehouse, state):
            name = re.search(r"ADD CONSTRAINT (\w+)", statement)
            if not name or name[1] not in keys:
                cursor.execute(statement)
        note = _state(cursor, warehouse).mark.replace("'", "''")
        cursor.execute(f"COMMENT ON TABLE {MARKED} IS '{note} {_mark(warehouse, state)}'")


def _wanted(warehouse: Warehouse, state: _State) -> Iterator[str]:
    """Every statement, as this server takes it."""
    for name in ("views", "comments"):
        yield from statements(script(f"reporting/{name}.sql"))
    for key in statements(script("reporting/keys.sql")):
        if informational := warehouse.informational(key):
            yield informational
    if state.has_group:
        yield from statements(script("reporting/grants.sql"))


def _mark(warehouse: Warehouse, state: _State) -> str:
    text = "\n".join(_wanted(warehouse, state))
    return f"[reporting {hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}]"


def _is_current(warehouse: Warehouse, state: _State) -> bool:
    return state.mark.endswith(_mark(warehouse, state)) and state.views.issuperset(_views())


def _views() -> list[str]:
    """In the order in which they are made."""
    return re.findall(r"^CREATE OR REPLACE VIEW (\w+)", script("reporting/views.sql"), re.M)


def _state(cursor: Cursor, warehouse: Warehouse) -> _State:
    cursor.execute(
        """
        SELECT c.relname, c.relkind, d.description, (SELECT COUNT(*) FROM pg_group g WHERE g.groname = %s)
        FROM pg_class c
        INNER JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_description d
            ON d.objoid = c.oid AND d.objsubid = 0
            AND d.classoid IN (SELECT k.oid FROM pg_class k WHERE k.relname = 'pg_class')
        WHERE n.nspname = %s AND (c.relkind = 'v' OR c.relname = %s)
        """,
        (GROUP, warehouse.address.schema, MARKED),
    )
    found = cursor.fetchall()
    return _State(
        next((note or "" for name, _, note, _ in found if name == MARKED), ""),
        frozenset(name for name, kind, _, _ in found if kind == "v"),
        any(groups for *_, groups in found),
    )


def _keys_of(cursor: Cursor, warehouse: Warehouse) -> set[str]:
    cursor.execute(
        "SELECT constraint_name FROM information_schema.table_constraints WHERE table_schema = %s",
        (warehouse.address.schema,),
    )
    return {name for (name,) in cursor.fetchall()}
