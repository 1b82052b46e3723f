"""Validated rows leave Spark as Arrow batches: from the executors, or from the driver if they are few.

copy.py and parquet.py are the sinks: PostgreSQL's COPY, and files on S3 for Redshift's.
"""

import gc
import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from dvdrental_etl.engine.base import Engine, T
from dvdrental_etl.limits import Limits
from dvdrental_etl.model.targets import Target
from dvdrental_etl.staging.results import Reject, RuleWarning, Staged
from dvdrental_etl.staging.validate import REJECT, WARNED, validated, warning_rules

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

#: What a task reports of what it sent. A receipt has one of: a sink's values; a rejected row; a warning; counts.
COUNTS = "staged", "keyed", "rejected", "warned"
RECEIPT = {
    **dict.fromkeys(COUNTS, "bigint"),
    **dict.fromkeys(("key", "rule", "name", "value", "row", "url", "bounds"), "string"),
    "length": "bigint",
    "csv": "binary",
}
Receipt = Mapping[str, Any]

#: Sends good rows on, in the process where they are, and yields the values of its receipts.
Sink = Callable[[Iterator["pa.RecordBatch"]], Iterator[Mapping[str, Any]]]


@dataclass(frozen=True)
class Outgoing:
    """A frame on its way to the warehouse. rows: about how many it has; few are sent by the driver."""

    frame: "DataFrame"
    target: Target
    rows: int
    limits: Limits
    engine: Engine

    def share(self, value: T) -> Callable[[], T]:
        """Give a value to all workers; the function returns it there."""
        return self.engine.share(self.frame.sparkSession, value)

    def send(self, sink: Sink) -> list[Any]:
        """Send the good rows to the sink; the receipts of the tasks that succeeded."""
        if self._are_few:
            return self._send_from_driver(sink)
        return self._send_from_executors(sink).collect()

    def send_task_by_task(self, sink: Sink) -> Iterator[Any]:
        """The same, one task's receipts at a time, for receipts that do not fit into memory together."""
        if self._are_few:
            return iter(self._send_from_driver(sink))
        return self._send_from_executors(sink).toLocalIterator()

    @property
    def _are_few(self) -> bool:
        return self.rows <= self.limits.rows_sent_by_driver

    def _send_from_executors(self, sink: Sink) -> "DataFrame":
        encode = self._encoder(sink)

        def in_worker(batches: Iterable["pa.RecordBatch"]) -> Iterator["pa.RecordBatch"]:
            yield from map(_as_batch, encode(batches))
            _freeze_imports()

        return validated(self.frame, self.target).mapInArrow(
            in_worker, ", ".join(map(" ".join, RECEIPT.items()))
        )

    def _send_from_driver(self, sink: Sink) -> list[Any]:
        from pyspark.sql import Row

        receipts = self._encoder(sink)(validated(self.frame, self.target).toArrow().to_batches())
        return [Row(**receipt) for receipt in receipts]

    def _encoder(self, sink: Sink) -> Callable[[Iterable["pa.RecordBatch"]], Iterator[Receipt]]:
        """What executors are sent: plain values instead of a target, whose classes they would have to load."""
        return partial(
            _encode,
            columns=tuple(column.name for column in self.target.staging),
            grain_key=self.target.grain_key,
            warnings=tuple((rule.column, rule.name) for rule in warning_rules(self.target)),
            most_rejects=self.limits.rejects_per_task,
            sink=sink,
        )


