"""Shared by the five scripts of the plain design: whole tables are read and written by JDBC."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from benchmarks.contenders.star import Database, databases

LOCATION = ("address", "address2", "district", "city", "country", "postal_code", "phone")


class Plain:
    """A Spark session and both databases."""

    def __init__(self, name: str) -> None:
        self.source, self.warehouse = databases()
        self.spark = SparkSession.builder.appName(f"plain {name}").getOrCreate()

    def extract(self, table: str) -> DataFrame:
        """Read a table of the source."""
        return self._read(self.source, table)

    def dimension(self, table: str) -> DataFrame:
        """Read a table of the warehouse."""
        return self._read(self.warehouse, table)

    def locations(self) -> DataFrame:
        """Addresses with their city and country."""
        return (
            self.extract("address")
            .join(self.extract("city").drop("last_update"), "city_id", how="left")
            .join(self.extract("country").drop("last_update"), "country_id", how="left")
            .select("address_id", *LOCATION)
        )

    def append(self, frame: DataFrame, table: str) -> None:
        """Append a frame to a table of the warehouse."""
        target = self.warehouse.jdbc(dbtable=f"{self.warehouse.schema}.{table}")
        frame.write.format("jdbc").options(**target).mode("append").save()

    def append_members(self, frame: DataFrame, table: str, natural_key: str, tracked: Sequence[str]) -> None:
        """Append to a dimension: keys in the order of the natural key, one open version per member."""
        key = table.replace("dim_", "") + "_key"
        numbered = frame.withColumn(key, F.row_number().over(Window.orderBy(natural_key)).cast("bigint"))
        versions = numbered.withColumns(
            {
                "valid_from": F.lit("1900-01-01").cast("timestamp"),
                "valid_to": F.lit("9999-12-31").cast("timestamp"),
                "is_current": F.lit(True),
                "is_deleted": F.lit(False),
                "is_inferred": F.lit(False),
                "row_hash": F.md5(F.concat_ws("|", *tracked)),
                "batch_id": F.lit(1).cast("bigint"),
            }
        )
        self.append(versions, table)

    def _read(self, database: Database, table: str) -> DataFrame:
        options = database.jdbc(dbtable=f"{database.schema}.{table}")
        return self.spark.read.format("jdbc").options(**options).load()
