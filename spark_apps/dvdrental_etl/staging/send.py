"""Rows are judged in Spark, and leave it as Arrow batches from the executors, or the driver if they are few.

copies.py and files.py say where to.
"""

import gc
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, partial, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from dvdrental_etl.model.rules import Rule, Severity, rules
from dvdrental_etl.model.targets import ROW_HASH, Scd2Dimension, Target
from dvdrental_etl.pipeline.gate import Reject, Warned

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

#: Beyond this many rejects a task only counts: the gate refuses such a load anyway.
MOST_REJECTS_PER_TASK = 20_000
#: So few rows are sent by the driver: to start a Python worker takes a second, they take a tenth.
FEW_ROWS = 100_000
#: What is judged of a row: why it is rejected, as JSON, and the numbers of the rules that it is loaded in spite of.
REJECT, WARNED = "reject", "warned"
COUNTED = "staged", "keyed", "rejected", "warned"
RECEIPT = (
    "staged bigint, keyed bigint, rejected bigint, warned bigint, key string, rule string, name string, value string,"
    " row string, csv binary, url string, length bigint"
)


@dataclass(frozen=True)
class Staged:
    """What a stage did: rows that landed, rows that broke a rule, those rows, and what it warns of."""

    rows: int = 0
    rejected: int = 0
    rejects: tuple[Reject, ...] = ()
    warnings: tuple[Warned, ...] = ()
    #: Of the rows, how many are in the fact's table to come, with their surrogate keys.
    keyed: int = 0


#: Sends good rows on, where they are, and gives what to tell of it: values of a receipt.
Sink = Callable[[Iterator["pa.RecordBatch"]], Iterator[Mapping[str, Any]]]


def judged(frame: "DataFrame", target: Target) -> "DataFrame":
    """The frame in the order of staging, with row_hash for a dimension, and why each broken row is rejected."""
    from pyspark.sql import functions as F

    if isinstance(target, Scd2Dimension):
        # JSON keeps (a, NULL, b) and (a, b, NULL) apart, which joined strings do not.
        tracked = F.to_json(F.struct(*target.tracked), {"ignoreNullFields": "false"})
        frame = frame.withColumn(ROW_HASH.name, F.md5(tracked))
    columns = [column.name for column in target.staging]
    keep_out = [rule for rule in rules(target) if rule.severity is not Severity.WARN]
    told = F.struct(
        F.col(target.grain_key).cast("string").alias("key"),
        "found.*",
        F.to_json(F.struct(*columns)).alias("row"),
    )
    return frame.withColumn("found", F.coalesce(*map(_broken, keep_out))).select(
        *columns,
        F.when(F.col("found").isNotNull(), F.to_json(told)).alias(REJECT),
        _warned(target).alias(WARNED),
    )


def _broken(rule: Rule) -> "Column":
    """What to record of a row that breaks the rule, else NULL."""
    from pyspark.sql import functions as F

    record = F.struct(
        F.lit(rule.name).alias("rule"),
        F.lit(rule.column).alias("name"),
        F.col(rule.column).cast("string").alias("value"),
    )
    return F.when(F.expr(rule.breaks), record)


def _warned(target: Target) -> "Column":
    """The numbers of the warning rules that a row breaks, joined by commas; NULL for most rows."""
    from pyspark.sql import functions as F

    breaks = [F.coalesce(F.expr(rule.breaks), F.lit(False)) for rule in _warning_rules(target)]
    numbers = F.concat_ws(",", *(F.when(broken, F.lit(str(n))) for n, broken in enumerate(breaks)))
    return F.when(reduce(or_, breaks), numbers) if breaks else F.lit(None).cast("string")


def _warning_rules(target: Target) -> list[Rule]:
    return [rule for rule in rules(target) if rule.severity is Severity.WARN]


def send(frame: "DataFrame", target: Target, sink: Sink, expected: int) -> list[Any]:
    """Send the good rows of a judged frame to the sink, from the executors; the receipts of tasks that succeeded.

    expected: how many rows there are, about; few do not leave this process.
    """
    if expected <= FEW_ROWS:
        return _sent_from_here(frame, target, sink)
    return _sent(frame, target, sink).collect()


def send_one_by_one(frame: "DataFrame", target: Target, sink: Sink, expected: int) -> Iterator[Any]:
    """The same, task by task, for receipts that are too much at once."""
    if expected <= FEW_ROWS:
        return iter(_sent_from_here(frame, target, sink))
    return _sent(frame, target, sink).toLocalIterator()


