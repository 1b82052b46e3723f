"""Spark JDBC as its experts tune it: column lists, partitioned binary reads, broadcast dimensions, batched inserts."""

from contextlib import closing

import psycopg2
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.contenders.star import COLUMNS, FRESH, KEYS, Database, databases


def execute(database: Database, *statements: str) -> list[tuple[object, ...]]:
    """Run SQL in one transaction; the rows of the last statement."""
    with closing(psycopg2.connect(**database.libpq())) as connection:
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []


def date_key(column: str) -> Column:
    """yyyyMMdd; -1 without a day."""
    day = F.col(column)
    return F.coalesce(F.year(day) * 10000 + F.month(day) * 100 + F.dayofmonth(day), F.lit(-1))


class Reader:
    """Reads over JDBC, in binary from the first row on, and in as many partitions as fit the cores."""

    def __init__(self, spark: SparkSession, partitions: int) -> None:
        self._spark, self._partitions = spark, partitions

    def extract(self, source: Database, table: str, columns: str) -> DataFrame:
        key = columns.split(",")[0]
        name = f"{source.schema}.{table}"
        ((low, high),) = execute(source, f"SELECT min({key}), max({key}) FROM {name}")  # noqa: S608
        options = source.jdbc(
            dbtable=f"(SELECT {columns} FROM {name}) AS t",  # noqa: S608
            fetchsize="10000",
            partitionColumn=key,
            lowerBound=str(low),
            upperBound=str(high),
            numPartitions=str(self._partitions),
        )
        return self._load(options)

    def dimension(self, warehouse: Database, name: str, natural: str) -> DataFrame:
        query = (
            f"SELECT {name}_key, {natural} AS {name}_id_of, valid_from AS {name}_from, valid_to AS {name}_to"  # noqa: S608
            f" FROM {warehouse.schema}.dim_{name}"
        )
        return self._load(warehouse.jdbc(dbtable=f"({query}) AS t", fetchsize="10000"))

    def _load(self, options: dict[str, str]) -> DataFrame:
        binary = options | {"url": options["url"] + "?prepareThreshold=-1"}
        return self._spark.read.format("jdbc").options(**binary).load()


def main() -> None:
    source, warehouse = databases()
    spark = SparkSession.builder.appName("tuned fact_sales").getOrCreate()
    cores = spark.sparkContext.defaultParallelism
    spark.conf.set("spark.sql.shuffle.partitions", str(4 * cores))
    reader = Reader(spark, 4 * cores)
    payment = reader.extract(
        source, "payment", "payment_id, customer_id, staff_id, rental_id, amount, payment_date"
    )
    rental = reader.extract(source, "rental", "rental_id, inventory_id, rental_date, return_date")
    inventory = reader.extract(source, "inventory", "inventory_id, film_id, store_id")
    facts = payment.join(rental, "rental_id", how="left").join(inventory, "inventory_id", how="left")
    naturals = {"customer": "customer_id", "staff": "staff_id", "store": "store_id", "movie": "film_id"}
    for name, natural in naturals.items():
        members = F.broadcast(reader.dimension(warehouse, name, natural))
        is_valid = (F.col("payment_date") >= F.col(f"{name}_from")) & (F.col("payment_date") < F.col(f"{name}_to"))
        facts = facts.join(members, (F.col(natural) == F.col(f"{name}_id_of")) & is_valid, how="left")
    open_rental = F.col("rental_date").isNotNull() & F.col("return_date").isNull()
    rows = facts.select(
        F.col("payment_id").cast("bigint").alias("sales_key"),
        date_key("payment_date").alias("payment_date_key"),
        date_key("rental_date").alias("rental_date_key"),
        F.when(open_rental, F.lit(-2)).otherwise(date_key("return_date")).alias("return_date_key"),
        *(F.coalesce(f"{name}_key", F.lit(-1)).alias(f"{name}_key") for name in naturals),
        F.col("amount").alias("sales_amount"),
        F.col("rental_id").cast("bigint").alias("rental_id"),
        F.col("payment_date").alias("payment_ts"),
        F.lit(1).cast("bigint").alias("batch_id"),
    ).select(*COLUMNS)
    execute(warehouse, *FRESH)
    batched = {"url": warehouse.url + "?reWriteBatchedInserts=true", "batchsize": "10000"}
    target = warehouse.jdbc(dbtable=f"{warehouse.schema}.fact_sales") | batched
    rows.write.format("jdbc").options(**target).mode("append").save()
    execute(warehouse, *KEYS)
    spark.stop()


if __name__ == "__main__":
    main()
