"""Amazon Redshift where it differs from PostgreSQL: the driver, how writers queue up, and how rows reach staging.

Redshift enforces no keys, locks whole tables, and lets a LOCK keep readers out as well. So all our writers queue at
one small table of our own, etl_lock: two of them never meet in a published table, and readers never wait.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from dvdrental_etl.contract import TABLES, Column, script
from dvdrental_etl.errors import Conflict, WarehouseError, first_line
from dvdrental_etl.files import Files, StagedFiles
from dvdrental_etl.settings import Settings
from dvdrental_etl.source import quoted
from dvdrental_etl.staging import Staged
from dvdrental_etl.targets import Target
from dvdrental_etl.warehouse import APPLICATION, Warehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: What Redshift says when another transaction went first.
CONFLICT = re.compile(r"\b1023\b|Serializable isolation violation|could not serialize", re.I)
MOST_VALUES = 5_000  # bound in one statement; the wire takes 32,767
STAGING = "stg_{table}_"
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


class Cursor:
    """redshift_connector's cursor with psycopg2's manners: values by position are bound, named ones are written in.

    Named ones are the numbers and moments of a publish; a CREATE TABLE AS takes no bound values.
    """

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self._cursor.paramstyle = "format"

    def execute(self, statement: str, values: Sequence[Any] | Mapping[str, Any] | None = None) -> None:
        if isinstance(values, Mapping):
            named = values
            statement = re.sub(r"%\((\w+)\)s", lambda found: _literal(named[found[1]]), statement)
            values = None
        self._cursor.execute(statement, tuple(values) if values else None)

    def fetchone(self) -> Any:
        row = self._cursor.fetchone()
        return row if row is None else tuple(row)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._cursor.fetchall()]

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return int(self._cursor.rowcount)


def _literal(value: int | dt.datetime) -> str:
    if isinstance(value, dt.datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    return str(int(value))


class Redshift(Warehouse):
    """A connection to an Amazon Redshift cluster or workgroup. A context manager."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._files = Files(settings.s3, settings.warehouse.schema)

    def connect(self) -> None:
        import redshift_connector

        parts = urlsplit(self.address.url.removeprefix("jdbc:"))
        options = dict(parse_qsl(parts.query))
        try:
            self._connection = redshift_connector.connect(
                host=parts.hostname,
                port=parts.port or 5439,
                database=parts.path.lstrip("/"),
                user=self.address.user,
                password=self.address.password,
                ssl=True,
                sslmode=options.get("sslmode", "verify-full"),
                application_name=APPLICATION,
            )
        except (redshift_connector.Error, OSError) as error:
            raise WarehouseError(
                f"warehouse {self.address.place} cannot be reached as '{self.address.user}': {_said(error)}",
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
        import redshift_connector

        try:
            cursor = Cursor(self._connection.cursor())
            cursor.execute(f"SET search_path TO {quoted(self.address.schema)}")
            yield cursor
            if keep:
                self._connection.commit()
        except (redshift_connector.Error, OSError) as error:
            if CONFLICT.search(str(error)):
                raise Conflict(
                    f"warehouse {self.address.place}: {_said(error)}",
                    "another transaction went first; run again",
                ) from error
            raise WarehouseError(
                f"warehouse {self.address.place}: {_said(error)}",
                "check the role's rights, and sys_query_history for the statement, then run again",
            ) from error
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        import redshift_connector

        try:
            if not self.is_cut_off:
                self._connection.rollback()
        except (redshift_connector.Error, OSError):  # it broke: the server rolls back by itself
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
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row_of_places] * len(some))}",  # noqa: S608
                [value for row in some for value in row],
            )

    def stage(self, frame: "DataFrame", target: Target, name: str) -> Staged:
        staged, files = self._files.write(frame, target, name)
        with self.transaction() as cursor:
            self._copy(cursor, name, target, files)
        return staged

    def stage_within(self, cursor: Any, frame: "DataFrame", target: Target, name: str) -> Staged:
        staged, files = self._files.write(frame, target, name)
        try:
            self._copy(cursor, name, target, files)
        finally:
            self._files.remove(name)
        return staged

    def _copy(self, cursor: Any, name: str, target: Target, files: StagedFiles) -> None:
        """COPY the files of successful tasks, and no others: the manifest names them with their lengths."""
        import redshift_connector

        if not files:
            return
        manifest = self._files.write_manifest(name, files)
        role = self._files.role
        try:
            cursor.execute(f"COPY {name} FROM '{manifest}' IAM_ROLE {role} FORMAT AS PARQUET MANIFEST")
        except redshift_connector.Error as error:
            self._connection.rollback()
            raise WarehouseError(
                f"warehouse {self.address.place}: COPY of {target.table} failed: {self._load_error() or _said(error)}",
                "nothing was published; see sys_load_error_detail for more, mend it and run again",
            ) from error

    def _load_error(self) -> str:
        """What Redshift notes of this session's last failed COPY."""
        import redshift_connector

        for query in LOAD_ERRORS:
            try:
                cursor = Cursor(self._connection.cursor())
                cursor.execute(query)
                if row := cursor.fetchone():
                    reason, column, file = (str(part).strip() for part in row)
                    return f"{reason} (column {column or 'unknown'}, file {file or 'unknown'})"
            except redshift_connector.Error:  # the view is not there, or not for us
                self._connection.rollback()
        return ""

    def drop_staging(self, cursor: Any, name: str) -> None:
        super().drop_staging(cursor, name)
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

    def lock_record(self, cursor: Any, table: str) -> None:  # noqa: ARG002 - all queue at the same table
        cursor.execute("LOCK etl_lock")

    def lock(self, cursor: Any, target: Target) -> None:  # noqa: ARG002 - all queue at the same table
        cursor.execute("LOCK etl_lock")


def _said(error: BaseException) -> str:
    """redshift_connector puts the server's whole message, a dict, into its errors; the text of it is under M."""
    said = error.args[0] if error.args else ""
    if isinstance(said, dict):
        return " ".join(str(said.get(part, "")) for part in "MDH").strip()
    return first_line(error)


def _statements(text: str) -> list[str]:
    """The statements of a script; the driver takes one at a time. No text of ours has a semicolon in a string."""
    plain = re.sub(r"--.*", "", text)
    return [statement.strip() for statement in plain.split(";") if statement.strip()]
