"""The plain design's dim_store."""

from pyspark.sql import functions as F

from benchmarks.contenders.plain import LOCATION, Plain

MANAGER = ("manager_staff_id", "manager_first_name", "manager_last_name")


def main() -> None:
    """Load the table."""
    plain = Plain("dim_store")
    managers = plain.extract("staff").select(
        F.col("staff_id").alias("manager_staff_id"),
        F.col("first_name").alias("manager_first_name"),
        F.col("last_name").alias("manager_last_name"),
    )
    stores = (
        plain.extract("store")
        .join(plain.locations(), "address_id", how="left")
        .join(managers, "manager_staff_id", how="left")
        .select("store_id", *LOCATION, *MANAGER)
    )
    plain.append_members(stores, "dim_store", "store_id", (*LOCATION, *MANAGER))
    plain.spark.stop()


if __name__ == "__main__":
    main()
