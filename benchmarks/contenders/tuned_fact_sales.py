"""Spark JDBC as its experts tune it: column lists, partitioned binary reads, broadcast dimensions, batched inserts."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.contenders.sales import keyed, rows
from benchmarks.contenders.star import CREATE_KEYS, NATURAL_KEYS, REPLACE_TABLE, Database, databases, execute


class Reader:
    """Reads over JDBC: binary from the first row, in chunks, in a number of partitions that suits the cores."""

    def __init__(self, spark: SparkSession, partitions: int) -> None:
        self._spark, self._partitions = spark, partitions

    def extract(self, source: Database, table: str, columns: str) -> DataFrame:
        """Columns of a table, partitioned by the first one, which is its key."""
        key, name = columns.split(",")[0], f"{source.schema}.{table}"
        ((low, high),) = execute(source, f"SELECT min({key}), max({key}) FROM {name}")
        partitioning = {
            "partitionColumn": key,
            "lowerBound": str(low),
            "upperBound": str(high),
            "numPartitions": str(self._partitions),
        }
        return self._load(source, f"SELECT {columns} FROM {name}", partitioning)

    def versions(self, warehouse: Database, name: str) -> DataFrame:
        """The keys of a dimension, broadcast to all executors."""
        query = (
            f"SELECT {name}_key, {NATURAL_KEYS[name]}, valid_from, valid_to"
            f" FROM {warehouse.schema}.dim_{name}"
        )
        return F.broadcast(self._load(warehouse, query, {}))

    def _load(self, database: Database, query: str, more: dict[str, str]) -> DataFrame:
        options = database.jdbc(dbtable=f"({query}) AS t", fetchsize="10000", **more)
        binary = {"url": database.url + "?prepareThreshold=-1"}
        return self._spark.read.format("jdbc").options(**options | binary).load()


def date_key(column: str) -> Column:
    """yyyyMMdd; -1 for NULL."""
    day = F.col(column)
    return F.coalesce(F.year(day) * 10000 + F.month(day) * 100 + F.dayofmonth(day), F.lit(-1))


def extract(reader: Reader, source: Database) -> DataFrame:
    """Payments with their rental and copy."""
    payment = reader.extract(
        source, "payment", "payment_id, customer_id, staff_id, rental_id, amount, payment_date"
    )
    rental = reader.extract(source, "rental", "rental_id, inventory_id, rental_date, return_date")
    inventory = reader.extract(source, "inventory", "inventory_id, film_id, store_id")
    return payment.join(rental, "rental_id", how="left").join(inventory, "inventory_id", how="left")


def main() -> None:
    """Load the table."""
    source, warehouse = databases()
    spark = SparkSession.builder.appName("tuned fact_sales").getOrCreate()
    partitions = 4 * spark.sparkContext.defaultParallelism
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    reader = Reader(spark, partitions)
    facts = extract(reader, source)
    for name in NATURAL_KEYS:
        facts = keyed(facts, reader.versions(warehouse, name), name)
    execute(warehouse, *REPLACE_TABLE)
    target = warehouse.jdbc(dbtable=f"{warehouse.schema}.fact_sales", batchsize="10000")
    batched = {"url": warehouse.url + "?reWriteBatchedInserts=true"}
    rows(facts, date_key).write.format("jdbc").options(**target | batched).mode("append").save()
    execute(warehouse, *CREATE_KEYS)
    spark.stop()


if __name__ == "__main__":
    main()
