"""Write dags/dvdrental/lineage.json: `python -m tools.generate_lineage`, with spark_apps on PYTHONPATH.

For each table of the star, the columns that each of its columns is made of. They follow from the plan that Spark makes
of transform(), and from what the publish adds to it as the TARGET says. A task of the DAG sends them to OpenLineage.
"""

import json
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from dvdrental_etl.model.contract import columns_of
from dvdrental_etl.model.source_tables import SourceTable
from dvdrental_etl.model.targets import CHANGED_AT, ROW_HASH, Fact, Scd2Dimension

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "dags" / "dvdrental" / "lineage.json"
IDENTITY, TRANSFORMATION = "IDENTITY", "TRANSFORMATION"

#: "source.city.city" or "warehouse.dim_store.store_key" -> whether the value is taken as it is, or made of it.
Origins = dict[str, str]


def origins(frame: DataFrame) -> dict[str, Origins]:
    """Column of a frame -> the columns of `source_frame`s that it is made of."""
    plan = frame._jdf.queryExecution().analyzed()
    read: dict[int, str] = {}
    made: dict[int, Any] = {}
    for node in _nodes(plan):
        if not node.children().size():
            read |= {column.exprId().id(): column.name() for column in _each(node.output())}
        made |= {one.exprId().id(): one for one in _each(node.expressions()) if _kind(one) == "Alias"}

    def of(number: int) -> Origins:
        if number in read:
            return {f"source.{read[number]}": IDENTITY}
        alias = made[number]  # a KeyError: a kind of plan whose columns are not understood here yet
        found: Origins = {}
        for column in _each(alias.references().toSeq()):
            for name, how in of(column.exprId().id()).items():
                is_same = how == IDENTITY and _kind(alias.child()) == "AttributeReference"
                found[name] = IDENTITY if is_same else TRANSFORMATION
        return found

    return {column.name(): of(column.exprId().id()) for column in _each(plan.output())}


def source_frame(spark: SparkSession, table: SourceTable) -> DataFrame:
    """A source table without rows. Below, its columns have the table's name, by which a plan tells them apart."""
    schema = StructType.fromDDL(table.columns)
    assert isinstance(schema, StructType)
    names = schema.names
    for field in schema.fields:
        field.name = f"{table.name}.{field.name}"
    return spark.createDataFrame([], StructType(schema.fields)).toDF(*names)


def published(target: Scd2Dimension | Fact, frame: dict[str, Origins]) -> dict[str, Origins]:
    """Column of a published table -> what it is made of. Columns that the warehouse gives itself have no origin."""
    added: dict[str, Origins] = {}
    if isinstance(target, Scd2Dimension):
        tracked = [name for column in target.tracked for name in frame[column]]
        added["valid_from"] = dict.fromkeys(frame[CHANGED_AT.name], TRANSFORMATION)
        added[ROW_HASH.name] = dict.fromkeys(tracked, TRANSFORMATION)
    else:
        for lookup in target.lookups:
            member = f"warehouse.{lookup.dimension}."
            found_by = {**frame[lookup.natural_key], member + lookup.natural_key: IDENTITY}
            key = {f"{member}{columns_of(lookup.dimension)[0].name}": IDENTITY}
            added[lookup.key] = dict.fromkeys(found_by, TRANSFORMATION) | key
    known = frame | added
    return {
        column.name: dict(sorted(known.get(column.name, {}).items())) for column in columns_of(target.table)
    }


def lineage_of(spark: SparkSession, script: ModuleType) -> dict[str, Any]:
    """What one script reads and writes: columns with their types, and the origins of those that it writes."""
    frame = script.transform(*(source_frame(spark, table) for table in script.SOURCES))
    target = script.TARGET
    dimensions = {lookup.dimension for lookup in getattr(target, "lookups", ())}
    return {
        "source": {
            table.name: {name: "".join(kind) for name, kind in table.types.items()}
            for table in script.SOURCES
        },
        "warehouse": {name: _types(name) for name in sorted({*dimensions, target.table})},
        "origins": published(target, origins(frame)),
    }


def text(spark: SparkSession, spark_apps: Path = ROOT / "spark_apps") -> str:
    """The file."""
    scripts = [import_module(path.stem) for path in sorted(spark_apps.glob("load_*.py"))]
    tables = {script.TARGET.table: lineage_of(spark, script) for script in scripts}
    return json.dumps(tables, indent=1) + "\n"


def _types(table: str) -> dict[str, str]:
    return {column.name: column.type for column in columns_of(table)}


def _nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for child in _each(plan.children()):
        yield from _nodes(child)


def _each(sequence: Any) -> Iterator[Any]:
    """The elements of a Scala sequence."""
    return (sequence.apply(index) for index in range(sequence.size()))


def _kind(expression: Any) -> str:
    return str(expression.getClass().getSimpleName())


if __name__ == "__main__":
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    with builder.config("spark.log.level", "ERROR").getOrCreate() as session:
        FILE.write_text(text(session), encoding="utf-8")
