"""What every contender is given: the two databases, and the table to fill. Nothing of the suite's own code."""

import json
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2

#: The columns of fact_sales, in its order.
COLUMNS = (
    *("sales_key", "payment_date_key", "rental_date_key", "return_date_key", "customer_key", "staff_key"),
    *("store_key", "movie_key", "sales_amount", "rental_id", "payment_ts", "batch_id"),
)
#: An empty table in the place of fact_sales, with its columns and as yet without its keys ...
FRESH = (
    "CREATE TABLE fact_sales_fresh (LIKE fact_sales)",
    "DROP TABLE fact_sales",
    "ALTER TABLE fact_sales_fresh RENAME TO fact_sales",
)
#: ... and its keys, for the end: to build them once is cheaper than row by row.
KEYS = (
    "ALTER TABLE fact_sales ADD PRIMARY KEY (sales_key)",
    "CREATE INDEX fact_sales_payment_date ON fact_sales (payment_date_key)",
)


@dataclass(frozen=True)
class Database:
    """How to reach one database; `schema` holds its tables."""

    url: str
    user: str
    password: str = field(repr=False)
    schema: str

    def libpq(self) -> dict[str, Any]:
        """For psycopg2, with the schema as the search path."""
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
        """For Spark: who reads or writes, and by which driver."""
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
