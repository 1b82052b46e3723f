"""Pure: the batches of a partition as Sail takes them, at most 16 however large the table is."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

#: Sail 0.7.2 buffers this many batches of a partition. When the buffer is full, it waits with Python's lock held, and
#: the consumer needs that lock: a deadlock.
MOST = 16
#: So many are passed on as they come, without a copy; then each has to be twice as large as the one before.
AS_THEY_COME = 8


def at_most_16(batches: "Iterable[pa.RecordBatch]", size: int = 16 << 20) -> "Iterator[pa.RecordBatch]":
    """The same rows in the same order. size: a usual batch's, in bytes; 15 of the batches hold 262 times as much."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    held = number = 0
    for batch in batches:
        waiting.append(batch)
        held += batch.nbytes
        if number < AS_THEY_COME:
            yield batch
        elif number < MOST - 1 and held >= size << (number - AS_THEY_COME + 1):
            yield pa.concat_batches(waiting)
        else:
            continue
        waiting, held, number = [], 0, number + 1
    if waiting:
        yield pa.concat_batches(waiting)
