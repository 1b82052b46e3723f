"""What every contender gets: the two databases, and the declaration of the table to fill.

The declarations are read from the suite's DDL. Contenders use nothing else of the suite's code.
"""

import json
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2

from dvdrental_etl.model.contract import columns_of, natural_key, primary_key, star_tables

FACT = "fact_sales"
COLUMNS = tuple(column.name for column in columns_of(FACT))
#: The natural key of each dimension, by the name without dim_.
NATURAL_KEYS = {
    table.removeprefix("dim_"): natural_key(table) for table in star_tables() if table.startswith("dim_")
}
#: Replace fact_sales, and the suite's views of it, by an empty table with its columns, but without keys and indexes ...
REPLACE_TABLE = (
    f"CREATE TABLE {FACT}_new (LIKE {FACT})",
    f"DROP TABLE {FACT} CASCADE",
    f"ALTER TABLE {FACT}_new RENAME TO {FACT}",
)
#: ... and create these at the end: to build them once is cheaper than row by row.
CREATE_KEYS = (
    f"ALTER TABLE {FACT} ADD PRIMARY KEY ({primary_key(FACT)})",
    f"CREATE INDEX {FACT}_payment_date ON {FACT} (payment_date_key)",
)


@dataclass(frozen=True)
class Database:
    """The address of a database and the schema of its tables."""

    url: str
    user: str
    password: str = field(repr=False)
    schema: str

    def libpq(self) -> dict[str, Any]:
        """Arguments of psycopg2.connect, with the schema as the search path."""
        parts = urlsplit(self.url.removeprefix("jdbc:"))
        return {
            "host": parts.hostname,
            "port": parts.port,
            "dbname": parts.path.lstrip("/"),
            "user": self.user,
            "password": self.password,
            "options": f"-c search_path={self.schema}",
        }

    def jdbc(self, **more: str) -> dict[str, str]:
        """Options of Spark's JDBC source: URL, user and driver, and `more`."""
        return {
            "url": self.url,
            "user": self.user,
            "password": self.password,
            "driver": "org.postgresql.Driver",
            **more,
        }


def databases() -> tuple[Database, Database]:
    """Source and warehouse, from the credentials file that the command line names."""
    document = json.loads(Path(sys.argv[1]).read_text())
    source, warehouse = (
        Database(*(document[name][key] for key in ("url", "user", "password", "schema")))
        for name in ("source", "warehouse")
    )
    return source, warehouse


def execute(database: Database, *statements: str) -> list[tuple[Any, ...]]:
    """Run SQL in one transaction; the rows of the last statement."""
    with (
        closing(psycopg2.connect(**database.libpq())) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []
