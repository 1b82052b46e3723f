"""The plain design's dim_staff."""

from benchmarks.contenders.plain import LOCATION, Plain

TRACKED = ("address", "address2", "district", "city", "country", "active", "store_id")


def main() -> None:
    """Load the table."""
    plain = Plain("dim_staff")
    staff = (
        plain.extract("staff")
        .join(plain.locations(), "address_id", how="left")
        .select("staff_id", "first_name", "last_name", "email", *LOCATION, "active", "store_id")
    )
    plain.append_members(staff, "dim_staff", "staff_id", TRACKED)
    plain.spark.stop()


if __name__ == "__main__":
    main()
