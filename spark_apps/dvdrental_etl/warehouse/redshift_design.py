"""Pure: the DDL as Redshift gets it: each new table with its distribution and sort key."""

import re
from collections.abc import Iterator, Mapping

from dvdrental_etl.model.contract import ddl_names, primary_key, script, star_tables
from dvdrental_etl.warehouse.scripts import statements as split

_CREATED = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+) \(")
#: The forms of ALTER TABLE in sql_scripts/physical, and what CREATE TABLE says for them.
_DESIGN = re.compile(r"ALTER TABLE (\w+) ALTER (?:(DISTSTYLE \w+)|DISTKEY (\w+)|(SORTKEY \(.+\)))")


def statements() -> Iterator[str]:
    """Every statement of the DDL, one at a time, as the driver takes them.

    sql_scripts/physical says the design once, in statements that a DBA can run on a table that is there. A new table
    has it from the beginning: altering it would copy it. A table that is there keeps its own.
    """
    design = _design()
    for name in ddl_names():
        for statement in split(script(f"create_{name}.sql")):
            created = _CREATED.match(statement)
            yield f"{statement} {design.get(created[1], '')}".rstrip() if created else statement


def _design() -> Mapping[str, str]:
    """Table -> its attributes as CREATE TABLE writes them."""
    exceptions = script("physical/redshift.sql")
    dimensions = [name for name in star_tables() if name.startswith("dim_")]
    of_every_dimension = script("physical/redshift_dimension.sql")
    texts = [
        of_every_dimension.format(table=table, key=primary_key(table))
        for table in dimensions
        if not re.search(rf"\b{table}\b", exceptions)
    ]
    found: dict[str, str] = {}
    for statement in split("\n".join([*texts, exceptions])):
        table, diststyle, distkey, sortkey = _DESIGN.fullmatch(statement).groups()  # type: ignore[union-attr]
        attribute = diststyle or sortkey or f"DISTKEY ({distkey})"
        found[table] = f"{found.get(table, '')} {attribute}".lstrip()
    return found
