"""The source's keys counted by range: a deletion changes the count or the hash sum of its range."""

from dvdrental_etl.db.names import quoted
from dvdrental_etl.extract.source import Source
from dvdrental_etl.model.contract import KEY_RANGE_BITS
from dvdrental_etl.model.key_ranges import RangeCount, RangeCounts, row_count
from dvdrental_etl.model.source_tables import SourceTable


def with_new_last_range(source: Source, table: SourceTable, before: RangeCounts) -> RangeCounts:
    """The counts as they are if keys changed only from the last range on, where a sequence puts new ones.

    Where the key has an index, this reads a range or two.
    """
    if not before:
        return {}
    last = max(before)
    kept = {number: count for number, count in before.items() if number != last}
    return {**kept, **_grouped(source, table, f" AND {quoted(table.key)} >= {last << KEY_RANGE_BITS}")}


def count(source: Source, table: SourceTable, expected: RangeCounts) -> RangeCounts:
    """The counts of all ranges of a table.

    expected: the result of with_new_last_range(). One scan that sums over all rows confirms it; grouping costs two or
    three times as much, and is done only where the sum differs.
    """
    if expected:
        [(rows, key_sum)] = source.rows(f"SELECT {_counted(source, table)}")
        if (rows, int(key_sum or 0)) == (row_count(expected), sum(one.key_sum for one in expected.values())):
            return expected
    return _grouped(source, table)


def _grouped(source: Source, table: SourceTable, where: str = "") -> RangeCounts:
    rows = source.rows(
        f"SELECT {_key(table)} >> {KEY_RANGE_BITS}, {_counted(source, table)}{where} GROUP BY 1"
    )
    return {number: RangeCount(rows, int(key_sum)) for number, rows, key_sum in rows}


def _counted(source: Source, table: SourceTable) -> str:
    """The select list and FROM clause that count the rows that have a key."""
    return (
        f"COUNT(*), SUM(hashint8extended({_key(table)}, 0))"
        f" FROM {source.name(table.name)} WHERE {quoted(table.key)} IS NOT NULL"
    )


def _key(table: SourceTable) -> str:
    return f"CAST({quoted(table.key)} AS bigint)"
