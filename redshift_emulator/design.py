"""Pure: the parts of a table's definition that Redshift has and PostgreSQL lacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Design:
    """Distribution, sort key, keys and encodings of a table."""

    diststyle: str = ""
    distkey: str = ""
    sortkey: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    primary: list[str] = field(default_factory=list)
    encodings: dict[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """The values that are set, ready for JSON."""
        return {name: value for name, value in self.__dict__.items() if value}


@dataclass(frozen=True)
class Definition:
    """A statement for PostgreSQL, the table that it defines, and the table's design."""

    sql: str
    table: str
    design: Design
