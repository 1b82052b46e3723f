"""The report of a run, read from both databases by SQL."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from rich.console import Console
from rich.table import Table

#: Columns of etl_load in the report, and their headings.
HEADINGS = {
    "rows_read": "read",
    "rows_new": "new",
    "rows_changed": "changed",
    "rows_deleted": "deleted",
    "rows_quarantined": "quarantined",
    "seconds": "seconds",
}


@dataclass(frozen=True)
class Totals:
    """Number of payments, and their amount in currency units."""

    rows: int
    amount: Decimal

    def __sub__(self, other: "Totals") -> "Totals":
        """The difference of both values."""
        return Totals(self.rows - other.rows, self.amount - other.amount)


@dataclass(frozen=True)
class Report:
    """One run: its published loads in order, and the totals of source, warehouse and quarantine."""

    loads: list[dict[str, Any]]
    source: Totals
    warehouse: Totals
    quarantined: Totals

    @property
    def difference(self) -> Totals:
        """Payments of the source that are neither in the warehouse nor in quarantine."""
        return self.source - self.warehouse - self.quarantined


def query(section: dict[str, Any], text: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Run one SELECT on the database of a section of credentials.json; `{}` stands for its schema."""
    schema = '"' + section["schema"].replace('"', '""') + '"'
    connection = connect(section)
    try:
        cursor = connection.cursor()
        cursor.execute(text.replace("{}", schema), values)
        return [tuple(row) for row in cursor.fetchall()]
    finally:
        connection.close()


def connect(section: dict[str, Any]) -> Any:
    """Connect to the database of a section, with the driver of its kind."""
    parts = urlsplit(section["url"].removeprefix("jdbc:"))
    login = {"host": parts.hostname, "user": section["user"], "password": section["password"]}
    name = parts.path.lstrip("/")
    if section.get("kind") == "redshift":
        import redshift_connector

        return redshift_connector.connect(
            **login, port=parts.port or 5439, database=name, sslmode="verify-full"
        )
    return psycopg2.connect(**login, port=parts.port or 5432, dbname=name)


def read(credentials: dict[str, Any], run_id: str) -> Report:
    """Read the report of a DAG run."""
    source, warehouse = credentials["source"], credentials["warehouse"]
    names = ("table_name", *HEADINGS, "warehouse_rows", "warehouse_amount")
    rows = query(
        warehouse,
        f"SELECT {', '.join(f'l.{name}' for name in names)} FROM {{}}.etl_load l "
        "JOIN {}.etl_batch b ON b.batch_id = l.batch_id "
        "WHERE b.run_id = %s AND l.status = 'published' ORDER BY l.load_id",
        (run_id,),
    )
    loads = [dict(zip(names, row, strict=True)) for row in rows]
    paid = Totals(*query(source, "SELECT count(*), coalesce(sum(amount), 0) FROM {}.payment")[0])
    sold = Totals(*query(warehouse, "SELECT count(*), coalesce(sum(sales_amount), 0) FROM {}.fact_sales")[0])
    fact = next((load for load in loads if load["table_name"] == "fact_sales"), None)
    staged = Totals(fact["warehouse_rows"], fact["warehouse_amount"]) if fact else sold
    return Report(loads, paid, sold, staged - sold)


def show(report: Report, console: Console) -> None:
    """Print the two tables."""
    loaded = Table("table", title="loaded", title_justify="left", title_style="bold")
    for heading in HEADINGS.values():
        loaded.add_column(heading, justify="right")
    for load in report.loads:
        numbers = [f"{load[name]:,.1f}" if name == "seconds" else f"{load[name]:,}" for name in HEADINGS]
        loaded.add_row(load["table_name"], *numbers)
    console.print(loaded)

    money = Table(
        "reconciliation", title="source against warehouse", title_justify="left", title_style="bold"
    )
    for heading in ("payments", "amount"):
        money.add_column(heading, justify="right")
    for name, totals in {
        "source: payment": report.source,
        "warehouse: fact_sales": report.warehouse,
        "quarantined: etl_reject": report.quarantined,
        "difference": report.difference,
    }.items():
        money.add_row(name, f"{totals.rows:,}", f"{totals.amount:,.2f}")
    console.print(money)
