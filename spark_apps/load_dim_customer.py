"""Load dim_customer. Grain: one row per version of a customer (SCD2)."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dvdrental_etl.model.rules import warn
from dvdrental_etl.model.source_tables import SourceTable
from dvdrental_etl.model.targets import Scd2Dimension
from dvdrental_etl.pipeline import job
from dvdrental_etl.transforms.location import LOCATION, location_of, locations

SOURCES = (
    SourceTable(
        "customer",
        "customer_id bigint, store_id int, first_name string, last_name string, email string, address_id bigint,"
        " create_date date, active smallint, last_update timestamp",
        key="customer_id",
    ),
    *location_of("customer"),
)

TARGET = Scd2Dimension(
    table="dim_customer",
    natural_key="customer_id",
    # What changes a report: where customers live, whether they are active, which store is theirs.
    tracked=("address", "address2", "district", "city", "country", "active", "store_id"),
    rules=(
        warn("active", "one of 0, 1", "active NOT IN (0, 1)"),
        warn("store_id", "refers to a store", "store_id IS NULL"),
        warn("country", "refers to a country", "country IS NULL"),
    ),
)


def transform(customer: DataFrame, address: DataFrame, city: DataFrame, country: DataFrame) -> DataFrame:
    """Give each customer the address, city and country they live in.

    locations() has one row per address, so the join neither loses nor multiplies customers.
    """
    return customer.join(locations(address, city, country), "address_id", how="left").select(
        "customer_id",
        "first_name",
        "last_name",
        "email",
        *LOCATION,
        "active",
        "create_date",
        "store_id",
        F.greatest("last_update", "located_at").alias("changed_at"),
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the load; an error ends the process with its exit code."""
    with job.start(TARGET, __doc__, argv) as run:
        run.load(SOURCES, transform)


if __name__ == "__main__":
    main()
