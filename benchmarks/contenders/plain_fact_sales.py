"""The plain design's fact_sales: read whole tables over JDBC, join them in Spark, append over JDBC."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from benchmarks.contenders.plain import Plain
from benchmarks.contenders.sales import keyed, rows
from benchmarks.contenders.star import NATURAL_KEYS


def date_key(column: str) -> Column:
    """yyyyMMdd; -1 for NULL."""
    return F.coalesce(F.date_format(column, "yyyyMMdd").cast("int"), F.lit(-1))


def main() -> None:
    """Load the table."""
    plain = Plain("fact_sales")
    facts = (
        plain.extract("payment")
        .join(plain.extract("rental").drop("customer_id", "staff_id", "last_update"), "rental_id", how="left")
        .join(plain.extract("inventory").drop("last_update"), "inventory_id", how="left")
    )
    for name in NATURAL_KEYS:
        facts = keyed(facts, plain.dimension(f"dim_{name}"), name)
    plain.append(rows(facts, date_key), "fact_sales")
    plain.spark.stop()


if __name__ == "__main__":
    main()
