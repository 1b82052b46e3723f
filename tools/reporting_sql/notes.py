"""The notes of the DDL: the comment above a table, and the one beside each column. They are written there only."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from dvdrental_etl.model.contract import Column, ddl_names, script, tables_in

_TABLE = re.compile(
    r"(?P<note>(?:^--[^\n]*\n)+)^CREATE TABLE IF NOT EXISTS (?P<name>\w+) \(\n(?P<body>.*?)^\);", re.M | re.S
)
_COLUMN = re.compile(r"^ {4}(?P<name>[a-z_0-9]+) .*?-- (?P<note>.+)$", re.M)
#: What a column's note begins with if its history is kept.
TRACKED = "tracked: "


@dataclass(frozen=True)
class Documented:
    """A table or view with its notes. columns: with the note of each, in order."""

    name: str
    note: str
    columns: tuple[tuple[Column, str], ...]

    @property
    def notes(self) -> Mapping[str, str]:
        """Column name -> note."""
        return {column.name: note for column, note in self.columns}


@cache
def documented(table: str) -> Documented:
    """A table of sql_scripts with its notes. Raises ValueError, naming it, for a table or column without one."""
    return next(found for name in ddl_names() for found in _read(name) if found.name == table)


def all_tables() -> list[Documented]:
    """Every table of sql_scripts, in the order of its files."""
    return [found for name in ddl_names() for found in _read(name)]


@cache
def _read(name: str) -> tuple[Documented, ...]:
    return tuple(_documented(name))


def _documented(name: str) -> Iterator[Documented]:
    declared = tables_in(name)
    notes = {match["name"]: match for match in _TABLE.finditer(script(f"create_{name}.sql"))}
    for table, columns in declared.items():
        if table not in notes:
            raise ValueError(
                f"sql_scripts/create_{name}.sql: {table} has no note: write `-- {table}: one row per ...` above it"
            )
        of_columns = {
            match["name"]: match["note"].strip() for match in _COLUMN.finditer(notes[table]["body"])
        }
        if missing := [column.name for column in columns if column.name not in of_columns]:
            raise ValueError(
                f"sql_scripts/create_{name}.sql: {table}: no note beside {', '.join(missing)}:"
                " write `-- ...` at the line's end"
            )
        lines = (line.removeprefix("--").strip() for line in notes[table]["note"].splitlines())
        note = " ".join(lines).removeprefix(f"{table}: ")
        yield Documented(table, note, tuple((column, of_columns[column.name]) for column in columns))
