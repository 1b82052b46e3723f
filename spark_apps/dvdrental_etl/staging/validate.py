"""Rows are validated in Spark: rules as SQL expressions, and row_hash for a dimension.

All of it is text: a call of Python to Java for each part of an expression would take longer than a small load's rows.
"""

from typing import TYPE_CHECKING

from dvdrental_etl.model.contract import Column
from dvdrental_etl.model.row_hash import row_hash_sql
from dvdrental_etl.model.rules import Rule, Severity
from dvdrental_etl.model.targets import ROW_HASH, Scd2Dimension, Target

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: What is found of a row: why it is rejected, as JSON; and the numbers of the warning rules that it breaks.
REJECT, WARNED = "reject", "warned"


def validated(frame: "DataFrame", target: Target) -> "DataFrame":
    """The frame in the order of staging, with row_hash for a dimension, REJECT and WARNED."""
    if isinstance(target, Scd2Dimension):
        frame = frame.selectExpr("*", f"{row_hash_sql(target)} AS {ROW_HASH.name}")
    types = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
    days = {column.name for column in target.staging if column.type == "date"}
    rejecting = [rule for rule in target.all_rules if rule.severity is not Severity.WARN]
    broken = ", ".join(_broken(rule, is_day=rule.column in days) for rule in rejecting)
    return frame.selectExpr("*", f"coalesce({broken}) AS found").selectExpr(
        # A good row's value fits: a rule has seen it. That of a rejected row need not.
        *(
            c.name if types[c.name] == c.spark_type else f"try_cast({c.name} AS {c.spark_type}) AS {c.name}"
            for c in target.staging
        ),
        f"CASE WHEN found IS NOT NULL THEN {_reject(target)} END AS {REJECT}",
        f"{_warned(target)} AS {WARNED}",
    )


def _literal(text: str) -> str:
    """A text in Spark SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _reject(target: Target) -> str:
    """What is recorded of a rejected row, as JSON."""
    row = ", ".join(f"{_literal(c.name)}, {_plain(c)}" for c in target.staging)
    return (
        f"to_json(named_struct('key', CAST({target.grain_key} AS string), 'rule', found.rule, 'name', found.name,"
        f" 'value', found.value, 'row', to_json(named_struct({row}))))"
    )


def _plain(column: Column) -> str:
    """A value in JSON. How an engine writes a time, a day or a number with decimals is its own."""
    match column.type.split("(")[0]:
        case "timestamp":
            pattern = _literal("yyyy-MM-dd'T'HH:mm:ss.SSS")
            return f"date_format({column.name}, {pattern})"
        case "date":
            return _unsigned(column.name)
        case "numeric":
            return f"CAST({column.name} AS string)"
    return column.name


def _unsigned(day: str) -> str:
    """A day as text. Spark writes a plus before a year of five digits."""
    return f"ltrim('+', CAST({day} AS string))"


def warning_rules(target: Target) -> list[Rule]:
    """The rules whose numbers stand in WARNED."""
    return [rule for rule in target.all_rules if rule.severity is Severity.WARN]


def _broken(rule: Rule, *, is_day: bool) -> str:
    """What to record of a row that breaks the rule, else NULL."""
    value = _unsigned(rule.column) if is_day else f"CAST({rule.column} AS string)"
    record = f"named_struct('rule', {_literal(rule.name)}, 'name', {_literal(rule.column)}, 'value', {value})"
    return f"CASE WHEN {rule.breaks} THEN {record} END"


def _warned(target: Target) -> str:
    """The numbers of the warning rules that a row breaks, joined by commas; NULL for most rows."""
    breaks = [rule.breaks for rule in warning_rules(target)]
    if not breaks:
        return "CAST(NULL AS string)"
    numbers = ", ".join(f"CASE WHEN {broken} THEN '{number}' END" for number, broken in enumerate(breaks))
    either = " OR ".join(f"({broken})" for broken in breaks)
    return f"CASE WHEN {either} THEN concat_ws(',', {numbers}) END"
