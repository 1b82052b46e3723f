"""The interface to a warehouse, and what its adapters share: tables as the DDL declares them, counts, small tables."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from dvdrental_etl.config import Settings
from dvdrental_etl.db.cursor import Cursor
from dvdrental_etl.db.names import quoted
from dvdrental_etl.errors import WarehouseError
from dvdrental_etl.model.contract import Column, ddl_names, differences, tables_in
from dvdrental_etl.model.key_ranges import KeySpan
from dvdrental_etl.model.targets import Fact, Target
from dvdrental_etl.model.totals import Totals
from dvdrental_etl.publish.statements import quarantined_of, spans_of
from dvdrental_etl.staging.results import Staged
from dvdrental_etl.staging.send import Outgoing

if TYPE_CHECKING:
    import pyarrow as pa


class DirectLoad(Protocol):
    """A fact's first load that writes each row once, with surrogate keys, to a table that becomes part of the fact."""

    @property
    def table(self) -> str:
        """The new table."""

    def stage(self, outgoing: Outgoing) -> Staged:
        """Write the rows. Facts whose member is missing go to the staging table, without surrogate keys."""

    def build_keys(self, cursor: Cursor) -> bool:
        """Give the new table the fact's keys and indexes. False, and none of them, if a key is not unique."""

    def row_count(self, cursor: Cursor) -> int:
        """How many rows the new table has."""

    def attach(self, cursor: Cursor) -> None:
        """Make the new table part of the fact, in the transaction that publishes."""


