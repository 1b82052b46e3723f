"""What of the source a load has to read: all of it, or what changed since the last published load.

Two signs tell of a change, and neither needs a column of the source. The transaction that wrote a row (xmin) is not
older than the horizon of the last snapshot: the row is new or was updated, however late its transaction was committed.
And the keys of a range are not those that the last load counted: rows are gone, or came by other ways, such as an
attached partition. A change of a table is then followed, along the columns that transform() joins on, to the rows of
the grain that it shows in; these are read whole, with all that they are joined to.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dvdrental_etl.extract.source import Source, Table, quoted

#: A range holds 2^10 keys: a deletion costs the reading of one range, a table of a billion rows has a million of them.
RANGE_BITS = 10
#: So often everything is compared, to heal what no sign told of.
DAYS_BETWEEN_FULL = 7
#: Beyond these, reading everything is cheaper than reading by keys; a load of few rows is cheap either way.
MOST_KEYS, MOST_SHARE, FEW_KEYS = 1_000_000, 0.2, 20_000
#: Transaction ids are compared within half of their circle of 2^32, less what vacuum needs.
MOST_TRANSACTIONS = 2**31 - 50_000_000

Span = tuple[int, int]


@dataclass(frozen=True)
class Range:
    """The rows whose keys lie in one range: how many, and the sum of their keys' hashes."""

    rows: int
    key_sum: int


#: number of the range (key >> RANGE_BITS) -> its rows
Ranges = Mapping[int, Range]


@dataclass(frozen=True)
class Watermark:
    """What the last published load of a table saw of the source.

    quarantined: keys of the grain that did not pass the gate then, and are looked at again.
    """

    horizon: int
    identity: str
    code_digest: str
    full_as_of: dt.datetime
    ranges: Mapping[str, Ranges]
    quarantined: Sequence[int]


