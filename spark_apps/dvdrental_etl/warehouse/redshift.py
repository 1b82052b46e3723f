"""Amazon Redshift where it differs from PostgreSQL: the driver, how writers queue up, and how rows reach staging.

Redshift enforces no keys, locks whole tables, and lets a LOCK keep readers out as well. So all our writers queue at
one small table of our own, etl_lock: two of them never meet in a published table, and readers never wait.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dvdrental_etl.config import Settings
from dvdrental_etl.db import redshift
from dvdrental_etl.errors import Conflict, WarehouseError
from dvdrental_etl.extract.source import quoted
from dvdrental_etl.model.contract import TABLES, Column, script
from dvdrental_etl.model.targets import Target
from dvdrental_etl.staging.parquet import Files, StagedFiles
from dvdrental_etl.staging.send import Staged
from dvdrental_etl.warehouse.postgres import APPLICATION, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

#: What Redshift says when another transaction went first.
CONFLICT = re.compile(r"\b1023\b|Serializable isolation violation|could not serialize", re.I)
MOST_VALUES = 5_000  # bound in one statement; the wire takes 32,767
STAGING = "stg_{table}_"
#: Assumed where slices are nobody's to see: in a Serverless workgroup, and on a cluster in several zones.
SLICES = 16
#: The view of today, and the table that serves clusters only.
LOAD_ERRORS = (
    (
        "SELECT error_message, column_name, file_name FROM sys_load_error_detail"
        " WHERE session_id = pg_backend_pid() ORDER BY start_time DESC LIMIT 1"
    ),
    (
        "SELECT err_reason, colname, filename FROM stl_load_errors"
        " WHERE session = pg_backend_pid() ORDER BY starttime DESC LIMIT 1"
    ),
)


class Redshift(Warehouse):
    """A connection to an Amazon Redshift cluster or workgroup. A context manager."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._files = Files(settings.s3, settings.warehouse.schema)

    def connect(self) -> None:
        try:
            self._connection = redshift.connect(self.address, APPLICATION)
        except redshift.Errors as error:
            raise WarehouseError(
                f"warehouse {self.address.place} cannot be reached as '{self.address.user}': {redshift.said(error)}",
                "check warehouse.url, user and password, the security group and the certificate",
            ) from None

    @property
    def is_cut_off(self) -> bool:
        return self._connection is None or self._connection._sock is None

    def __exit__(self, *_: object) -> None:
        if not self.is_cut_off:
            self._connection.close()

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[Any]:
        try:
            cursor = redshift.Cursor(self._connection.cursor())
            cursor.execute(f"SET search_path TO {quoted(self.address.schema)}")
            yield cursor
            if keep:
                self._connection.commit()
        except redshift.Errors as error:
            if CONFLICT.search(str(error)):
                raise Conflict(
                    f"warehouse {self.address.place}: {redshift.said(error)}",
                    "another transaction went first; run again",
                ) from error
            raise WarehouseError(
                f"warehouse {self.address.place}: {redshift.said(error)}",
                "check the role's rights, and sys_query_history for the statement, then run again",
            ) from error
        finally:
            self._roll_back()

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """LOCK takes no snapshot: whoever waited here sees all that was committed before, and conflicts with nobody."""
        with self.transaction() as cursor:
            cursor.execute("LOCK etl_lock")
            yield cursor

    def _roll_back(self) -> None:
        try:
            if not self.is_cut_off:
                self._connection.rollback()
        except redshift.Errors:  # it broke: the server rolls back by itself
            self._connection = None

    def _queue_up(self, cursor: Any) -> None:
        """Where etl_lock is missing, there is nothing to queue for yet: IF NOT EXISTS makes the second one idle."""

    def _create_tables(self, cursor: Any) -> None:
        for name in TABLES:
            for statement in _statements(script(f"create_{name}.sql")):
                cursor.execute(statement)
        for statement in _statements(script("physical/redshift.sql")):
            cursor.execute(statement)

    def create_staging(self, cursor: Any, name: str, columns: Sequence[Column]) -> None:
        """Not in any snapshot of the cluster: a load starts over anyway."""
        body = ", ".join(f"{column.name} {column.type}" for column in columns)
        cursor.execute(f"CREATE TABLE {name} ({body}) BACKUP NO")

    def insert(self, cursor: Any, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        at_once = MOST_VALUES // len(columns)
        row_of_places = f"({', '.join(['%s'] * len(columns))})"
        for at in range(0, len(rows), at_once):
            some = rows[at : at + at_once]
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row_of_places] * len(some))}",
                [value for row in some for value in row],
            )

    def stage(self, frame: "DataFrame", target: Target, name: str, expected: int) -> Staged:
        staged, files = self._files.write(frame, target, name, self._slices(), expected)
        with self.transaction() as cursor:
            self._copy(cursor, name, target, files)
        return staged

    def stage_rows(self, target: Target, name: str, rows: "Iterator[pa.RecordBatch]") -> None:
        files = self._files.write_rows(rows, name, self._slices())
        with self.transaction() as cursor:
            self._copy(cursor, name, target, files)

    def stage_within(
        self, cursor: Any, frame: "DataFrame", target: Target, name: str, expected: int
    ) -> Staged:
        # Asking may fail, and then this transaction would be over; a plan may take longer than a load.
        staged, files = self._files.write(frame, target, name, slices=1, expected=expected)
        try:
            self._copy(cursor, name, target, files)
        finally:
            self._files.remove(name)
        return staged

    def _slices(self) -> int:
        """How many parts of the cluster take files in at once."""
        try:
            with self.transaction() as cursor:
                cursor.execute("SELECT COUNT(*) FROM stv_slices")
                return int(cursor.fetchone()[0]) or SLICES
        except WarehouseError:
            if self.is_cut_off:
                raise
            return SLICES

    def _copy(self, cursor: Any, name: str, target: Target, files: StagedFiles) -> None:
        """COPY the files of successful tasks, and no others: the manifest names them with their lengths."""
        if not files:
            return
        manifest = self._files.write_manifest(name, files)
        role = self._files.role
        try:
            cursor.execute(f"COPY {name} FROM '{manifest}' IAM_ROLE {role} FORMAT AS PARQUET MANIFEST")
        except redshift.Errors as error:
            self._connection.rollback()
            why = self._load_error() or redshift.said(error)
            raise WarehouseError(
                f"warehouse {self.address.place}: COPY of {target.table} failed: {why}",
                "nothing was published; see sys_load_error_detail for more, mend it and run again",
            ) from error

    def _load_error(self) -> str:
        """What Redshift notes of this session's last failed COPY."""
        for query in LOAD_ERRORS:
            try:
                cursor = redshift.Cursor(self._connection.cursor())
                cursor.execute(query)
                if row := cursor.fetchone():
                    reason, column, file = (str(part).strip() for part in row)
                    return f"{reason} (column {column or 'unknown'}, file {file or 'unknown'})"
            except redshift.Errors:  # the view is not there, or not for us
                self._connection.rollback()
        return ""

    def drop_staging(self, cursor: Any, name: str) -> None:
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
        self._files.remove(name)

    def drop_idle_staging(self, cursor: Any, table: str) -> None:
        """All that other attempts left: whoever still writes is superseded by now."""
        prefix = STAGING.format(table=table)
        cursor.execute(
            """
            SELECT c.relname
            FROM pg_class c
            INNER JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = %s AND c.relname ~ %s
            """,
            (self.address.schema, f"^{prefix}[0-9a-f]{{8}}$"),
        )
        for name in {*(name for (name,) in cursor.fetchall()), *self._files.folders(prefix)}:
            self.drop_staging(cursor, name)

    def call_session(self, cursor: Any, attempt: str) -> None:
        """Nobody asks for it here."""

    def end_forgotten_sessions(self, cursor: Any, table: str, attempt: str) -> None:
        """Not ours to end: a session that sleeps in a transaction keeps etl_lock until the cluster's own timeout."""

    def lock_record(self, cursor: Any, table: str) -> None:
        """All who write have queued up already."""

    def lock(self, cursor: Any, target: Target) -> None:
        """The same."""

    def settle(self, cursor: Any, target: Target) -> None:
        """Of all columns: who will ask for which of a new table is not known yet."""
        cursor.execute(f"ANALYZE {target.table}")


def _statements(text: str) -> list[str]:
    """The statements of a script; the driver takes one at a time. No text of ours has a semicolon in a string."""
    plain = re.sub(r"--.*", "", text)
    return [statement.strip() for statement in plain.split(";") if statement.strip()]