def staged(receipts: Sequence[Any], target: Target) -> Staged:
    """What receipts say in all."""
    severities = {(rule.column, rule.name): rule.severity for rule in rules(target)}
    rejects = tuple(
        Reject(
            *(r.key, r.rule, r.name, r.value, json.loads(r.row, parse_float=Decimal)),
            severity=severities[r.name, r.rule],
        )
        for r in receipts
        if r.row is not None
    )
    warned: dict[tuple[str, str], Warned] = {}
    for r in receipts:
        if r.warned:
            before = warned.get((r.name, r.rule), Warned(r.name, r.rule, 0, r.key))
            example = min(before.example, r.key, key=int)
            warned[r.name, r.rule] = Warned(r.name, r.rule, before.rows + r.warned, example)
    landed, rejected = sum(r.staged for r in receipts), sum(r.rejected for r in receipts)
    return Staged(landed, rejected, rejects, tuple(warned.values()), sum(r.keyed for r in receipts))


def _sent(frame: "DataFrame", target: Target, sink: Sink) -> "DataFrame":
    encode = _encoder(target, sink)

    def in_worker(batches: Iterable["pa.RecordBatch"]) -> Iterator["pa.RecordBatch"]:
        yield from encode(batches)
        _keep_what_is_imported()

    return frame.mapInArrow(in_worker, RECEIPT)


def _sent_from_here(frame: "DataFrame", target: Target, sink: Sink) -> list[Any]:
    from pyspark.sql import Row

    found = _encoder(target, sink)(frame.toArrow().to_batches())
    return [Row(**receipt) for receipts in found for receipt in receipts.to_pylist()]


def _encoder(
    target: Target, sink: Sink
) -> Callable[[Iterable["pa.RecordBatch"]], Iterator["pa.RecordBatch"]]:
    """What executors are given of all that is here: no target, whose classes they would have to load."""
    columns = tuple(column.name for column in target.staging)
    warnings = tuple((rule.column, rule.name) for rule in _warning_rules(target))
    return partial(_encode, columns=columns, grain_key=target.grain_key, warnings=warnings, sink=sink)


def _encode(
    batches: Iterable["pa.RecordBatch"],
    columns: tuple[str, ...],
    grain_key: str,
    warnings: tuple[tuple[str, str], ...],
    sink: Sink,
) -> Iterator["pa.RecordBatch"]:
    """Good rows go to the sink; broken ones, and what to warn of, become receipts."""
    import pyarrow.compute as pc

    counts = {"staged": 0, "rejected": 0}
    rejects: list[Mapping[str, Any]] = []
    warned: dict[int, tuple[int, int]] = {}

    def good_rows() -> Iterator["pa.RecordBatch"]:
        for batch in batches:
            rows, reject = batch.select(columns), batch.column(REJECT)
            if bad := reject.drop_null().to_pylist():
                counts["rejected"] += len(bad)
                rejects.extend(map(json.loads, bad[: MOST_REJECTS_PER_TASK - len(rejects)]))
                batch = batch.filter(pc.is_null(reject))
                rows = batch.select(columns)
            if batch.column(WARNED).null_count < batch.num_rows:
                _count_warnings(batch, grain_key, warned)
            counts["staged"] += rows.num_rows
            if rows.num_rows:
                yield rows

    for sent in sink(good_rows()):
        yield _receipt(**sent)
    for reject in rejects:
        yield _receipt(**reject)
    for number, (rows, key) in warned.items():
        column, rule = warnings[number]
        yield _receipt(warned=rows, key=str(key), rule=rule, name=column)
    yield _receipt(**counts)


@cache
def _keep_what_is_imported() -> None:
    """Once in a worker: Spark has it look for garbage after each task, a tenth of a second for what is never any."""
    gc.freeze()


def _count_warnings(batch: "pa.RecordBatch", grain_key: str, warned: dict[int, tuple[int, int]]) -> None:
    """Add to what each warning rule counts: rows, and the smallest key among them."""
    keys = batch.column(grain_key).to_pylist()
    for key, numbers in zip(keys, batch.column(WARNED).to_pylist(), strict=True):
        for number in map(int, numbers.split(",") if numbers else ()):
            rows, example = warned.get(number, (0, key))
            warned[number] = rows + 1, min(example, key)


def _receipt(**values: Any) -> "pa.RecordBatch":
    import pyarrow as pa

    text, number = pa.string(), pa.int64()
    schema = pa.schema(
        [(name, number) for name in COUNTED]
        + [(name, text) for name in ("key", "rule", "name", "value", "row")]
        + [("csv", pa.binary()), ("url", text), ("length", number)]
    )
    return pa.RecordBatch.from_pylist([dict.fromkeys(COUNTED, 0) | values], schema=schema)
