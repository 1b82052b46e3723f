"""What a script declares as SOURCES: tables of the source, and the columns that it reads of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dvdrental_etl.db.names import quoted
from dvdrental_etl.model.sentinels import ANY, with_sentinel
from dvdrental_etl.model.stored_type import StoredType

#: Declared type -> the source's types that it accepts. "enum" stands for any enum; a domain counts as its base type. A
#: value that the declared type cannot hold is quarantined (model/sentinels.py).
SOURCE_TYPES: Mapping[str, frozenset[str]] = {
    "smallint": frozenset({"int2", "int4", "int8"}),
    "int": frozenset({"int2", "int4", "int8"}),
    "bigint": frozenset({"int2", "int4", "int8"}),
    "string": frozenset({"text", "varchar", "bpchar", "enum"}),
    "boolean": frozenset({"bool"}),
    "date": frozenset({"date"}),
    "timestamp": frozenset({"timestamp", "timestamptz"}),
    "decimal": frozenset({"numeric"}),
    "array<string>": frozenset({"_text", "_varchar"}),
}

_COLUMN = re.compile(r"\s*(\w+) ((?:\w|<|>)+)(\(\d+,\d+\))?\s*(?:,|$)")


@dataclass(frozen=True)
class SourceTable:
    """A source table and the columns that a job reads of it. A script names the table of its grain first.

    columns: "customer_id int, amount decimal(5,2), ..." with the names of SOURCE_TYPES.
    key: the integer column that finds a row, and by whose ranges a large table is read in parallel.
    joined_on: the column of an earlier table, as "rental.inventory_id", that transform() joins to this key. A change of
    this table is followed along it to the rows of the grain that it affects.
    stored: the columns' types in the source, where they are known; no script sets it.

    Raises ValueError when the columns cannot be read.
    """

    name: str
    columns: str
    key: str
    joined_on: str | None = None
    stored: Mapping[str, StoredType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unread = _COLUMN.sub("", self.columns)
        unknown = {kind for kind, _ in self.types.values()} - set(SOURCE_TYPES)
        if unread or unknown:
            wrong = unread or ", ".join(sorted(unknown))
            raise ValueError(f"columns of {self.name}: cannot read '{wrong}'; write \"name type, name type\"")

    @property
    def types(self) -> Mapping[str, tuple[str, str]]:
        """Column name -> (declared type, its "(precision,scale)" or "")."""
        return {match[1]: (match[2], match[3] or "") for match in _COLUMN.finditer(self.columns)}

    def expression(self, column: str) -> str:
        """A column as the source gives it, in PostgreSQL's SQL."""
        return with_sentinel(quoted(column), *self.types[column], self.stored.get(column, ANY))
