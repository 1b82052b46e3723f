"""Load fact_sales. Grain: one row per payment."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dvdrental_etl.model.rules import warn
from dvdrental_etl.model.source_tables import SourceTable
from dvdrental_etl.model.targets import Fact, Lookup, Reconciled
from dvdrental_etl.pipeline import job
from dvdrental_etl.transforms.date_keys import NOT_YET, UNKNOWN, date_key

SOURCES = (
    SourceTable(
        "payment",
        "payment_id bigint, customer_id int, staff_id int, rental_id bigint, amount decimal(5,2),"
        " payment_date timestamp",
        key="payment_id",
    ),
    SourceTable(
        "rental",
        "rental_id bigint, rental_date timestamp, inventory_id bigint, return_date timestamp",
        key="rental_id",
        joined_on="payment.rental_id",
    ),
    SourceTable(
        "inventory",
        "inventory_id bigint, film_id int, store_id int",
        key="inventory_id",
        joined_on="rental.inventory_id",
    ),
)

TARGET = Fact(
    table="fact_sales",
    event="payment_ts",
    amount="sales_amount",
    lookups=(
        Lookup("customer_key", "dim_customer", "customer_id"),
        Lookup("staff_key", "dim_staff", "staff_id"),
        Lookup("store_key", "dim_store", "store_id"),
        Lookup("movie_key", "dim_movie", "film_id"),
    ),
    reconciled=Reconciled(day="payment_date", amount="amount"),
    rules=(
        warn("sales_amount", "0.00 or more", "sales_amount < 0"),
        warn("payment_date_key", "a day of dim_date", f"payment_date_key = {UNKNOWN}"),
        warn("customer_id", "refers to a customer", "customer_id IS NULL"),
    ),
)


def transform(payment: DataFrame, rental: DataFrame, inventory: DataFrame) -> DataFrame:
    """Give each payment the rental it is for, and through its copy the film and the store that owns it.

    The customer and the staff member are the payment's own: who paid, who took the money. Each join is on the left
    table's primary key and keeps the right side, so there are as many rows as payments. An engine keeps the left table
    in memory, and payments stream by: so the days of a rental become keys, which are smaller, before it is joined.
    """
    rented = rental.select(
        "rental_id",
        "inventory_id",
        date_key("rental_date").alias("rental_date_key"),
        _return_date_key().alias("return_date_key"),
    )
    sold = rented.join(payment, "rental_id", how="right")
    return inventory.join(sold, "inventory_id", how="right").select(
        F.col("payment_id").alias("sales_key"),
        date_key("payment_date").alias("payment_date_key"),
        _of_rental("rental_date_key"),
        _of_rental("return_date_key"),
        "customer_id",
        "staff_id",
        "store_id",
        "film_id",
        F.col("amount").alias("sales_amount"),
        "rental_id",
        F.col("payment_date").alias("payment_ts"),
    )


def _return_date_key() -> Column:
    """A rental without return date is open."""
    return F.when(F.isnull("return_date"), NOT_YET).otherwise(date_key("return_date"))


def _of_rental(key: str) -> Column:
    """A payment without rental has no such day."""
    return F.expr(f"coalesce({key}, {UNKNOWN})").alias(key)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the load; an error ends the process with its exit code."""
    with job.start(TARGET, __doc__, argv) as run:
        run.load(SOURCES, transform)


if __name__ == "__main__":
    main()
