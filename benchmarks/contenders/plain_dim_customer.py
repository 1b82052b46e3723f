"""The plain design's dim_customer."""

from pyspark.sql import functions as F

from benchmarks.contenders.plain import LOCATION, Plain

TRACKED = ("address", "address2", "district", "city", "country", "active", "store_id")


def main() -> None:
    """Load the table."""
    plain = Plain("dim_customer")
    customers = (
        plain.extract("customer")
        .join(plain.locations(), "address_id", how="left")
        .select(
            *("customer_id", "first_name", "last_name", "email", *LOCATION),
            F.col("active").cast("smallint"),
            *("create_date", "store_id"),
        )
    )
    plain.append_members(customers, "dim_customer", "customer_id", TRACKED)
    plain.spark.stop()


if __name__ == "__main__":
    main()
