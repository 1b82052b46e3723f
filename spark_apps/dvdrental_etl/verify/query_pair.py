"""Pairs of queries of one name and shape, sql_scripts/verify/source and /warehouse: their rows must be equal."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from dvdrental_etl.db.names import quoted
from dvdrental_etl.errors import ContractError
from dvdrental_etl.model.contract import script
from dvdrental_etl.verify.compare import SIGNS, Difference, Row, by_range, differences, rows_of
from dvdrental_etl.verify.predicates import KeyRange, in_keys, in_ranges, restricted
from dvdrental_etl.verify.reader import SnapshotReader
from dvdrental_etl.verify.scope import RunScope
from dvdrental_etl.verify.source_changes import LastLoad, SourceChanges
from dvdrental_etl.verify.tables import Table

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Snapshots:
    """Both databases as verify reads them."""

    source: SnapshotReader
    warehouse: SnapshotReader


def concurrently(first: Callable[[], T], second: Callable[[], U]) -> tuple[T, U]:
    """The results of two functions that run at the same time, one per database."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        future = executor.submit(first)
        result = second()
        return future.result(), result


class QueryPair:
    """Two queries of one name about a table, and the last load of the table."""

    def __init__(self, name: str, table: Table, snapshots: Snapshots, load: LastLoad) -> None:
        self.name, self.table, self.load = name, table, load
        self._source, self._warehouse = snapshots.source, snapshots.warehouse
        self._columns: dict[str, tuple[str, ...]] = {}

    def source_query(self, predicate: str | None = None) -> str:
        """The query on the source, of all rows of the grain or of those that meet a predicate."""
        text, columns = script(f"verify/source/{self.name}.sql"), ["xmin"]
        if self.load.horizon is None:  # views and foreign tables have no xmin, and no difference is excused
            text, columns = re.sub(r"age\(\w+\.xmin\)", "CAST(NULL AS integer)", text), []
        if predicate is None:
            return text
        table = self.table.source_table
        columns += map(quoted, self._source.readable_columns(table))
        rows = f"SELECT {', '.join(columns)} FROM {self._source.schema}.{table} WHERE {predicate}"
        return f"WITH {table} AS ({rows})\n{text}"

    def warehouse_query(self, predicate: str | None = None) -> str:
        """The query on the warehouse, of all rows of the table or of those that meet a predicate."""
        predicates = {} if predicate is None else {self.table.name: predicate}
        return restricted(script(f"verify/warehouse/{self.name}.sql"), self._warehouse.schema, predicates)

    def read_source(
        self, predicate: str | None = None, parameters: Mapping[str, object] | None = None
    ) -> list[Row]:
        """The rows of the query on the source."""
        read = self._source.read(self.source_query(predicate), self._parameters(parameters))
        return list(self._rows("source", *read))

    def read_warehouse(
        self, predicate: str | None = None, parameters: Mapping[str, object] | None = None
    ) -> list[Row]:
        """The rows of the query on the warehouse."""
        read = self._warehouse.read(self.warehouse_query(predicate), self._parameters(parameters))
        return list(self._rows("warehouse", *read))

    def differences(self, **parameters: object) -> Iterator[Difference]:
        """The differences between all rows of both queries. For queries that return few rows."""
        source, warehouse = concurrently(
            lambda: self.read_source(None, parameters), lambda: self.read_warehouse(None, parameters)
        )
        return differences(source, warehouse)

    def ranges_with_wrong_rows(self, scope: RunScope, keys_per_query: int) -> set[int]:
        """The numbers of the ranges in which a row that a run wrote differs from the source."""
        if not scope.keys:
            return set()
        keys, column = scope.keys, self.table.source_key
        chunks = (keys[start : start + keys_per_query] for start in range(0, len(keys), keys_per_query))
        source = chain.from_iterable(self.read_source(in_keys(column, chunk)) for chunk in chunks)
        warehouse = self._stream_warehouse(scope.affected_rows)
        return {
            number for number, left, right in by_range(source, warehouse) if any(differences(left, right))
        }

    def ranges_with_wrong_sums(self, key_ranges: Sequence[KeyRange]) -> set[int]:
        """The numbers of the ranges whose sums differ. For a pair whose key is the number of a range."""
        if not key_ranges:
            return set()
        source, warehouse = concurrently(
            lambda: self.read_source(in_ranges(self.table.source_key, key_ranges)),
            lambda: self.read_warehouse(in_ranges(self.table.natural_key, key_ranges)),
        )
        return {difference.key for difference in differences(source, warehouse)}

    def findings(self, waiting: set[int], key_ranges: Sequence[KeyRange] | None = None) -> Iterator[str]:
        """Findings, described, range by range. Adds the keys that the next load will bring to `waiting`.

        key_ranges: the ranges of keys to compare; None for all.
        """
        changes = SourceChanges(self._source, self._warehouse, self.load)
        for key_range in [None] if key_ranges is None else key_ranges:
            for number, source, warehouse in by_range(*self._streams(key_range)):
                classified = changes.classify(number, source, warehouse)
                waiting |= classified.waiting
                yield from map(self.described, classified.findings)

    def described(self, difference: Difference) -> str:
        """A difference with the table and the name of its key."""
        return f"{self.table.name}: {self._columns['warehouse'][0]} {difference}"

    def _streams(self, key_range: KeyRange | None) -> tuple[Iterator[Row], Iterator[Row]]:
        source = None if key_range is None else in_ranges(self.table.source_key, [key_range])
        warehouse = None if key_range is None else in_ranges(self.table.natural_key, [key_range])
        return concurrently(lambda: self._stream_source(source), lambda: self._stream_warehouse(warehouse))

    def _stream_source(self, predicate: str | None) -> Iterator[Row]:
        return self._rows("source", *self._source.stream(self.source_query(predicate), self._parameters()))

    def _stream_warehouse(self, predicate: str | None) -> Iterator[Row]:
        return self._rows("warehouse", *self._warehouse.stream(self.warehouse_query(predicate)))

    def _parameters(self, parameters: Mapping[str, object] | None = None) -> Mapping[str, object]:
        return {"horizon": self.load.horizon, **(parameters or {})}

    def _rows(self, side: str, names: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[Row]:
        """The rows of a query. Raises ContractError if the query on the other side returns other columns."""
        self._columns[side] = tuple(name for name in names if name not in SIGNS)
        if len(set(self._columns.values())) > 1:
            source, warehouse = self._columns["source"], self._columns["warehouse"]
            raise ContractError(
                f"verify: sql_scripts/verify/source/{self.name}.sql returns the columns {', '.join(source)};"
                f" warehouse/{self.name}.sql returns {', '.join(warehouse)}",
                "run `make generate`, then give the query on the source the columns of the query on the warehouse",
            )
        return rows_of(names, rows)
