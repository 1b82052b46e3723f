"""Load dim_store. Grain: one row per version of a store (SCD2)."""

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
        "store",
        "store_id bigint, manager_staff_id int, address_id bigint, last_update timestamp",
        key="store_id",
    ),
    SourceTable(
        "staff",
        "staff_id bigint, first_name string, last_name string, last_update timestamp",
        key="staff_id",
        joined_on="store.manager_staff_id",
    ),
    *location_of("store"),
)

MANAGER = ("manager_staff_id", "manager_first_name", "manager_last_name")

TARGET = Scd2Dimension(
    table="dim_store",
    natural_key="store_id",
    # There are few stores, and any change of one changes reports: every column keeps history.
    tracked=(*LOCATION, *MANAGER),
    rules=(warn("manager_last_name", "refers to a staff member", "manager_last_name IS NULL"),),
)


def transform(
    store: DataFrame, staff: DataFrame, address: DataFrame, city: DataFrame, country: DataFrame
) -> DataFrame:
    """Give each store its place and its manager's name.

    One row per address and one per staff member, so the joins neither lose nor multiply stores.
    """
    managers = staff.select(
        F.col("staff_id").alias("manager_staff_id"),
        F.col("first_name").alias("manager_first_name"),
        F.col("last_name").alias("manager_last_name"),
        F.col("last_update").alias("manager_updated"),
    )
    return (
        store.join(locations(address, city, country), "address_id", how="left")
        .join(managers, "manager_staff_id", how="left")
        .select(
            "store_id",
            *LOCATION,
            *MANAGER,
            F.greatest("last_update", "located_at", "manager_updated").alias("changed_at"),
        )
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the load; an error ends the process with its exit code."""
    with job.start(TARGET, __doc__, argv) as run:
        run.load(SOURCES, transform)


if __name__ == "__main__":
    main()
