"""Rows are validated in Spark: rules as column expressions, and row_hash for a dimension."""

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from dvdrental_etl.model.contract import Column
from dvdrental_etl.model.row_hash import row_hash_sql
from dvdrental_etl.model.rules import Rule, Severity
from dvdrental_etl.model.targets import ROW_HASH, Scd2Dimension, Target

if TYPE_CHECKING:
    from pyspark.sql import Column as Expression
    from pyspark.sql import DataFrame

#: What is found of a row: why it is rejected, as JSON; and the numbers of the warning rules that it breaks.
REJECT, WARNED = "reject", "warned"


def validated(frame: "DataFrame", target: Target) -> "DataFrame":
    """The frame in the order of staging, with row_hash for a dimension, REJECT and WARNED."""
    from pyspark.sql import functions as F

    if isinstance(target, Scd2Dimension):
        frame = frame.withColumn(ROW_HASH.name, F.expr(row_hash_sql(target)))
    rejecting = [rule for rule in target.all_rules if rule.severity is not Severity.WARN]
    record = F.struct(
        F.col(target.grain_key).cast("string").alias("key"),
        "found.*",
        F.to_json(F.struct(*(_plain(c.name, c.type).alias(c.name) for c in target.staging))).alias("row"),
    )
    days = {column.name for column in target.staging if column.type == "date"}
    broken = (_broken(rule, is_day=rule.column in days) for rule in rejecting)
    return frame.withColumn("found", F.coalesce(*broken)).select(
        # A good row's value fits: a rule has seen it. That of a rejected row need not.
        *(
            F.col(c.name).try_cast(c.spark_type) if _is_wide(frame, c) else F.col(c.name)
            for c in target.staging
        ),
        F.when(F.col("found").isNotNull(), F.to_json(record)).alias(REJECT),
        _warned(target).alias(WARNED),
    )


def _plain(name: str, declared: str) -> "Expression":
    """A value in JSON. How an engine writes a time, a day or a number with decimals is its own."""
    from pyspark.sql import functions as F

    match declared.split("(")[0]:
        case "timestamp":
            return F.date_format(name, "yyyy-MM-dd'T'HH:mm:ss.SSS")
        case "date":
            return _unsigned(F.col(name))
        case "numeric":
            return F.col(name).cast("string")
    return F.col(name)


def _unsigned(day: "Expression") -> "Expression":
    """A day as text. Spark writes a plus before a year of five digits."""
    from pyspark.sql import functions as F

    return F.ltrim(day.cast("string"), F.lit("+"))


def _is_wide(frame: "DataFrame", column: Column) -> bool:
    return frame.schema[column.name].dataType.simpleString() != column.spark_type


def warning_rules(target: Target) -> list[Rule]:
    """The rules whose numbers stand in WARNED."""
    return [rule for rule in target.all_rules if rule.severity is Severity.WARN]


def _broken(rule: Rule, *, is_day: bool) -> "Expression":
    """What to record of a row that breaks the rule, else NULL."""
    from pyspark.sql import functions as F

    value = F.col(rule.column)
    record = F.struct(
        F.lit(rule.name).alias("rule"),
        F.lit(rule.column).alias("name"),
        (_unsigned(value) if is_day else value.cast("string")).alias("value"),
    )
    return F.when(F.expr(rule.breaks), record)


def _warned(target: Target) -> "Expression":
    """The numbers of the warning rules that a row breaks, joined by commas; NULL for most rows."""
    from pyspark.sql import functions as F

    breaks = [F.coalesce(F.expr(rule.breaks), F.lit(False)) for rule in warning_rules(target)]
    numbers = F.concat_ws(",", *(F.when(broken, F.lit(str(n))) for n, broken in enumerate(breaks)))
    return F.when(reduce(or_, breaks), numbers) if breaks else F.lit(None).cast("string")