class Warehouse(ABC):
    """A connection to a warehouse. A context manager. Every method raises WarehouseError or a subclass of EtlError."""

    def __init__(self, settings: Settings) -> None:
        self.address, self.limits = settings.warehouse, settings.limits

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Connection and transactions

    @abstractmethod
    def connect(self) -> None:
        """Connect, or connect again."""

    @abstractmethod
    def close(self) -> None:
        """End the connection."""

    @property
    @abstractmethod
    def is_cut_off(self) -> bool:
        """Whether the connection is broken."""

    @abstractmethod
    def transaction(self, *, keep: bool = True) -> AbstractContextManager[Any]:
        """A Cursor in one transaction: committed at the end, rolled back on any error, or always if not keep."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Any]:
        """A transaction that writes the run record or publishes."""

    # Tables

    def ensure_tables(self, cursor: Cursor) -> None:
        """Create the schema and its tables where they are missing; refuse tables that differ from the DDL."""
        have = self._columns(cursor)
        expected = {table: columns for name in ddl_names() for table, columns in tables_in(name).items()}
        if set(expected) - set(have):
            self._wait_for_other_creators(cursor)
            have = self._columns(cursor)
        if set(expected) - set(have):
            cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (self.address.schema,))
            if not cursor.fetchall():  # IF NOT EXISTS needs the right to create even where the schema exists
                cursor.execute(f"CREATE SCHEMA {quoted(self.address.schema)}")
            self._create_tables(cursor)
            have = self._columns(cursor)
        found = [
            f"{table}.{difference}"
            for table, columns in expected.items()
            for difference in differences(have.get(table, ()), ((c.name, c.type) for c in columns))
        ]
        if found:
            raise WarehouseError(
                f"warehouse {self.address.place}: schema {self.address.schema} differs from sql_scripts: "
                + "; ".join(found),
                "alter the tables to match, or point warehouse.schema at an empty one",
            )

    def has_tables(self, cursor: Cursor) -> bool:
        """Whether a load has created the tables."""
        return "etl_batch" in self._columns(cursor)

    @abstractmethod
    def _wait_for_other_creators(self, cursor: Cursor) -> None:
        """Let one session at a time create tables."""

    @abstractmethod
    def _create_tables(self, cursor: Cursor) -> None:
        """Run the DDL and the physical design."""

    @abstractmethod
    def prepare_reporting(self, cursor: Cursor) -> None:
        """Let one session at a time make what analysts see, and make way for it."""

    @abstractmethod
    def informational(self, key: str) -> str | None:
        """ALTER TABLE ... ADD FOREIGN KEY in the form in which nothing is enforced; None where there is none."""

    def _columns(self, cursor: Cursor) -> dict[str, list[tuple[str, str]]]:
        """Table -> its columns, their types written as the DDL writes them."""
        cursor.execute(
            """
            SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
            FROM pg_attribute a
            JOIN pg_class c ON c.oid = a.attrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
            """,
            (self.address.schema,),
        )
        found: dict[str, list[tuple[str, str]]] = {}
        for table, column, kind in cursor.fetchall():
            plain = kind.replace("character varying", "varchar").replace(" without time zone", "")
            found.setdefault(table, []).append((column, plain))
        return found

    # Staging

    @abstractmethod
    def create_staging(self, cursor: Cursor, name: str, columns: Sequence[Column]) -> None:
        """Create a staging table. A crash may lose it: the load starts again then."""

    @abstractmethod
    def drop_staging(self, cursor: Cursor, name: str) -> None:
        """Remove a staging table, and what belongs to it."""

    @abstractmethod
    def drop_idle_staging(self, cursor: Cursor, table: str) -> None:
        """Remove what earlier attempts at a table left, without waiting for one that is still being written."""

    @abstractmethod
    def stage(self, outgoing: Outgoing, name: str) -> Staged:
        """Bring a frame's good rows into a staging table."""

    @abstractmethod
    def stage_in_transaction(self, cursor: Cursor, outgoing: Outgoing, name: str) -> Staged:
        """The same within the transaction that created the staging table."""

    @abstractmethod
    def stage_rows(self, target: Target, name: str, rows: "Iterator[pa.RecordBatch]") -> None:
        """Bring rows of this process into a staging table, in the way that executors' rows take."""

    @abstractmethod
    def direct_load(self, cursor: Cursor, target: Target, staging: str, batch_id: int) -> DirectLoad | None:
        """A way to write a fact's first rows once; None where rows go through the staging table."""

    @abstractmethod
    def insert(
        self, cursor: Cursor, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert a few thousand rows, many in one statement."""

    def create_key_tables(
        self, cursor: Cursor, table: str, spans: Sequence[KeySpan], quarantined: Sequence[int]
    ) -> None:
        """The tables that a publish reads besides staging. They end with the transaction."""
        for name, columns, rows in (
            (spans_of(table), "low bigint NOT NULL, high bigint NOT NULL", spans),
            (quarantined_of(table), "grain_key bigint NOT NULL", [(key,) for key in quarantined]),
        ):
            cursor.execute(f"CREATE TEMP TABLE {name} ({columns})")
            self.insert(cursor, name, [column.split()[0] for column in columns.split(", ")], rows)

    def drop_key_tables(self, cursor: Cursor, table: str) -> None:
        """Drop the tables of create_key_tables()."""
        for name in (spans_of(table), quarantined_of(table)):
            cursor.execute(f"DROP TABLE {name}")

    # Other sessions

    @abstractmethod
    def name_session(self, cursor: Cursor, attempt: str) -> None:
        """Show in the server's list of sessions which attempt this one belongs to."""

    @abstractmethod
    def lock_record(self, cursor: Cursor) -> None:
        """Let one session at a time give itself the next number of the run record, until its transaction ends."""

    @abstractmethod
    def lock_for_publish(self, cursor: Cursor, target: Target) -> None:
        """Lock the tables that a publish writes against other writers. Readers continue."""

    # Queries

    @abstractmethod
    def analyze(self, cursor: Cursor, target: Target) -> None:
        """Update the planner's statistics of a published table."""

    def totals(self, cursor: Cursor, target: Target, table: str) -> Totals:
        """Rows, and for a fact money per day of its event, in staging or in the published table."""
        day, amount = "CAST(NULL AS date)", "CAST(NULL AS numeric(18,2))"
        if isinstance(target, Fact):
            day, amount = f"CAST({target.event} AS date)", f"SUM({target.amount})"
        cursor.execute(f"SELECT {day}, COUNT(*), {amount} FROM {table} GROUP BY 1")
        return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}

    def duplicate_keys(self, cursor: Cursor, key: str, table: str) -> list[tuple[object, int]]:
        """Keys that occur more than once, and how often; the first five."""
        cursor.execute(
            f"SELECT {key}, COUNT(*) FROM {table} GROUP BY {key} HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 5"
        )
        return [(value, times) for value, times in cursor.fetchall()]
