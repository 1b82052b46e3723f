"""The joins and columns of fact_sales, shared by both Spark contenders; they differ in how they read and write."""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from benchmarks.contenders.star import COLUMNS, NATURAL_KEYS


def keyed(facts: DataFrame, dimension: DataFrame, name: str) -> DataFrame:
    """Add the key of the version that was valid at the time of the payment."""
    versions = dimension.select(
        f"{name}_key",
        F.col(NATURAL_KEYS[name]).alias("natural_key"),
        "valid_from",
        "valid_to",
    )
    is_valid = (F.col("payment_date") >= F.col("valid_from")) & (F.col("payment_date") < F.col("valid_to"))
    is_same = F.col(NATURAL_KEYS[name]) == F.col("natural_key")
    return facts.join(versions, is_same & is_valid, how="left").drop("natural_key", "valid_from", "valid_to")


def rows(facts: DataFrame, date_key: Callable[[str], Column]) -> DataFrame:
    """The columns of fact_sales, from facts with keys. date_key: makes yyyyMMdd of a column, -1 if it is NULL."""
    is_open = F.col("rental_date").isNotNull() & F.col("return_date").isNull()
    return facts.select(
        F.col("payment_id").cast("bigint").alias("sales_key"),
        date_key("payment_date").alias("payment_date_key"),
        date_key("rental_date").alias("rental_date_key"),
        F.when(is_open, F.lit(-2)).otherwise(date_key("return_date")).alias("return_date_key"),
        *(F.coalesce(f"{name}_key", F.lit(-1)).alias(f"{name}_key") for name in NATURAL_KEYS),
        F.col("amount").alias("sales_amount"),
        F.col("rental_id").cast("bigint").alias("rental_id"),
        F.col("payment_date").alias("payment_ts"),
        F.lit(1).cast("bigint").alias("batch_id"),
    ).select(*COLUMNS)
