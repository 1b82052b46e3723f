"""The source database: a connection, and from begin() on one snapshot that all reads of a job share."""

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import errors as postgres_errors

from dvdrental_etl.config import Database
from dvdrental_etl.db import postgres, settings
from dvdrental_etl.db.names import quoted
from dvdrental_etl.db.watch import DRIVER
from dvdrental_etl.errors import SourceError, first_line
from dvdrental_etl.limits import DEFAULT_LIMITS, Limits
from dvdrental_etl.model.source_tables import SourceTable
from dvdrental_etl.model.targets import Reconciled
from dvdrental_etl.model.totals import Totals

if TYPE_CHECKING:
    from dvdrental_etl.db.watched import WatchedConnection

#: Queries on the source at the same time, each on a connection of its own. Each is one scan of one table.
PARALLEL_QUERIES = 4


@dataclass(frozen=True)
class Snapshot:
    """What all readers of a run see of the source.

    visible: pg_current_snapshot() as text, "xmin:xmax:in progress"; transactions below xmin had ended.
    origin: tells one source from another, and from itself restored: system identifier, timeline, database.
    """

    exported_id: str
    visible: str
    lsn: str
    time_zone: str
    origin: str

    @property
    def horizon(self) -> int:
        """The oldest transaction that had not ended: this snapshot may not show what it and later ones write."""
        return int(self.visible.split(":")[0])

    @property
    def next_transaction(self) -> int:
        """The first transaction that had not begun."""
        return int(self.visible.split(":")[1])


class Source:
    """A connection to the source, read-only. A context manager: the snapshot is valid while it is open."""

    def __init__(self, database: Database, limits: Limits = DEFAULT_LIMITS) -> None:
        self.database, self.limits = database, limits
        self._connection: WatchedConnection
        self.snapshot: Snapshot

    def __enter__(self) -> "Source":
        try:
            self._connection = postgres.connect(self.database.libpq(), DRIVER, self.limits)
        except psycopg2.OperationalError as error:
            raise SourceError(
                f"source {self.database.place} cannot be reached as '{self.database.user}': {first_line(error)}",
                postgres.advice("source", error),
            ) from None
        self._require_own_session()
        self._connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        return self

    def _require_own_session(self) -> None:
        """Raise SourceError if a pooler lends the server's session of this connection to another one meanwhile."""
        if not self._connection.has_pooler:
            return
        with closing(postgres.connect(self.database.libpq(), DRIVER, self.limits)) as other:
            is_shared = other.server_pid == self._connection.server_pid
        if is_shared:
            self._connection.close()
            raise SourceError(
                f"source {self.database.place}: a pooler shares sessions by transaction or statement, and exported"
                " snapshots need session pooling",
                "set pool_mode=session for this user (pgbouncer), or name the server itself in source.url",
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def settings(self, **more: str) -> list[str]:
        """The statements with which each transaction on the source begins. A view's functions may need its schema."""
        path = "pg_catalog", self.database.schema
        return settings.statements(self._connection.server_version, path, **more)

    def clock(self) -> dt.datetime:
        """The source's time, without zone. Called before begin()."""
        self._set()
        now: dt.datetime = self.rows("SELECT LOCALTIMESTAMP")[0][0]
        self._connection.rollback()
        return now

    def begin(self) -> None:
        """Take the snapshot that all reads from now on see."""
        self._set()
        exported_id, visible, lsn, time_zone, database = self.rows("""
            SELECT pg_export_snapshot(), CAST(txid_current_snapshot() AS text),
                CAST(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS text),
                current_setting('TimeZone'), (SELECT oid FROM pg_database WHERE datname = current_database())
        """)[0]
        self.snapshot = Snapshot(
            exported_id, visible, lsn, time_zone, f"{self._server()}, database {database}"
        )

    def in_parallel(self, *queries: "Callable[[Source], Any]") -> Iterator[Any]:
        """The results of the queries in their order, each as soon as it is there.

        All see this snapshot; each runs on a connection of its own.
        """

        def run(query: "Callable[[Source], Any]") -> Any:
            with Source(self.database, self.limits) as other:
                other._import(self.snapshot)
                return query(other)

        with ThreadPoolExecutor(PARALLEL_QUERIES) as pool:
            yield from pool.map(run, queries)

    def _set(self, **more: str) -> None:
        self.rows("; ".join(self.settings(**more)))

    def _import(self, snapshot: Snapshot) -> None:
        self.rows("SET TRANSACTION SNAPSHOT %s", (snapshot.exported_id,))
        self._set(TimeZone=snapshot.time_zone)
        self.snapshot = snapshot

    def _server(self) -> str:
        """Which server, and which timeline; a managed service that hides its control file is "system unknown"."""
        functions = "pg_control_system()", "pg_control_checkpoint()"
        if not all(self.rows("SELECT has_function_privilege(%s, 'EXECUTE')", (f,))[0][0] for f in functions):
            return "system unknown"
        system, timeline = self.rows(
            "SELECT s.system_identifier, c.timeline_id FROM pg_control_system() s CROSS JOIN pg_control_checkpoint() c"
        )[0]
        return f"system {system}, timeline {timeline}"

    def rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query on the connection that holds the snapshot. Raises SourceError."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(query, parameters)
                return list(cursor.fetchall()) if cursor.description else []
        except postgres_errors.LockNotAvailable as error:
            raise SourceError(
                f"source {self.database.place}: no lock within {self.limits.lock_seconds} s:"
                f" {self._connection.waited_for or first_line(error)}",
                "end that session (pg_terminate_backend), or wait for it, then run again",
            ) from error
        except psycopg2.Error as error:
            raise SourceError(
                f"source {self.database.place}: {first_line(error)}",
                "check the role's rights and the server's log",
            ) from error

    def in_its_time_zone(self, instant: dt.datetime) -> dt.datetime:
        """An instant with a zone, as the source's time zone writes it, without zone."""
        query = "SELECT CAST(CAST(%s AS timestamptz) AS timestamp)"
        local: dt.datetime = self.rows(query, (instant.isoformat(),))[0][0]
        return local

    def name(self, table: str) -> str:
        """A table as SQL names it."""
        return f"{quoted(self.database.schema)}.{quoted(table)}"

    def totals(self, table: SourceTable, reconciled: Reconciled | None) -> Totals:
        """Rows of a table, and money where it is reconciled, per day of the source's own calendar, as they are read."""
        day, amount = "CAST(NULL AS date)", "NULL"
        if reconciled:
            day = f"CAST({table.expression(reconciled.day)} AS date)"
            amount = f"SUM({table.expression(reconciled.amount)})"
        query = f"SELECT {day}, COUNT(*), {amount} FROM {self.name(table.name)} GROUP BY 1"
        return {row[0]: (row[1], row[2]) for row in self.rows(query)}
