"""The plain design: read whole tables over JDBC, join them in Spark, append over JDBC."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.contenders.star import COLUMNS, databases


def date_key(column: str) -> Column:
    """yyyyMMdd; -1 without a day."""
    return F.coalesce(F.date_format(column, "yyyyMMdd").cast("int"), F.lit(-1))


def main() -> None:
    source, warehouse = databases()
    spark = SparkSession.builder.appName("plain fact_sales").getOrCreate()

    def extract(table: str) -> DataFrame:
        return spark.read.format("jdbc").options(**source.jdbc(dbtable=f"{source.schema}.{table}")).load()

    def dimension(name: str, key: str, natural: str) -> DataFrame:
        table = f"{warehouse.schema}.dim_{name}"
        frame = spark.read.format("jdbc").options(**warehouse.jdbc(dbtable=table)).load()
        return frame.select(
            key,
            F.col(natural).alias(f"{name}_natural"),
            F.col("valid_from").alias(f"{name}_from"),
            F.col("valid_to").alias(f"{name}_to"),
        )

    facts = (
        extract("payment")
        .join(extract("rental").drop("customer_id", "staff_id", "last_update"), "rental_id", how="left")
        .join(extract("inventory").drop("last_update"), "inventory_id", how="left")
    )
    for name, key, natural in (
        ("customer", "customer_key", "customer_id"),
        ("staff", "staff_key", "staff_id"),
        ("store", "store_key", "store_id"),
        ("movie", "movie_key", "film_id"),
    ):
        members = dimension(name, key, natural)
        is_valid = (F.col("payment_date") >= F.col(f"{name}_from")) & (F.col("payment_date") < F.col(f"{name}_to"))
        facts = facts.join(members, (F.col(natural) == F.col(f"{name}_natural")) & is_valid, how="left")
    open_rental = F.col("rental_date").isNotNull() & F.col("return_date").isNull()
    facts.select(
        F.col("payment_id").cast("bigint").alias("sales_key"),
        date_key("payment_date").alias("payment_date_key"),
        date_key("rental_date").alias("rental_date_key"),
        F.when(open_rental, F.lit(-2)).otherwise(date_key("return_date")).alias("return_date_key"),
        *(F.coalesce(f"{name}_key", F.lit(-1)).alias(f"{name}_key") for name in ("customer", "staff", "store", "movie")),
        F.col("amount").alias("sales_amount"),
        F.col("rental_id").cast("bigint").alias("rental_id"),
        F.col("payment_date").alias("payment_ts"),
        F.lit(1).cast("bigint").alias("batch_id"),
    ).select(*COLUMNS).write.format("jdbc").options(
        **warehouse.jdbc(dbtable=f"{warehouse.schema}.fact_sales")
    ).mode("append").save()
    spark.stop()


if __name__ == "__main__":
    main()