@dataclass(frozen=True)
class Extent:
    """What a load reads.

    keys: by table, the keys to read; None: everything. spans: where keys of the grain that are not read are gone.
    """

    keys: Mapping[str, Sequence[int]] | None
    spans: Sequence[Span]
    why: str

    @property
    def is_full(self) -> bool:
        return self.keys is None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read at all."""
        return self.keys is not None and not any(self.keys.values())


def everything(why: str) -> Extent:
    """All rows, and every key that is not among them is gone."""
    return Extent(None, ((-(2**63), 2**63 - 1),), f"everything: {why}")


def grown(source: Source, table: Table, then: Ranges) -> Ranges:
    """The ranges as they are if keys came or went only from the last one on, where a sequence puts new ones.

    Where the key has an index, this reads a range or two.
    """
    if not then:
        return {}
    last = max(then)
    before = {number: one for number, one in then.items() if number != last}
    return {**before, **_grouped(source, table, f" AND {quoted(table.key)} >= {last << RANGE_BITS}")}


def ranges(source: Source, table: Table, expected: Ranges) -> Ranges:
    """The ranges of a table at the source's moment.

    expected: what grown() says. One scan that sums over all tells whether that is so; to group takes two or three times
    as long.
    """
    if expected:
        [(rows, key_sum)] = source.rows(f"SELECT {_counted(source, table)}")
        if (rows, int(key_sum or 0)) == (row_count(expected), sum(one.key_sum for one in expected.values())):
            return expected
    return _grouped(source, table)


def _grouped(source: Source, table: Table, where: str = "") -> Ranges:
    rows = source.rows(f"SELECT {_key(table)} >> {RANGE_BITS}, {_counted(source, table)}{where} GROUP BY 1")
    return {number: Range(count, int(key_sum)) for number, count, key_sum in rows}


def _counted(source: Source, table: Table) -> str:
    """What a range holds, for a SELECT: of all rows that have a key."""
    return (
        f"COUNT(*), SUM(hashint8extended({_key(table)}, 0))"
        f" FROM {source.name(table.name)} WHERE {quoted(table.key)} IS NOT NULL"
    )


def _key(table: Table) -> str:
    return f"CAST({quoted(table.key)} AS bigint)"


def row_count(of_ranges: Ranges) -> int:
    """How many rows lie in the ranges."""
    return sum(one.rows for one in of_ranges.values())


def reason_for_all(
    source: Source, tables: Sequence[Table], mark: Watermark | None, as_of: dt.datetime, code_digest: str
) -> str | None:
    """Why what changed since the mark would not do; None if it does, as far as can be told before it is looked for."""
    if mark is None:
        return "nothing is loaded yet"
    if mark.code_digest != code_digest:
        return "the code has changed"
    if (identity := source.identity(tables)) != mark.identity:
        return f"the source was replaced or restored (it was {mark.identity}, it is {identity})"
    passed = source.snapshot.next_transaction - mark.horizon
    if not 0 <= passed < MOST_TRANSACTIONS:
        return f"the source was restored, or left alone for long: {passed} transactions have passed"
    if without := source.without_transactions(tables):
        return f"{', '.join(without)} cannot tell who wrote a row"
    if as_of - mark.full_as_of >= dt.timedelta(days=DAYS_BETWEEN_FULL):
        return f"the last time was {mark.full_as_of}"
    return None


def since(
    source: Source,
    tables: Sequence[Table],
    mark: Watermark,
    young: Mapping[str, Sequence[int]],
    now: Mapping[str, Ranges],
) -> Extent:
    """The rows of the grain that changes since the mark show in, where that is cheap; else everything.

    young: what written_since() gives of each table. now: what ranges() gives.
    """
    spans = {table.name: _differing(mark.ranges.get(table.name, {}), now[table.name]) for table in tables}
    seen = ", ".join(f"{len(young[t.name])} rows and {len(spans[t.name])} ranges of {t.name}" for t in tables)
    if any(len(found) > MOST_KEYS for found in young.values()):
        return everything(f"much has changed: {seen}")
    keys = {name: set(found) for name, found in young.items()}
    grain, *others = tables
    by_name = {table.name: table for table in tables}
    for table in reversed(others):  # from the leaves to the grain: where does a change show?
        upper, column = _joined_on(table, by_name)
        keys[upper.name] |= _values(source, upper, upper.key, column, keys[table.name], spans[table.name])
    keys[grain.name] |= _values(source, grain, grain.key, grain.key, (), spans[grain.name])
    keys[grain.name] |= set(mark.quarantined)
    most = min(MOST_KEYS, row_count(now[grain.name]) * MOST_SHARE)
    if len(keys[grain.name]) > max(FEW_KEYS, most):
        return everything(f"much has changed: {seen}")
    for table in others:  # and back: what else are these rows made of?
        upper, column = _joined_on(table, by_name)
        keys[table.name] = _values(source, upper, column, upper.key, keys[upper.name], ())
    return Extent(
        {name: sorted(found) for name, found in keys.items()}, spans[grain.name], f"changes: {seen}"
    )


def _differing(then: Ranges, now: Ranges) -> list[Span]:
    """The ranges whose keys are not the same any more; neighbours as one."""
    spans: list[Span] = []
    for number in sorted(number for number in {*then, *now} if then.get(number) != now.get(number)):
        low, high = number << RANGE_BITS, ((number + 1) << RANGE_BITS) - 1
        if spans and spans[-1][1] == low - 1:
            low = spans.pop()[0]
        spans.append((low, high))
    return spans


def written_since(source: Source, table: Table, horizon: int) -> list[int]:
    """Keys of the rows that were inserted or updated by a transaction not older than the horizon; one scan.

    There may be more where they are more than MOST_KEYS. To ask for distinct ones would have PostgreSQL walk an index.

    age() counts from now backwards on the circle of transaction ids. A row frozen longer ago than half the circle may
    seem young: it is then read for nothing. Ids 0 to 2 are not given to transactions.
    """
    youngest_old = max(horizon % 2**32, 3)
    rows = source.rows(
        f"SELECT {quoted(table.key)} FROM {source.name(table.name)}"
        f" WHERE age(xmin) <= (SELECT age(CAST(%s AS xid))) AND {quoted(table.key)} IS NOT NULL LIMIT %s",
        (str(youngest_old), MOST_KEYS + 1),
    )
    return [key for (key,) in rows]


def _joined_on(table: Table, by_name: Mapping[str, Table]) -> tuple[Table, str]:
    """The table that this one is joined to, and the column there that equals its key."""
    assert table.joined_on, f"{table.name} is not joined to the grain"
    upper, column = table.joined_on.split(".")
    return by_name[upper], column


def _values(
    source: Source, table: Table, wanted: str, column: str, keys: Iterable[int], spans: Sequence[Span]
) -> set[int]:
    """The distinct values of one column in the rows whose other column is among keys, or within spans."""
    listed = sorted(keys)
    name, value, found = source.name(table.name), quoted(wanted), quoted(column)
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