def staged(receipts: Sequence[Any], target: Target) -> Staged:
    """What receipts report in all."""
    severities = {(rule.column, rule.name): rule.severity for rule in target.all_rules}
    rejects = tuple(
        Reject(
            *(r.key, r.rule, r.name, r.value, json.loads(r.row)),
            severity=severities[r.name, r.rule],
        )
        for r in receipts
        if r.row is not None
    )
    warnings: dict[tuple[str, str], RuleWarning] = {}
    for r in receipts:
        if r.warned:
            before = warnings.get((r.name, r.rule), RuleWarning(r.name, r.rule, 0, r.key))
            example = min(before.example, r.key, key=int)
            warnings[r.name, r.rule] = RuleWarning(r.name, r.rule, before.rows + r.warned, example)
    return Staged(
        rows=sum(r.staged for r in receipts),
        rejected=sum(r.rejected for r in receipts),
        rejects=rejects,
        warnings=tuple(
            warnings[rule.column, rule.name]
            for rule in warning_rules(target)
            if (rule.column, rule.name) in warnings
        ),
        keyed=sum(r.keyed for r in receipts),
    )


def _encode(
    batches: Iterable["pa.RecordBatch"],
    *,
    columns: tuple[str, ...],
    grain_key: str,
    warnings: tuple[tuple[str, str], ...],
    most_rejects: int,
    sink: Sink,
) -> Iterator[Receipt]:
    """Good rows go to the sink; rejected rows and warnings become receipts."""
    import pyarrow.compute as pc

    counts = {"staged": 0, "rejected": 0}
    rejects: list[Mapping[str, Any]] = []
    warned: dict[int, tuple[int, int]] = {}

    def good_rows() -> Iterator["pa.RecordBatch"]:
        for batch in batches:
            rows, reject = batch.select(columns), batch.column(REJECT)
            if bad := reject.drop_null().to_pylist():
                counts["rejected"] += len(bad)
                rejects.extend(map(json.loads, bad[: most_rejects - len(rejects)]))
                batch = batch.filter(pc.is_null(reject))
                rows = batch.select(columns)
            if batch.column(WARNED).null_count < batch.num_rows:
                _count_warnings(batch, grain_key, warned)
            counts["staged"] += rows.num_rows
            if rows.num_rows:
                yield rows

    yield from map(_receipt, sink(good_rows()))
    yield from map(_receipt, rejects)
    for number, (rows, key) in warned.items():
        column, rule = warnings[number]
        yield _receipt({"warned": rows, "key": str(key), "rule": rule, "name": column})
    yield _receipt(counts)


@cache
def _freeze_imports() -> None:
    """Once in a worker: Spark collects garbage after each task, which costs 0.1 s for imported modules."""
    gc.freeze()


def _count_warnings(batch: "pa.RecordBatch", grain_key: str, warned: dict[int, tuple[int, int]]) -> None:
    """Add to each warning rule's rows, and keep the smallest key among them."""
    keys = batch.column(grain_key).to_pylist()
    for key, numbers in zip(keys, batch.column(WARNED).to_pylist(), strict=True):
        for number in map(int, numbers.split(",") if numbers else ()):
            rows, example = warned.get(number, (0, key))
            warned[number] = rows + 1, min(example, key)


def _receipt(values: Mapping[str, Any]) -> Receipt:
    return {**dict.fromkeys(RECEIPT), **dict.fromkeys(COUNTS, 0), **values}


def _as_batch(receipt: Receipt) -> "pa.RecordBatch":
    """A batch of one row. Made of its buffers: all else in pyarrow imports pandas, 0.2 s in each worker."""
    import pyarrow as pa

    def column(value: Any, kind: pa.DataType) -> pa.Array:
        if value is None:
            return pa.nulls(1, kind)
        if kind == pa.int64():
            buffers = [struct.pack("=q", value)]
        else:
            data = value.encode() if isinstance(value, str) else value
            buffers = [struct.pack("=ii", 0, len(data)), data]
        return pa.Array.from_buffers(kind, 1, [None, *map(pa.py_buffer, buffers)])

    types = {"bigint": pa.int64(), "string": pa.string(), "binary": pa.binary()}
    columns = [column(receipt[name], types[kind]) for name, kind in RECEIPT.items()]
    return pa.RecordBatch.from_arrays(columns, names=list(RECEIPT))
