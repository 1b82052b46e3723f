"""Rows leave Spark as Arrow batches and enter the warehouse's staging table by COPY, straight from the executors."""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dvdrental_etl.quality import Reject, Warned
from dvdrental_etl.rules import Rule, Severity, rules
from dvdrental_etl.targets import ROW_HASH, Scd2Dimension, Target

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

#: Beyond this many rejects a task only counts: the gate refuses such a load anyway.
MOST_REJECTS_PER_TASK = 20_000
VERDICT = ("reject_key", "reject_rule", "reject_column", "reject_value", "reject_row")
WARNING = "warning_"
RECEIPT = (
    "staged bigint, rejected bigint, warned bigint, key string, rule string, name string, value string,"
    " row string, csv binary"
)


@dataclass(frozen=True)
class Staged:
    """What a stage did: rows that landed, rows that broke a rule, those rows, and what it warns of."""

    rows: int = 0
    rejected: int = 0
    rejects: tuple[Reject, ...] = ()
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True)
class CopyTarget:
    """Where executors COPY to. libpq holds a password: it travels in the task's own bytes and is never shown."""

    libpq: dict[str, Any]
    statement: str

    def __repr__(self) -> str:
        return f"CopyTarget({self.statement!r})"


def judged(frame: "DataFrame", target: Target) -> "DataFrame":
    """The frame in the order of staging, with row_hash for a dimension, and why each broken row is rejected."""
    from pyspark.sql import functions as F

    if isinstance(target, Scd2Dimension):
        # JSON keeps (a, NULL, b) and (a, b, NULL) apart, which joined strings do not.
        tracked = F.to_json(F.struct(*target.tracked), {"ignoreNullFields": "false"})
        frame = frame.withColumn(ROW_HASH.name, F.md5(tracked))
    key = F.col(target.grain_key).cast("string")
    keep_out = [rule for rule in rules(target) if rule.severity is not Severity.WARN]
    columns = [column.name for column in target.staging]
    is_broken = F.col("found").isNotNull()
    return frame.withColumn("found", F.coalesce(*(_broken(rule) for rule in keep_out))).select(
        *columns,
        F.when(is_broken, key).alias("reject_key"),
        F.col("found.rule").alias("reject_rule"),
        F.col("found.name").alias("reject_column"),
        F.col("found.value").alias("reject_value"),
        F.when(is_broken, F.to_json(F.struct(*columns))).alias("reject_row"),
        *(
            F.when(~is_broken & F.expr(rule.breaks), key).alias(f"{WARNING}{number}")
            for number, rule in enumerate(_warning_rules(target))
        ),
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


def _warning_rules(target: Target) -> list[Rule]:
    return [rule for rule in rules(target) if rule.severity is Severity.WARN]


def stage(frame: "DataFrame", target: Target, copy_to: CopyTarget) -> Staged:
    """COPY the frame into staging from the executors, one transaction a task."""
    receipts = _encoded(frame, target, copy_to).collect()
    return _staged(receipts, target)


def stream(frame: "DataFrame", target: Target, take: Callable[[io.BufferedReader], None]) -> Staged:
    """Hand the frame's CSV to `take` in this process: for a dry run, which must not leave its own transaction."""
    receipts: list[Any] = []

    def chunks() -> Iterator[bytes]:
        for receipt in _encoded(frame, target, None).toLocalIterator():
            receipts.append(receipt)
            if receipt.csv is not None:
                yield bytes(receipt.csv)

    take(_reader(chunks()))
    return _staged(receipts, target)


def _staged(receipts: Sequence[Any], target: Target) -> Staged:
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
            before = warned.get((r.name, r.rule))
            warned[r.name, r.rule] = Warned(r.name, r.rule, r.warned + (before.rows if before else 0), r.key)
    landed, rejected = sum(r.staged for r in receipts), sum(r.rejected for r in receipts)
    return Staged(landed, rejected, rejects, tuple(warned.values()))


def _encoded(frame: "DataFrame", target: Target, copy_to: CopyTarget | None) -> "DataFrame":
    columns = tuple(column.name for column in target.staging)
    warnings = tuple((rule.column, rule.name) for rule in _warning_rules(target))

    def encode(batches: Iterable["pa.RecordBatch"]) -> Iterator["pa.RecordBatch"]:
        yield from _encode(batches, columns, warnings, copy_to)

    return judged(frame, target).mapInArrow(encode, RECEIPT)


def _encode(
    batches: Iterable["pa.RecordBatch"],
    columns: tuple[str, ...],
    warnings: tuple[tuple[str, str], ...],
    copy_to: CopyTarget | None,
) -> Iterator["pa.RecordBatch"]:
    """Runs in an executor: good rows go out as CSV; broken ones, and what to warn of, come back to the driver."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    counts = {"staged": 0, "rejected": 0}
    rejects: list[Mapping[str, Any]] = []
    warned: dict[int, tuple[int, str]] = {}
    options = csv.WriteOptions(include_header=False)

    def chunks() -> Iterator[bytes]:
        for batch in batches:
            good = pc.is_null(batch.column("reject_rule"))
            bad = batch.filter(pc.invert(good)).select(VERDICT).to_pylist()
            counts["rejected"] += len(bad)
            rejects.extend(bad[: MOST_REJECTS_PER_TASK - len(rejects)])
            for number in range(len(warnings)):
                if keys := batch.column(f"{WARNING}{number}").drop_null():
                    warned[number] = warned.get(number, (0, ""))[0] + len(keys), keys[0].as_py()
            rows = batch.select(columns) if not bad else batch.select(columns).filter(good)
            counts["staged"] += rows.num_rows
            if rows.num_rows:
                sink = io.BytesIO()
                csv.write_csv(rows, sink, options)
                yield sink.getvalue()

    if copy_to is None:
        for chunk in chunks():
            yield _receipt(pa, csv=chunk)
    else:
        _copy(chunks(), copy_to)
    for reject in rejects:
        yield _receipt(pa, **{name: reject[f"reject_{long}"] for name, long in _REJECT_FIELDS.items()})
    for number, (rows, key) in warned.items():
        column, rule = warnings[number]
        yield _receipt(pa, warned=rows, key=key, rule=rule, name=column)
    yield _receipt(pa, **counts)


_REJECT_FIELDS = {"key": "key", "rule": "rule", "name": "column", "value": "value", "row": "row"}


def _receipt(pa: Any, **values: Any) -> "pa.RecordBatch":
    text, number = pa.string(), pa.int64()
    schema = pa.schema(
        [("staged", number), ("rejected", number), ("warned", number)]
        + [(name, text) for name in _REJECT_FIELDS]
        + [("csv", pa.binary())]
    )
    return pa.RecordBatch.from_pylist([{"staged": 0, "rejected": 0, "warned": 0} | values], schema=schema)


def _copy(chunks: Iterator[bytes], copy_to: CopyTarget) -> None:
    """One COPY, one transaction: a task that fails or is killed leaves nothing behind."""
    import itertools

    import psycopg2

    first = next(chunks, None)
    if first is None:  # an empty partition needs no connection
        return
    connection = psycopg2.connect(**copy_to.libpq, connect_timeout=10, application_name="dvdrental-etl stage")
    try:
        with connection, connection.cursor() as cursor:
            cursor.copy_expert(copy_to.statement, _reader(itertools.chain([first], chunks)), size=1 << 20)
    finally:
        connection.close()


def _reader(chunks: Iterator[bytes]) -> io.BufferedReader:
    """Chunks of bytes as the file that COPY reads."""

    class Chunks(io.RawIOBase):
        rest = memoryview(b"")

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            while not self.rest:
                following = next(chunks, None)
                if following is None:
                    return 0
                self.rest = memoryview(following)
            taken = min(len(buffer), len(self.rest))
            buffer[:taken], self.rest = self.rest[:taken], self.rest[taken:]
            return taken

    return io.BufferedReader(Chunks(), buffer_size=1 << 20)
