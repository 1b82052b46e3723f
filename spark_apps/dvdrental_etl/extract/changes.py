"""What of the source a load has to read: everything, or what changed since the last published load.

Two signs show a change, and neither needs a column of the source:
- The transaction that wrote a row (xmin) is not older than the horizon of the last snapshot: the row was inserted or
  updated, however late its transaction committed.
- The keys of a range are not those that the last load counted: rows were deleted, or came in another way, such as an
  attached partition.

A change of a table is then followed, along the columns that transform() joins on, to the rows of the grain that it
affects. These rows are read whole, with all that they are joined to.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dvdrental_etl.db.names import quoted
from dvdrental_etl.extract import catalog
from dvdrental_etl.extract.catalog import Catalog
from dvdrental_etl.extract.source import Source
from dvdrental_etl.limits import Limits
from dvdrental_etl.model.key_ranges import ALL_KEYS, KeySpan, RangeCounts, changed_spans, row_count
from dvdrental_etl.model.source_tables import SourceTable

#: Transaction ids are compared within half of their circle of 2^32, less a margin for vacuum.
COMPARABLE_TRANSACTIONS = 2**31 - 50_000_000
#: Transaction ids 0 to 2 are reserved.
FIRST_TRANSACTION = 3


@dataclass(frozen=True)
class Watermark:
    """What the last published load of a table saw of the source.

    quarantined: keys of the grain that did not pass the gate then, and are read again.
    """

    horizon: int
    identity: str
    code_digest: str
    full_as_of: dt.datetime
    counts: Mapping[str, RangeCounts]
    quarantined: Sequence[int]


@dataclass(frozen=True)
class Extent:
    """What a load reads.

    keys: by table, the keys to read; None for everything. spans: keys of the grain that are not read there were
    deleted. reason: for the log and etl_load.extent.
    """

    keys: Mapping[str, Sequence[int]] | None
    spans: Sequence[KeySpan]
    reason: str

    @property
    def is_full(self) -> bool:
        """Whether everything is read and compared."""
        return self.keys is None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read."""
        return self.keys is not None and not any(self.keys.values())


@dataclass(frozen=True)
class Changes:
    """What was found of each source table, by name.

    written: keys of rows that were written since the watermark. counts: its key ranges as they are now.
    """

    written: Mapping[str, Sequence[int]]
    counts: Mapping[str, RangeCounts]


def everything(why: str) -> Extent:
    """All rows; every key that is not among them was deleted."""
    return Extent(None, (ALL_KEYS,), f"everything: {why}")


def reason_for_full(
    source: Source, found: Catalog, watermark: Watermark, as_of: dt.datetime, limits: Limits
) -> str | None:
    """Why reading the changes since the watermark is not enough; None if it is, as far as is known beforehand."""
    if (identity := catalog.identity(source, found)) != watermark.identity:
        was = watermark.identity
        return f"the source, or a column of it, was replaced or restored (it was {was}, it is {identity})"
    passed = source.snapshot.next_transaction - watermark.horizon
    if not 0 <= passed < COMPARABLE_TRANSACTIONS:
        return f"the source was restored, or not loaded for long: {passed} transactions have passed"
    if without := found.without_xmin:
        return (
            f"rows of {', '.join(without)} do not name the transaction that wrote them"
            " (a view, or a role without SELECT on xmin)"
        )
    # Where the source's clock was ahead by more than that, and is right again, as_of lies as far before.
    if abs(as_of - watermark.full_as_of) >= dt.timedelta(days=limits.days_between_full):
        return f"the last time was {watermark.full_as_of}"
    return None


def written_since(source: Source, table: SourceTable, horizon: int, most: int) -> list[int]:
    """Keys of the rows that a transaction not older than the horizon inserted or updated. One scan.

    most: with more than that many keys, some of them. DISTINCT would make PostgreSQL walk an index.

    age() counts backwards on the circle of transaction ids. A row frozen longer ago than half the circle may seem
    recent: it is then read without need.
    """
    newest_ended = max(horizon % 2**32, FIRST_TRANSACTION)
    rows = source.rows(
        f"SELECT {quoted(table.key)} FROM {source.name(table.name)}"
        f" WHERE age(xmin) <= (SELECT age(CAST(%s AS xid))) AND {quoted(table.key)} IS NOT NULL LIMIT %s",
        (str(newest_ended), most + 1),
    )
    return [key for (key,) in rows]


def affected(
    source: Source, tables: Sequence[SourceTable], watermark: Watermark, found: Changes, limits: Limits
) -> Extent:
    """The rows of the grain that the changes affect, where reading those is cheap; else everything."""
    spans = {t.name: changed_spans(watermark.counts.get(t.name, {}), found.counts[t.name]) for t in tables}
    seen = ", ".join(
        f"{len(found.written[t.name])} rows and {len(spans[t.name])} key ranges of {t.name}" for t in tables
    )
    if any(len(keys) > limits.changed_keys for keys in found.written.values()):
        return everything(f"much has changed: {seen}")
    keys = {name: set(written) for name, written in found.written.items()}
    grain, *others = tables
    by_name = {table.name: table for table in tables}
    for table in reversed(others):  # from the outermost joins to the grain: which rows does a change affect?
        upper, column = _joined_on(table, by_name)
        keys[upper.name] |= _values(source, upper, (upper.key, column), keys[table.name], spans[table.name])
    keys[grain.name] |= _values(source, grain, (grain.key, grain.key), (), spans[grain.name])
    keys[grain.name] |= set(watermark.quarantined)
    most = min(limits.changed_keys, int(row_count(found.counts[grain.name]) * limits.changed_share))
    if len(keys[grain.name]) > max(limits.few_keys, most):
        return everything(f"much has changed: {seen}")
    for table in others:  # and back: which other rows are these joined to?
        upper, column = _joined_on(table, by_name)
        keys[table.name] = _values(source, upper, (column, upper.key), keys[upper.name], ())
    listed = {name: sorted(wanted) for name, wanted in keys.items()}
    return Extent(listed, spans[grain.name], f"changes: {seen}")


def _joined_on(table: SourceTable, by_name: Mapping[str, SourceTable]) -> tuple[SourceTable, str]:
    """The table that this one is joined to, and the column there that equals its key."""
    assert table.joined_on, f"{table.name} is not joined to the grain"
    upper, column = table.joined_on.split(".")
    return by_name[upper], column


def _values(
    source: Source,
    table: SourceTable,
    columns: tuple[str, str],
    keys: Iterable[int],
    spans: Sequence[KeySpan],
) -> set[int]:
    """The distinct values of the first column in the rows whose second column is among keys, or within spans."""
    listed = sorted(keys)
    name, value, found = source.name(table.name), quoted(columns[0]), quoted(columns[1])
    result: set[int] = set()
    if listed:
        rows = source.rows(
            f"SELECT DISTINCT {value} FROM {name}"
            f" WHERE {found} = ANY(CAST(%s AS bigint[])) AND {value} IS NOT NULL",
            (listed,),
        )
        result |= {number for (number,) in rows}
    if spans:
        lows, highs = zip(*spans, strict=True)
        rows = source.rows(
            f"SELECT DISTINCT t.{value} FROM unnest(CAST(%s AS bigint[]), CAST(%s AS bigint[])) AS span (low, high)"
            f" JOIN {name} t ON t.{found} BETWEEN span.low AND span.high WHERE t.{value} IS NOT NULL",
            (list(lows), list(highs)),
        )
        result |= {number for (number,) in rows}
    return result
