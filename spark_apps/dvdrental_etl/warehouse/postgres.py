"""The warehouse's side of a load: connect, keep the tables as the DDL says, stage, and publish in one transaction.

Warehouse is PostgreSQL; redshift.py overrides what differs there.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import errors as postgres
from psycopg2.extras import execute_values

from dvdrental_etl.config import Settings
from dvdrental_etl.errors import Conflict, Fenced, WarehouseError, first_line
from dvdrental_etl.extract.source import Totals, quoted
from dvdrental_etl.model.contract import TABLES, Column, differences, script, tables_in
from dvdrental_etl.model.targets import Fact, Target
from dvdrental_etl.publish.statements import quarantined_of, spans_of
from dvdrental_etl.staging import copy
from dvdrental_etl.staging.send import Staged
from dvdrental_etl.staging.surrogate_keys import Keying
from dvdrental_etl.warehouse import postgres_partition

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

LOCK_TIMEOUT = "10min"
#: A driver whose transaction has said nothing for so long is stopped or cut off: its publish takes milliseconds.
FORGOTTEN_AFTER = "2 seconds"
APPLICATION = "dvdrental-etl"
#: So many staged rows are joined twice as fast with statistics, which cost a fifth of a second; a few are not.
MANY_ROWS = 100_000


def open_warehouse(settings: Settings) -> "Warehouse":
    """The warehouse of a configuration, by its kind; not connected yet."""
    if settings.warehouse.kind == "redshift":
        from dvdrental_etl.warehouse.redshift import Redshift

        return Redshift(settings)
    return Warehouse(settings)


class Warehouse:
    """A connection to a PostgreSQL warehouse. A context manager."""

    def __init__(self, settings: Settings) -> None:
        self.address = settings.warehouse
        self._connection: Any = None

    def __enter__(self) -> "Warehouse":
        self.connect()
        return self

    def connect(self) -> None:
        """Connect, or connect again. Raises WarehouseError."""
        try:
            self._connection = psycopg2.connect(
                **self.address.libpq(), connect_timeout=10, application_name=APPLICATION
            )
        except psycopg2.OperationalError as error:
            raise WarehouseError(
                f"warehouse {self.address.place} cannot be reached as '{self.address.user}': {first_line(error)}",
                "check warehouse.url, user and password, and that the server takes connections from here",
            ) from None

    @property
    def is_cut_off(self) -> bool:
        """Whether the server, or the way to it, has broken the connection."""
        return bool(self._connection.closed)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[Any]:
        """A cursor in one transaction: committed at the end, rolled back on any error, or always if not keep."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL search_path TO {quoted(self.address.schema)}")
                cursor.execute("SET LOCAL TIME ZONE 'UTC'")
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                yield cursor
            if keep:
                self._connection.commit()
        except postgres.LockNotAvailable as error:
            raise Fenced(
                f"warehouse {self.address.place}: a lock was not to be had within {LOCK_TIMEOUT}: {first_line(error)}",
                "see pg_locks for who holds it, then run again",
            ) from error
        except (postgres.SerializationFailure, postgres.DeadlockDetected) as error:
            raise Conflict(
                f"warehouse {self.address.place}: {first_line(error)}",
                "another transaction went first; run again",
            ) from error
        except psycopg2.Error as error:
            raise WarehouseError(
                f"warehouse {self.address.place}: {first_line(error)}",
                "nothing was published; check the role's rights and the server's log, then run again",
            ) from error
        finally:
            if not self._connection.closed:
                self._connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """A transaction that writes the run record or publishes: short, and one of many that may run beside it."""
        with self.transaction() as cursor:
            yield cursor

    def ensure_tables(self, cursor: Any) -> None:
        """Create the schema and its tables where they are missing; refuse tables that differ from the DDL."""
        self._queue_up(cursor)
        have = self._columns(cursor)
        expected = {table: columns for name in TABLES for table, columns in tables_in(name).items()}
        if set(expected) - set(have):
            cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (self.address.schema,))
            if not cursor.fetchall():  # IF NOT EXISTS would ask for the right to create even where it exists
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

    def _queue_up(self, cursor: Any) -> None:
        """One at a time makes tables."""
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext(%s))", (f"dvdrental-etl {self.address.schema}",)
        )

    def _create_tables(self, cursor: Any) -> None:
        for name in TABLES:
            cursor.execute(script(f"create_{name}.sql"))
        cursor.execute(script("physical/postgres.sql"))

    def _columns(self, cursor: Any) -> dict[str, list[tuple[str, str]]]:
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

    def create_staging(self, cursor: Any, name: str, columns: Sequence[Column]) -> None:
        """An unlogged table: a crash may lose it, for the load starts over anyway."""
        body = ", ".join(f"{column.name} {column.type}" for column in columns)
        cursor.execute(f"CREATE UNLOGGED TABLE {name} ({body})")

    def create_bounds(
        self, cursor: Any, table: str, spans: Sequence[tuple[int, int]], quarantined: Sequence[int]
    ) -> None:
        """What publish.py wants to know besides staging; gone with the transaction's end."""
        for name, columns, rows in (
            (spans_of(table), "low bigint NOT NULL, high bigint NOT NULL", spans),
            (quarantined_of(table), "grain_key bigint NOT NULL", [(key,) for key in quarantined]),
        ):
            cursor.execute(f"CREATE TEMP TABLE {name} ({columns})")
            self.insert(cursor, name, [column.split()[0] for column in columns.split(", ")], rows)

    def drop_bounds(self, cursor: Any, table: str) -> None:
        for name in (spans_of(table), quarantined_of(table)):
            cursor.execute(f"DROP TABLE {name}")

    def insert(self, cursor: Any, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A few thousand rows, many in one statement."""
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES %s"
        execute_values(cursor, statement, rows, page_size=1000)

    def stage(self, frame: "DataFrame", target: Target, name: str, expected: int) -> Staged:
        """Bring a frame's rows, about so many, into the staging table, each task in its own transaction."""
        statement = self._copy_statement(name, [column.name for column in target.staging])
        staged = copy.stage(frame, target, copy.CopyTarget(self.address.libpq(), statement), expected)
        if staged.rows >= MANY_ROWS:
            with self.transaction() as cursor:
                cursor.execute(f"ANALYZE {name}")
        return staged

    def stage_keyed(
        self, frame: "DataFrame", target: Fact, name: str, batch_id: int, expected: int
    ) -> Staged:
        """Bring a frame's facts into the table to come beside the staging table, with their surrogate keys."""
        columns = postgres_partition.columns(target)
        with self.transaction() as cursor:
            versions = {one.natural_key: copy.read_versions(cursor, one) for one in target.lookups}
        live = self._copy_statement(name + postgres_partition.SUFFIX, columns)
        early = self._copy_statement(name, [column.name for column in target.staging])
        libpq = self.address.libpq()
        to = copy.KeyedTarget(copy.CopyTarget(libpq, live), copy.CopyTarget(libpq, early))
        return copy.stage_keyed(
            frame, target, Keying(target.event, versions, columns, batch_id), to, expected
        )

    def stage_within(
        self, cursor: Any, frame: "DataFrame", target: Target, name: str, expected: int
    ) -> Staged:
        """The same within this transaction, in which the staging table was made."""
        statement = self._copy_statement(name, [column.name for column in target.staging])
        return copy.stream(
            frame,
            target,
            lambda file: cursor.copy_expert(f"{statement} (FORMAT csv)", file, size=1 << 20),
            expected,
        )

    def stage_rows(self, target: Target, name: str, rows: "Iterator[pa.RecordBatch]") -> None:
        """Bring rows of this process into the staging table, on the way that executors' rows take."""
        statement = self._copy_statement(name, [column.name for column in target.staging])
        copy.copy_rows(rows, copy.CopyTarget(self.address.libpq(), statement))

    def drop_staging(self, cursor: Any, name: str) -> None:
        cursor.execute(f"DROP TABLE IF EXISTS {name}, {name}{postgres_partition.SUFFIX}")

    def drop_idle_staging(self, cursor: Any, table: str) -> None:
        """Clear away what dead attempts at a table left, but never wait for one that is still being written.

        Its writer is told that it is superseded as soon as it wants to publish, and clears it away itself; if it
        died, the attempt after the next does.
        """
        cursor.execute(
            """
            SELECT c.relname
            FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = %s AND c.relname ~ %s AND NOT EXISTS (
                SELECT 1 FROM pg_locks l
                JOIN pg_database d ON d.oid = l.database
                WHERE l.relation = c.oid AND d.datname = current_database()
            )
            """,
            (self.address.schema, f"^stg_{table}_[0-9a-f]{{8}}({postgres_partition.SUFFIX})?$"),
        )
        for (name,) in cursor.fetchall():
            self.drop_staging(cursor, name)

    def call_session(self, cursor: Any, attempt: str) -> None:
        """Let the server's list of sessions say whose this one is."""
        cursor.execute("SELECT set_config('application_name', %s, FALSE)", (f"{APPLICATION} {attempt}",))

    def end_forgotten_sessions(self, cursor: Any, table: str, attempt: str) -> None:
        """End the sessions of other attempts at a table that sleep in a transaction, and hold its locks meanwhile.

        Their drivers are stopped or cut off. Where one wakes up, it finds that it is superseded.
        """
        cursor.execute(
            """
            SELECT pg_terminate_backend(s.pid)
            FROM pg_stat_activity s
            JOIN etl_load l ON s.application_name = %s || ' ' || l.attempt
            WHERE l.table_name = %s AND l.attempt <> %s AND s.state LIKE 'idle in transaction%%'
                AND s.datname = current_database() AND s.usename = current_user
                AND clock_timestamp() - s.state_change > CAST(%s AS interval)
            """,
            (APPLICATION, table, attempt, FORGOTTEN_AFTER),
        )

    def _copy_statement(self, name: str, columns: Sequence[str]) -> str:
        """COPY for a connection that knows nothing of the search_path."""
        return f"COPY {quoted(self.address.schema)}.{name} ({', '.join(columns)}) FROM STDIN"

    def lock_record(self, cursor: Any, table: str) -> None:
        """Keep other writers off a table of the run record, so that its next number is ours."""
        cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

    def lock(self, cursor: Any, target: Target) -> None:
        """Keep other writers off the tables that a publish writes. Readers go on reading."""
        dimensions = [lookup.dimension for lookup in target.lookups] if isinstance(target, Fact) else []
        for table in (*sorted(dimensions), target.table):
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

    def settle(self, cursor: Any, target: Target) -> None:
        """Statistics for a table that is new to the planner; whoever is at it already is not waited for."""
        cursor.execute(f"ANALYZE (SKIP_LOCKED) {target.table}")

    def totals(self, cursor: Any, target: Target, table: str) -> Totals:
        """Rows, and for a fact money per day of its event, in staging or in the published table."""
        day, amount = (
            (f"CAST({target.event} AS date)", f"SUM({target.amount})")
            if isinstance(target, Fact)
            else ("CAST(NULL AS date)", "NULL")
        )
        cursor.execute(f"SELECT {day}, COUNT(*), {amount} FROM {table} GROUP BY 1")
        return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}

    def doubled(self, cursor: Any, key: str, table: str) -> list[tuple[object, int]]:
        """Keys that occur more than once, a few of them."""
        query = f"SELECT {key}, COUNT(*) FROM {table} GROUP BY {key} HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 5"
        cursor.execute(query)
        return list(cursor.fetchall())
