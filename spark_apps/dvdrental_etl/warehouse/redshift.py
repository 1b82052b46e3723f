"""An Amazon Redshift warehouse: one queue for all writers, and rows by way of Parquet files on S3.

Redshift enforces no keys, locks whole tables, and its LOCK keeps readers out as well. So all our writers queue at one
small table, etl_lock: two of them never meet in a published table, and readers never wait.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dvdrental_etl.config import Settings
from dvdrental_etl.db import redshift
from dvdrental_etl.db.cursor import Cursor, only_value
from dvdrental_etl.db.names import quoted
from dvdrental_etl.db.redshift import RedshiftCursor
from dvdrental_etl.db.watch import DRIVER
from dvdrental_etl.errors import Conflict, Fenced, WarehouseError
from dvdrental_etl.model.contract import Column
from dvdrental_etl.model.run_record import staging_prefix
from dvdrental_etl.model.targets import Target
from dvdrental_etl.staging.bounds import merged
from dvdrental_etl.staging.parquet import Files, StagedFiles
from dvdrental_etl.staging.results import Staged
from dvdrental_etl.staging.send import Outgoing
from dvdrental_etl.warehouse import redshift_design
from dvdrental_etl.warehouse.base import Warehouse
from dvdrental_etl.warehouse.redshift_copy import Copy

if TYPE_CHECKING:
    import pyarrow as pa

BOUND_VALUES = 5_000  # in one statement; the protocol allows 32,767
#: Assumed where slices cannot be seen: in a Serverless workgroup, and on a cluster in several zones.
SLICES = 16


class Redshift(Warehouse):
    """A connection to an Amazon Redshift cluster or workgroup."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._connection: Any = None
        self._files = Files(settings.s3, settings.warehouse.schema, settings.limits)

    def connect(self) -> None:
        """Connect, or connect again."""
        try:
            self._connection = redshift.connect(self.address, DRIVER)
        except redshift.Errors as error:
            raise WarehouseError(
                f"warehouse {self.address.place} cannot be reached as '{self.address.user}':"
                f" {redshift.message(error)}",
                "check warehouse.url, user and password, or for IAM the AWS credentials of this process; the security"
                " group and the certificate",
            ) from None

    def close(self) -> None:
        """End the connection."""
        if not self.is_cut_off:
            self._connection.close()

    @property
    def is_cut_off(self) -> bool:
        """Whether the connection is broken."""
        return self._connection is None or self._connection._sock is None

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[RedshiftCursor]:
        """A cursor in one transaction: committed at the end, rolled back on any error, or always if not keep."""
        try:
            cursor = RedshiftCursor(self._connection.cursor())
            cursor.execute(f"SET search_path TO {quoted(self.address.schema)}")
            yield cursor
            if keep:
                self._connection.commit()
        except redshift.Errors as error:
            if redshift.is_conflict(error):
                raise Conflict(
                    f"warehouse {self.address.place}: {redshift.message(error)}",
                    "another transaction went first; run again",
                ) from error
            raise WarehouseError(
                f"warehouse {self.address.place}: {redshift.message(error)}",
                "check the role's rights, and sys_query_history for the statement, then run again",
            ) from error
        finally:
            self._roll_back()

    @contextmanager
    def writing(self) -> Iterator[RedshiftCursor]:
        """A transaction that writes, after its turn in the queue. LOCK takes no snapshot, so it sees all before it."""
        with self.transaction() as cursor:
            self._lock(cursor)
            yield cursor

    def _lock(self, cursor: Cursor) -> None:
        """Wait for the turn, but not for ever: the transaction before may belong to a driver that is stopped."""
        seconds = self.limits.lock_seconds
        cursor.execute(f"SET statement_timeout TO {1000 * seconds}")
        try:
            cursor.execute("LOCK etl_lock")
        except redshift.Errors as error:
            if not redshift.is_timeout(error):
                raise
            raise Fenced(
                f"warehouse {self.address.place}: no lock on {self.address.schema}.etl_lock within {seconds} s",
                "see svv_transactions for the session that holds it, end it by pg_terminate_backend(pid), run again",
            ) from error
        cursor.execute("RESET statement_timeout")

    def _roll_back(self) -> None:
        try:
            if not self.is_cut_off:
                self._connection.rollback()
        except redshift.Errors:  # the connection is broken: the server rolls back by itself
            self._connection = None

    def _wait_for_other_creators(self, cursor: Cursor) -> None:
        """Nothing to wait for: IF NOT EXISTS makes the second session's statements do nothing."""

    def _create_tables(self, cursor: Cursor) -> None:
        for statement in redshift_design.statements():
            cursor.execute(statement)

    def prepare_reporting(self, cursor: Cursor) -> None:
        """Nothing to do: writing() holds etl_lock."""

    def informational(self, key: str) -> str:
        """The key as it is: Redshift enforces none, and plans with it."""
        return key

    def create_staging(self, cursor: Cursor, name: str, columns: Sequence[Column]) -> None:
        """Create a table that is not part of the cluster's snapshots: a load starts again after a crash."""
        body = ", ".join(f"{column.name} {column.type}" for column in columns)
        cursor.execute(f"CREATE TABLE {name} ({body}) BACKUP NO")

    def drop_staging(self, cursor: Cursor, name: str) -> None:
        """Remove a staging table, and its files on S3."""
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
        self._files.remove(name)

    def drop_idle_staging(self, cursor: Cursor, table: str) -> None:
        """Remove all that other attempts left: one that still writes is superseded by now. Not that of a dry run."""
        prefix = staging_prefix(table)
        form = f"{prefix}[0-9a-f]{{8}}"
        cursor.execute(
            """
            SELECT c.relname
            FROM pg_class c
            INNER JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = %s AND c.relname ~ %s
            """,
            (self.address.schema, f"^{form}$"),
        )
        for name in {*(name for (name,) in cursor.fetchall()), *self._files.folders(prefix, form)}:
            self.drop_staging(cursor, name)

    def stage(self, outgoing: Outgoing, name: str) -> Staged:
        """Bring a frame's good rows into a staging table: files from the executors, then one COPY."""
        staged, files = self._files.write(outgoing, name, self._slices())
        with self.transaction() as cursor:
            self._copy(cursor, name, outgoing.target, files)
        return staged

    def stage_in_transaction(self, cursor: Cursor, outgoing: Outgoing, name: str) -> Staged:
        """The same within the transaction that created the staging table.

        The slices are not asked for: a query that fails would end the transaction, and a plan may take longer.
        """
        self._files.remove(name)  # of a dry run that was killed
        staged, files = self._files.write(outgoing, name, slices=1)
        try:
            self._copy(cursor, name, outgoing.target, files)
        finally:
            self._files.remove(name)
        return staged

    def stage_rows(self, target: Target, name: str, rows: "Iterator[pa.RecordBatch]") -> None:
        """Bring rows of this process into a staging table, in the way that executors' rows take."""
        files = self._files.write_rows(rows, name, self._slices())
        with self.transaction() as cursor:
            self._copy(cursor, name, target, files)

    def direct_load(self, cursor: Cursor, target: Target, staging: str, batch_id: int) -> None:
        """None: every row goes through the staging table."""

    def insert(
        self, cursor: Cursor, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert a few thousand rows, BOUND_VALUES values in one statement."""
        at_once = BOUND_VALUES // len(columns)
        placeholders = f"({', '.join(['%s'] * len(columns))})"
        for at in range(0, len(rows), at_once):
            some = rows[at : at + at_once]
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([placeholders] * len(some))}",
                [value for row in some for value in row],
            )

    def _slices(self) -> int:
        """How many files the cluster reads at once."""
        try:
            with self.transaction() as cursor:
                cursor.execute("SELECT COUNT(*) FROM stv_slices")
                return int(only_value(cursor)) or SLICES
        except WarehouseError:
            if self.is_cut_off:
                raise
            return SLICES

    def _copy(self, cursor: Cursor, name: str, target: Target, files: StagedFiles) -> None:
        """COPY the files of successful tasks, and no others: the manifest names them with their lengths."""
        if not files:
            return
        manifest = self._files.write_manifest(name, files)
        copy = Copy(self._connection, f"warehouse {self.address.place}: COPY of {target.table}")
        copy.run(
            cursor, f"COPY {name} FROM '{manifest}' IAM_ROLE {self._files.role} FORMAT AS PARQUET MANIFEST"
        )
        copy.require_read_as_written(cursor, name, merged(file.bounds for file in files))

    def name_session(self, cursor: Cursor, attempt: str) -> None:
        """Nothing to do: a session that is idle in a transaction keeps etl_lock until the cluster's own timeout."""

    def lock_record(self, cursor: Cursor) -> None:
        """Nothing to do: writing() holds etl_lock."""

    def lock_for_publish(self, cursor: Cursor, target: Target) -> None:
        """Nothing to do: writing() holds etl_lock."""

    def analyze(self, cursor: Cursor, target: Target) -> None:
        """Update the statistics of all columns: which of them queries will use is not known yet."""
        cursor.execute(f"ANALYZE {target.table}")
