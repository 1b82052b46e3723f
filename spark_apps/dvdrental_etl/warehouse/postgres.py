"""A PostgreSQL warehouse: COPY straight into staging, row locks, indexes, and a fact's first load as a partition."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import errors as postgres_errors
from psycopg2.extras import execute_values

from dvdrental_etl.config import Settings
from dvdrental_etl.db import postgres, settings
from dvdrental_etl.db.cursor import Cursor
from dvdrental_etl.db.names import quoted
from dvdrental_etl.db.watch import DRIVER
from dvdrental_etl.errors import Conflict, Fenced, WarehouseError, first_line
from dvdrental_etl.model.contract import Column, ddl_names, natural_key, script, star_tables
from dvdrental_etl.model.run_record import staging_prefix
from dvdrental_etl.model.targets import Fact, Target
from dvdrental_etl.staging import copy
from dvdrental_etl.staging.copy import CopyTarget
from dvdrental_etl.staging.results import Staged
from dvdrental_etl.staging.send import Outgoing
from dvdrental_etl.warehouse.base import Warehouse
from dvdrental_etl.warehouse.postgres_partition import SUFFIX, PartitionLoad, explain_partition, has_room

if TYPE_CHECKING:
    import pyarrow as pa

#: Views and comments can wait for the next run; those who wait for their locks meanwhile shall not.
REPORTING_LOCK_TIMEOUT = "5s"


class Postgres(Warehouse):
    """A connection to a PostgreSQL warehouse."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._connection: Any = None

    def connect(self) -> None:
        """Connect, or connect again."""
        try:
            self._connection = postgres.connect(self.address.libpq(), DRIVER, self.limits)
        except psycopg2.OperationalError as error:
            raise WarehouseError(
                f"warehouse {self.address.place} cannot be reached as '{self.address.user}': {first_line(error)}",
                postgres.advice("warehouse", error),
            ) from None
        # A publish sees what an attempt that began meanwhile has written, whatever the role's own level is.
        self._connection.set_session(isolation_level="READ COMMITTED")
        if not postgres.is_utf8(self._connection):
            encoding = self._connection.info.parameter_status("server_encoding")
            self.close()
            raise WarehouseError(
                f"warehouse {self.address.place}: the database is encoded in {encoding}, which cannot hold every text",
                "create it with ENCODING 'UTF8'",
            )

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    @property
    def is_cut_off(self) -> bool:
        """Whether the connection is broken."""
        return bool(self._connection.closed)

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[Any]:
        """A cursor in one transaction: committed at the end, rolled back on any error, or always if not keep."""
        try:
            with self._connection.cursor() as cursor:
                version, path = self._connection.server_version, (self.address.schema,)
                cursor.execute(settings.of_transaction(version, path, TimeZone="UTC"))
                yield cursor
            if keep:
                self._connection.commit()
        except postgres_errors.LockNotAvailable as error:
            raise Fenced(
                f"warehouse {self.address.place}: no lock within {self.limits.lock_seconds} s:"
                f" {self._connection.waited_for or first_line(error)}",
                "end that session (pg_terminate_backend), or wait for it, then run again",
            ) from error
        except (postgres_errors.SerializationFailure, postgres_errors.DeadlockDetected) as error:
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

    def writing(self) -> Any:
        """A transaction that writes the run record or publishes. Several may run at a time."""
        return self.transaction()

    def _wait_for_other_creators(self, cursor: Cursor) -> None:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"{DRIVER} {self.address.schema}",))

    def _create_tables(self, cursor: Cursor) -> None:
        for name in ddl_names():
            cursor.execute(script(f"create_{name}.sql"))
        _index_dimensions(cursor)
        cursor.execute(script("physical/postgres.sql"))

    def prepare_reporting(self, cursor: Cursor) -> None:
        """Let one session at a time make what analysts see. Tables are locked as a publish does, for milliseconds."""
        cursor.execute(f"SET LOCAL lock_timeout = '{REPORTING_LOCK_TIMEOUT}'")
        self._wait_for_other_creators(cursor)
        for table in star_tables():
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        _index_dimensions(cursor)
        for fact in (table for table in star_tables() if table.startswith("fact_")):
            explain_partition(cursor, fact)

    def informational(self, key: str) -> str | None:
        """NOT ENFORCED, from PostgreSQL 18 on. Before, a partitioned table's keys check each row."""
        return f"{key} NOT ENFORCED" if self._connection.server_version >= 180_000 else None

    def create_staging(self, cursor: Cursor, name: str, columns: Sequence[Column]) -> None:
        """Create an unlogged table. A crash may lose it: the load starts again then."""
        body = ", ".join(f"{column.name} {column.type}" for column in columns)
        cursor.execute(f"CREATE UNLOGGED TABLE {name} ({body})")

    def drop_staging(self, cursor: Cursor, name: str) -> None:
        """Remove a staging table, and the new partition of a direct load."""
        cursor.execute(f"DROP TABLE IF EXISTS {name}, {name}{SUFFIX}")

    def drop_idle_staging(self, cursor: Cursor, table: str) -> None:
        """Remove what earlier attempts at a table left, without waiting for one that is still being written.

        Its writer finds that it is superseded when it wants to publish, and removes it then; if the writer died, the
        attempt after the next one does.
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
            (self.address.schema, f"^{staging_prefix(table)}[0-9a-f]{{8}}({SUFFIX})?$"),
        )
        for (name,) in cursor.fetchall():
            self.drop_staging(cursor, name)

    def stage(self, outgoing: Outgoing, name: str) -> Staged:
        """Bring a frame's good rows into a staging table, each task in a transaction of its own."""
        staged = copy.stage(outgoing, self._copy_target(outgoing.target, name))
        if staged.rows >= self.limits.analyzed_staging_rows:
            with self.transaction() as cursor:
                cursor.execute(f"ANALYZE {name}")
        return staged

    def stage_in_transaction(self, cursor: Any, outgoing: Outgoing, name: str) -> Staged:
        """The same within the transaction that created the staging table."""
        statement = self._copy_target(outgoing.target, name).statement
        return copy.stage_in_transaction(outgoing, copy.copy_csv(cursor, statement))

    def stage_rows(self, target: Target, name: str, rows: "Iterator[pa.RecordBatch]") -> None:
        """Bring rows of this process into a staging table, in the way that executors' rows take."""
        copy.copy_rows(rows, self._copy_target(target, name))

    def direct_load(
        self, cursor: Cursor, target: Target, staging: str, batch_id: int
    ) -> PartitionLoad | None:
        """A new partition for a fact without rows, created here; None for anything else."""
        if not isinstance(target, Fact) or not has_room(cursor, target):
            return None
        load = PartitionLoad(self, self._copy_into, target, staging, batch_id)
        load.create(cursor)
        return load

    def _copy_target(self, target: Target, name: str) -> CopyTarget:
        return self._copy_into(name, [column.name for column in target.staging])

    def _copy_into(self, name: str, columns: Sequence[str]) -> CopyTarget:
        """COPY into a table of this warehouse, for a connection without search_path."""
        statement = f"COPY {quoted(self.address.schema)}.{name} ({', '.join(columns)}) FROM STDIN"
        return CopyTarget(self.address.libpq(), statement, self.limits)

    def insert(self, cursor: Any, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert a few thousand rows, a thousand in one statement."""
        execute_values(cursor, f"INSERT INTO {table} ({', '.join(columns)}) VALUES %s", rows, page_size=1000)

    def name_session(self, cursor: Cursor, attempt: str) -> None:
        """Show in pg_stat_activity which attempt this session belongs to."""
        cursor.execute("SELECT set_config('application_name', %s, FALSE)", (f"{DRIVER} {attempt}",))

    def lock_record(self, cursor: Cursor) -> None:
        """Let one session at a time give itself the next number of the run record.

        No publish holds this lock, so that nobody waits here for the publish of another table.
        """
        cursor.execute("LOCK TABLE etl_lock IN EXCLUSIVE MODE")

    def lock_for_publish(self, cursor: Cursor, target: Target) -> None:
        """Lock the tables that a publish writes against other writers. Readers continue."""
        dimensions = [lookup.dimension for lookup in target.lookups] if isinstance(target, Fact) else []
        for table in (*sorted(dimensions), target.table):
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

    def analyze(self, cursor: Cursor, target: Target) -> None:
        """Update the planner's statistics; skipped while another session analyzes the table."""
        cursor.execute(f"ANALYZE (SKIP_LOCKED) {target.table}")


def _index_dimensions(cursor: Cursor) -> None:
    for table in (name for name in star_tables() if name.startswith("dim_")):
        indexes = script("physical/postgres_dimension.sql")
        cursor.execute(indexes.format(table=table, natural_key=natural_key(table)))
