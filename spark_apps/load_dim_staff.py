"""Load dim_staff. Grain: one row per version of a staff member (SCD2)."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dvdrental_etl.model.rules import warn
from dvdrental_etl.model.source_tables import SourceTable
from dvdrental_etl.model.targets import Scd2Dimension
from dvdrental_etl.pipeline import job
from dvdrental_etl.transforms.location import LOCATION, location_of, locations

SOURCES = (
    # username, password and picture are not listed, so they never leave the source.
    SourceTable(
        "staff",
        "staff_id bigint, first_name string, last_name string, address_id bigint, email string, store_id int,"
        " active boolean, last_update timestamp",
        key="staff_id",
    ),
    *location_of("staff"),
)

TARGET = Scd2Dimension(
    table="dim_staff",
    natural_key="staff_id",
    tracked=("address", "address2", "district", "city", "country", "active", "store_id"),
    rules=(warn("store_id", "refers to a store", "store_id IS NULL"),),
)


def transform(staff: DataFrame, address: DataFrame, city: DataFrame, country: DataFrame) -> DataFrame:
    """Give each staff member the address, city and country they live in.

    locations() has one row per address, so the join neither loses nor multiplies staff.
    """
    return staff.join(locations(address, city, country), "address_id", how="left").select(
        "staff_id",
        "first_name",
        "last_name",
        "email",
        *LOCATION,
        "active",
        "store_id",
        F.greatest("last_update", "located_at").alias("changed_at"),
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the load; an error ends the process with its exit code."""
    with job.start(TARGET, __doc__, argv) as run:
        run.load(SOURCES, transform)


if __name__ == "__main__":
    main()
