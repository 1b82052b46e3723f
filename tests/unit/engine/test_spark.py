"""What Spark keeps in memory for a join."""

import pytest

from dvdrental_etl.engine import session
from dvdrental_etl.engine.spark import broadcast_bytes
from dvdrental_etl.limits import MEGABYTE, Limits


@pytest.mark.parametrize(
    ("heap", "allowed"),
    [(450, 50), (1440, 160), (64_000, 160)],
)
def test_a_table_is_broadcast_up_to_a_ninth_of_the_heap(heap, allowed):
    assert broadcast_bytes(Limits(broadcast_bytes=160 * MEGABYTE), heap * MEGABYTE) == allowed * MEGABYTE


def test_the_heap_is_the_drivers(spark):
    """The tests' JVM is started without a size: that is 1 GB in Spark, or a quarter of the machine."""
    assert session.heap_bytes(spark) > 400 * MEGABYTE
