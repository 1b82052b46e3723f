"""dlt: tables read by connectorx, loaded as CSV into a dataset of the warehouse, and joined there by SQL."""

import os
import tempfile
from urllib.parse import quote

# dlt reads these when it is imported. Without them it sends telemetry.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
# Files are local, and gzip took half of the time. Several files per table are loaded in parallel.
os.environ["DATA_WRITER__DISABLE_COMPRESSION"] = "true"
os.environ["DATA_WRITER__FILE_MAX_ITEMS"] = "1000000"

import dlt
from dlt.sources.sql_database import sql_table

from benchmarks.contenders.star import COLUMNS, CREATE_KEYS, REPLACE_TABLE, Database, databases, execute

DATASET = "bench_staging"
TABLES = {
    "payment": ["payment_id", "customer_id", "staff_id", "rental_id", "amount", "payment_date"],
    "rental": ["rental_id", "inventory_id", "rental_date", "return_date"],
    "inventory": ["inventory_id", "film_id", "store_id"],
}
DAY = "CAST(to_char({0}, 'YYYYMMDD') AS integer)"


def address(database: Database, driver: str = "") -> str:
    """The URL for SQLAlchemy and libpq; it does not leave this process."""
    parts = database.libpq()
    return f"postgresql{driver}://{parts['user']}:{quote(parts['password'])}@{parts['host']}:{parts['port']}/{parts['dbname']}"


def load(source: Database, warehouse: Database, folder: str) -> None:
    """Load the three source tables into the dataset."""
    resources = [
        sql_table(
            credentials=address(source, "+psycopg2"),
            schema=source.schema,
            table=table,
            included_columns=columns,
            backend="connectorx",
            reflection_level="full_with_precision",
            backend_kwargs={"return_type": "arrow"},
        )
        for table, columns in TABLES.items()
    ]
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.postgres(address(warehouse)),
        dataset_name=DATASET,
        pipelines_dir=folder,
    )
    pipeline.run(resources, write_disposition="replace", loader_file_format="csv").raise_on_failed_jobs()


def publish() -> str:
    """The INSERT from the dataset into fact_sales."""
    return f"""
INSERT INTO fact_sales ({", ".join(COLUMNS)})
SELECT
    p.payment_id, {DAY.format("p.payment_date")}, COALESCE({DAY.format("r.rental_date")}, -1),
    CASE WHEN r.rental_id IS NOT NULL AND r.return_date IS NULL THEN -2
        ELSE COALESCE({DAY.format("r.return_date")}, -1) END,
    COALESCE(c.customer_key, -1), COALESCE(t.staff_key, -1), COALESCE(s.store_key, -1), COALESCE(m.movie_key, -1),
    p.amount, p.rental_id, p.payment_date, 1
FROM {DATASET}.payment p
LEFT JOIN {DATASET}.rental r ON r.rental_id = p.rental_id
LEFT JOIN {DATASET}.inventory i ON i.inventory_id = r.inventory_id
LEFT JOIN dim_customer c ON c.customer_id = p.customer_id
    AND p.payment_date >= c.valid_from AND p.payment_date < c.valid_to
LEFT JOIN dim_staff t ON t.staff_id = p.staff_id AND p.payment_date >= t.valid_from AND p.payment_date < t.valid_to
LEFT JOIN dim_store s ON s.store_id = i.store_id AND p.payment_date >= s.valid_from AND p.payment_date < s.valid_to
LEFT JOIN dim_movie m ON m.film_id = i.film_id AND p.payment_date >= m.valid_from AND p.payment_date < m.valid_to
"""


def main() -> None:
    """Load the table."""
    source, warehouse = databases()
    with tempfile.TemporaryDirectory() as folder:
        load(source, warehouse, folder)
    analyze = (f"ANALYZE {DATASET}.{table}" for table in TABLES)
    memory = "SET work_mem = '512MB'; SET maintenance_work_mem = '512MB'"
    execute(warehouse, memory, *analyze, *REPLACE_TABLE, publish(), *CREATE_KEYS)


if __name__ == "__main__":
    main()
