"""The source's catalogue compared with SOURCES: a missing or retyped column stops the load by name."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dvdrental_etl.errors import ContractError
from dvdrental_etl.extract.source import Source
from dvdrental_etl.model.source_tables import SOURCE_TYPES, SourceTable
from dvdrental_etl.model.stored_type import StoredType


@dataclass(frozen=True)
class Relation:
    """A table of the source. has_xmin: whether its rows name the transaction that wrote them, to this role.

    Those of a view do not, nor those of a foreign table, also as a partition. A role with rights on columns needs a
    right on this one: GRANT SELECT (xmin).
    definition: a digest of the columns that are read. Values change without a row being written where a label of an
    enum is renamed, or a column is replaced by one with a default.
    """

    oid: int
    is_readable: bool
    has_xmin: bool
    columns: Mapping[str, StoredType]
    definition: str


@dataclass(frozen=True)
class Catalog:
    """The tables that a job reads, as the source has them, by name. tables: they, with the types of their columns."""

    relations: Mapping[str, Relation]
    tables: Sequence[SourceTable]

    @property
    def definitions(self) -> str:
        """Each table with its OID and the digest of its columns: part of the source's identity in etl_load."""
        return ", ".join(
            f"{name} {relation.oid}, {name} columns {relation.definition}"
            for name, relation in self.relations.items()
        )

    @property
    def without_xmin(self) -> list[str]:
        """Tables whose rows do not name the transaction that wrote them: views, or the right to read it is missing."""
        return [name for name, relation in self.relations.items() if not relation.has_xmin]


def identity(source: Source, catalog: Catalog) -> str:
    """Which source this is: equal for equal server, timeline, database, tables and columns that are read."""
    return f"{source.snapshot.origin}, {catalog.definitions}"


def check(source: Source, tables: Sequence[SourceTable]) -> Catalog:
    """The catalogue of the tables. Raises ContractError, naming each difference from what they declare."""
    relations = {table.name: _relation(source, table) for table in tables}
    found = [
        difference for table in tables for difference in _differences(source, table, relations[table.name])
    ]
    if found:
        raise ContractError(
            f"source contract: {source.database.place}: {'; '.join(found)}",
            "grant the rights, or adapt the SOURCES of the script to the renamed or retyped column",
        )
    known = {name: relation for name, relation in relations.items() if relation}
    return Catalog(known, [replace(table, stored=known[table.name].columns) for table in tables])


def _relation(source: Source, table: SourceTable) -> Relation | None:
    found = source.rows(
        """
        SELECT c.oid, has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT'),
            NOT EXISTS (
                WITH RECURSIVE part AS (
                    SELECT c.oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN part ON part.oid = i.inhparent
                )
                SELECT 1 FROM pg_class k JOIN part ON part.oid = k.oid WHERE k.relkind NOT IN ('r', 'p')
            ) AND EXISTS (
                SELECT 1 FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attname = 'xmin' AND has_column_privilege(c.oid, a.attnum, 'SELECT')
            )
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        """,
        (source.database.schema, table.name),
    )
    if not found:
        return None
    oid, is_readable, has_xmin = found[0]
    return Relation(oid, is_readable, has_xmin, *_columns(source, oid, table))


def _differences(source: Source, table: SourceTable, relation: Relation | None) -> Iterator[str]:
    where = f"{source.database.schema}.{table.name}"
    if relation is None:
        yield f"there is no table {where}"
        return
    if not relation.is_readable:
        yield f"'{source.database.user}' may not read {where}"
        return
    have = relation.columns
    for name, (declared, precision) in table.types.items():
        if name not in have:
            yield f"{where} has no column {name} (it has {', '.join(sorted(have))})"
            continue
        stored = have[name]
        if stored.kind not in SOURCE_TYPES[declared]:
            yield f"{where}.{name} is {stored.kind}, which cannot be read as {declared}"
        elif declared == "decimal" and stored.scale > int(precision[1:-1].split(",")[1]):
            yield f"{where}.{name} has more decimals than {declared}{precision} keeps"


def _columns(source: Source, oid: int, table: SourceTable) -> tuple[dict[str, StoredType], str]:
    """The type of each column, and a digest of those that are read: position, type, default of older rows, labels."""
    rows = source.rows(
        """
        SELECT a.attname, CASE WHEN b.typtype = 'e' THEN 'enum' ELSE b.typname END,
            CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
            a.attnum, a.atttypid, CAST(a.attmissingval AS text),
            CAST(ARRAY(SELECT enumlabel FROM pg_enum WHERE enumtypid = b.oid ORDER BY enumsortorder) AS text)
        FROM pg_attribute a
        JOIN pg_type t ON t.oid = a.atttypid
        JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
        WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
        """,
        (oid,),
    )
    read = repr([row for row in rows if row[0] in {table.key, *table.types}])
    digest = hashlib.md5(read.encode(), usedforsecurity=False).hexdigest()[:8]
    return {name: StoredType(kind, modifier) for name, kind, modifier, *_ in rows}, digest
