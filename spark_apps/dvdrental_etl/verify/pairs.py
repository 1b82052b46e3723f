"""Pairs of queries of one name and shape, sql_scripts/verify/source and /warehouse: their rows must be equal."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TypeVar

from dvdrental_etl.model.contract import script
from dvdrental_etl.verify.compare import Difference, Row, by_range, differences, rows_of
from dvdrental_etl.verify.reader import Moment
from dvdrental_etl.verify.source_changes import Mark, Since
from dvdrental_etl.verify.written import Span, Table, Written, among, narrowed, within

#: So few keys that the source finds them by index, whatever it thinks of a list's length.
KEYS_AT_A_TIME = 1_000
T = TypeVar("T")
U = TypeVar("U")


def at_once(first: Callable[[], T], second: Callable[[], U]) -> tuple[T, U]:
    """Two answers from two databases, asked for at the same time."""
    with ThreadPoolExecutor(max_workers=1) as beside:
        asked = beside.submit(first)
        other = second()
        return asked.result(), other


class Pair:
    """Two queries of one name, and the load that they are held against."""

    def __init__(self, name: str, table: Table, source: Moment, warehouse: Moment, mark: Mark) -> None:
        self.name, self.table, self.mark = name, table, mark
        self._source, self._warehouse = source, warehouse
        self.key = ""

    def of_source(self, predicate: str | None = None) -> str:
        """The source's query, of all rows or of those that meet a predicate."""
        text, signs = script(f"verify/source/{self.name}.sql"), "xmin, "
        if self.mark.horizon is None:  # views and foreign tables have no xmin; and nothing is excused then
            text, signs = re.sub(r"age\(\w+\.xmin\)", "CAST(NULL AS integer)", text), ""
        if predicate is None:
            return text
        grain = self.table.grain
        rows = f"SELECT {signs}* FROM {self._source.schema}.{grain} WHERE {predicate}"
        return f"WITH {grain} AS ({rows})\n{text}"

    def of_warehouse(self, predicate: str | None = None) -> str:
        """The warehouse's query, of all rows or of those that meet a predicate."""
        narrow = {} if predicate is None else {self.table.name: predicate}
        return narrowed(script(f"verify/warehouse/{self.name}.sql"), self._warehouse.schema, narrow)

    def read_source(
        self, predicate: str | None = None, parameters: Mapping[str, object] | None = None
    ) -> list[Row]:
        """The rows of the source's query."""
        names, rows = self._source.read(self.of_source(predicate), self._bound(parameters))
        return list(rows_of(names, rows))

    def read_warehouse(
        self, predicate: str | None = None, parameters: Mapping[str, object] | None = None
    ) -> list[Row]:
        """The rows of the warehouse's query."""
        names, rows = self._warehouse.read(self.of_warehouse(predicate), self._bound(parameters))
        self.key = names[0]
        return list(rows_of(names, rows))

    def differences(self, **parameters: object) -> Iterator[Difference]:
        """What differs between the rows of both queries, of which there are few."""
        ours, theirs = at_once(
            lambda: self.read_source(None, parameters), lambda: self.read_warehouse(None, parameters)
        )
        return differences(ours, theirs)

    def unequal(self, part: Written) -> set[int]:
        """The ranges of keys in which a row that was written is not the source's."""
        if not part.keys:
            return set()
        keys, column = part.keys, self.table.grain_key
        chunks = (keys[at : at + KEYS_AT_A_TIME] for at in range(0, len(keys), KEYS_AT_A_TIME))
        ours = chain.from_iterable(self.read_source(among(column, chunk)) for chunk in chunks)
        theirs = self._stream_warehouse(part.members)
        return {number for number, left, right in by_range(ours, theirs) if any(differences(left, right))}

    def unequal_sums(self, spans: Sequence[Span]) -> set[int]:
        """The ranges within spans whose sums differ."""
        if not spans:
            return set()
        ours, theirs = at_once(
            lambda: self.read_source(within(self.table.grain_key, spans)),
            lambda: self.read_warehouse(within(self.table.natural_key, spans)),
        )
        return {difference.key for difference in differences(ours, theirs)}

    def judged(self, waiting: set[int], spans: Sequence[Span] | None = None) -> Iterator[str]:
        """Findings in words, range by range; the keys that wait for the next load go to `waiting`.

        spans: where to look; None for everywhere.
        """
        since = Since(self._source, self._warehouse, self.mark)
        for span in [None] if spans is None else spans:
            for number, ours, theirs in by_range(*self._streams(span)):
                judged = since.judge(number, ours, theirs)
                waiting |= judged.waiting
                yield from map(self.told, judged.found)

    def told(self, difference: Difference) -> str:
        return f"{self.table.name}: {self.key} {difference}"

    def _streams(self, span: Span | None) -> tuple[Iterator[Row], Iterator[Row]]:
        ours = None if span is None else within(self.table.grain_key, [span])
        theirs = None if span is None else within(self.table.natural_key, [span])
        return at_once(lambda: self._stream_source(ours), lambda: self._stream_warehouse(theirs))

    def _stream_source(self, predicate: str | None) -> Iterator[Row]:
        return rows_of(*self._source.stream(self.of_source(predicate), self._bound()))

    def _stream_warehouse(self, predicate: str | None) -> Iterator[Row]:
        names, rows = self._warehouse.stream(self.of_warehouse(predicate))
        self.key = names[0]
        return rows_of(names, rows)

    def _bound(self, parameters: Mapping[str, object] | None = None) -> Mapping[str, object]:
        return {"horizon": self.mark.horizon, **(parameters or {})}
