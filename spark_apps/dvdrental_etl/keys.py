"""Pure: facts are given the surrogate keys of the versions that were valid at their event, in Spark."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dvdrental_etl.targets import Fact

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def keyed(facts: "DataFrame", target: Fact, versions: "Mapping[str, DataFrame]") -> "DataFrame":
    """The facts with a column more for each lookup, named like its key: -1 where there is no natural key.

    It is NULL for an early fact, whose member the dimension does not have yet. versions: by dimension, as
    extract.versions() gives them. Versions of a member neither overlap nor leave gaps, so that each join finds one
    row at most.
    """
    from pyspark.sql import functions as F

    for lookup in target.lookups:
        valid = versions[lookup.dimension].select(
            F.col(lookup.key).alias("found_key"),
            F.col(lookup.natural_key).alias("found_id"),
            "valid_from",
            "valid_to",
        )
        event, natural = F.col(target.event), F.col(lookup.natural_key)
        is_its = (natural == F.col("found_id")) & (F.col("valid_from") <= event) & (event < F.col("valid_to"))
        key = F.when(natural.isNull(), F.lit(-1).cast("bigint")).otherwise(F.col("found_key"))
        facts = (
            facts.join(F.broadcast(valid), is_its, how="left")
            .withColumn(lookup.key, key)
            .drop("found_key", "found_id", "valid_from", "valid_to")
        )
    return facts
