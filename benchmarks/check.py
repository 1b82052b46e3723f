"""Validate a loaded table: row count, amount and a sum of row hashes, compared with SQL on the source; and its keys."""

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchError
from benchmarks.fixtures import EMPTY, DatabasePair, Fixtures

VERIFY = Path(__file__).resolve().parents[1] / "sql_scripts" / "verify"
MEMBERS = tuple(path.stem for path in sorted(VERIFY.glob("source/dim_*.sql")))
#: Columns of the queries in sql_scripts/verify that are not content.
NOT_CONTENT = {"written_since_load", "missing_reference", "is_inferred_member", "is_inferred"}

# A record's hash is a weighted sum of its columns' hashes, so the sum over all rows stays the same if two rows swap a
# value. A second hash detects that.
_HASH = "SUM(CAST(hashint8extended(hash_record_extended(ROW({}), 0), 0) AS numeric))"
_FACT = (
    "sales_key, payment_date_key, rental_date_key, return_date_key, customer_id, staff_id, store_id, film_id,"
    " sales_amount, rental_id, payment_ts"
)
#: Run in the source, with natural keys; types as in the query on the warehouse below.
EXPECTED = f"""
SELECT COUNT(*), SUM(sales_amount), {_HASH.format(_FACT)}
FROM (
    SELECT
        CAST(p.payment_id AS bigint) AS sales_key,
        CAST(TO_CHAR(p.payment_date, 'YYYYMMDD') AS integer) AS payment_date_key,
        COALESCE(CAST(TO_CHAR(r.rental_date, 'YYYYMMDD') AS integer), -1) AS rental_date_key,
        CASE
            WHEN r.return_date IS NOT NULL THEN CAST(TO_CHAR(r.return_date, 'YYYYMMDD') AS integer)
            WHEN r.rental_id IS NOT NULL THEN -2
            ELSE -1
        END AS return_date_key,
        CAST(p.customer_id AS integer) AS customer_id,
        CAST(p.staff_id AS integer) AS staff_id,
        CAST(COALESCE(i.store_id, -1) AS integer) AS store_id,
        CAST(COALESCE(i.film_id, -1) AS integer) AS film_id,
        p.amount AS sales_amount,
        CAST(p.rental_id AS bigint) AS rental_id,
        p.payment_date AS payment_ts
    FROM payment p
    LEFT JOIN rental r ON r.rental_id = p.rental_id
    LEFT JOIN inventory i ON i.inventory_id = r.inventory_id
) f
"""
#: Run in the warehouse: each surrogate key is translated to the natural key of its version, which must be valid then.
LOADED = f"""
SELECT COUNT(*), SUM(sales_amount), {_HASH.format(_FACT.replace("store_id", "s.store_id"))}
FROM fact_sales f
INNER JOIN dim_customer c ON c.customer_key = f.customer_key
    AND f.payment_ts >= c.valid_from AND f.payment_ts < c.valid_to
INNER JOIN dim_staff t ON t.staff_key = f.staff_key AND f.payment_ts >= t.valid_from AND f.payment_ts < t.valid_to
INNER JOIN dim_store s ON s.store_key = f.store_key AND f.payment_ts >= s.valid_from AND f.payment_ts < s.valid_to
INNER JOIN dim_movie m ON m.movie_key = f.movie_key AND f.payment_ts >= m.valid_from AND f.payment_ts < m.valid_to
"""
#: Columns, keys and indexes of the table. Not compared: partitioning, and the index of batch_id, which only the suite
#: needs.
SHAPE = """
SELECT 'column ' || attname, format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
FROM pg_attribute WHERE attrelid = 'fact_sales'::regclass AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT CASE WHEN indisprimary THEN 'primary key' ELSE 'index' END, pg_get_indexdef(indexrelid, 1, true)
FROM pg_index
WHERE indrelid = 'fact_sales'::regclass AND indisvalid AND pg_get_indexdef(indexrelid, 1, true) <> 'batch_id'
UNION ALL
SELECT 'kept in the log', CAST(BOOL_AND(relpersistence = 'p') AS text)
FROM pg_class
WHERE oid = 'fact_sales'::regclass OR oid IN (SELECT relid FROM pg_partition_tree('fact_sales'::regclass))
ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Content:
    """Number of rows, amount in currency units, and the sum of the rows' hashes."""

    rows: int
    amount: Decimal
    hashes: Decimal


def expected(fixtures: Fixtures, source: str) -> Content:
    """The content that fact_sales must have, by SQL on the source that no contender uses."""
    return Content(*fixtures.rows(EXPECTED, source)[0])


def require_fact(fixtures: Fixtures, pair: DatabasePair, expected_content: Content, contender: str) -> None:
    """Raise BenchError unless fact_sales has this content, and the columns and keys of the DDL."""
    shape = fixtures.rows(SHAPE, pair.warehouse, "dw")
    if wrong := set(shape) ^ set(fixtures.rows(SHAPE, EMPTY, "dw")):
        raise BenchError(f"{contender}: fact_sales is not the table of sql_scripts: {sorted(wrong)}")
    rows = int(fixtures.rows("SELECT COUNT(*) FROM fact_sales", pair.warehouse, "dw")[0][0])
    found = Content(*fixtures.rows(LOADED, pair.warehouse, "dw")[0])
    if found != expected_content or rows != expected_content.rows:
        raise BenchError(
            f"{contender}: fact_sales is wrong: {rows} rows, joined to their dimensions {found};"
            f" expected {expected_content}"
        )


def require_dimensions(fixtures: Fixtures, pair: DatabasePair, contender: str) -> None:
    """Raise BenchError unless the dimensions equal the source, by the queries of sql_scripts/verify."""
    for name in MEMBERS:
        query = (VERIFY / "source" / f"{name}.sql").read_text()
        source = _content(
            fixtures, re.sub(r"age\(CAST\(%\(horizon\)s AS xid\)\)", "0", query), pair.source, "public"
        )
        query = (VERIFY / "warehouse" / f"{name}.sql").read_text()
        if source != (found := _content(fixtures, query, pair.warehouse, "dw")):
            raise BenchError(f"{contender}: {name} is wrong: {found}; in the source {source}")


def _content(fixtures: Fixtures, query: str, database: str, schema: str) -> dict[str, Any]:
    """For each column of a query one sum of hashes of the column with the key, which is the first column."""
    with fixtures.sandbox.superuser(database) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO {schema}")
        cursor.execute(f"SELECT q.* FROM ({query}) q LIMIT 0")
        names = [column.name for column in cursor.description or () if column.name not in NOT_CONTENT]
        sums = ", ".join(_HASH.format(f"q.{names[0]}, CAST(q.{name} AS text)") for name in names)
        cursor.execute(f"SELECT {sums} FROM ({query}) q")
        return dict(zip(names, cursor.fetchone() or (), strict=True))
