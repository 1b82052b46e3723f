"""Sail gets few batches of a partition, with every row, in order."""

import pyarrow as pa
import pytest

from dvdrental_etl.engine.sail_batches import at_most_16

DOUBLED = [2, 4, 8, 16, 32, 64, 128]


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        (0, []),
        (1, [1]),
        (8, [1] * 8),
        (9, [1] * 9),
        (11, [*[1] * 8, 2, 1]),
        (262, [*[1] * 8, *DOUBLED]),
        (1000, [*[1] * 8, *DOUBLED, 738]),
    ],
)
def test_rows_that_come_one_by_one(rows: int, sizes: list[int]) -> None:
    given = [pa.record_batch({"number": pa.array([number], pa.int64())}) for number in range(rows)]
    taken = list(at_most_16(given, size=8))
    assert [batch.num_rows for batch in taken] == sizes
    assert [number for batch in taken for number in batch.column(0).to_pylist()] == list(range(rows))
