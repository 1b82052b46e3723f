"""COPY into a staging table of Redshift, and the proof that it read the timestamps that were written."""

from dataclasses import dataclass
from typing import Any

from dvdrental_etl.db import redshift
from dvdrental_etl.db.cursor import Cursor
from dvdrental_etl.db.redshift import RedshiftCursor
from dvdrental_etl.errors import WarehouseError
from dvdrental_etl.staging.bounds import Bounds

#: Today's view, and the table that exists on clusters only.
LOAD_ERRORS = (
    """SELECT error_message, column_name, file_name FROM sys_load_error_detail
    WHERE session_id = pg_backend_pid() ORDER BY start_time DESC LIMIT 1""",
    """SELECT err_reason, colname, filename FROM stl_load_errors
    WHERE session = pg_backend_pid() ORDER BY starttime DESC LIMIT 1""",
)


@dataclass(frozen=True)
class Copy:
    """A COPY on a connection of redshift_connector. what: which table of which warehouse, for messages."""

    connection: Any
    what: str

    def run(self, cursor: Cursor, statement: str) -> None:
        """Run it. Raises WarehouseError with what Redshift recorded."""
        try:
            cursor.execute(statement)
        except redshift.Errors as error:
            self.connection.rollback()
            why = self._recorded_error() or redshift.message(error)
            raise WarehouseError(
                f"{self.what} failed: {why}",
                "nothing was published; see sys_load_error_detail, correct the cause and run again",
            ) from error

    def _recorded_error(self) -> str:
        """What Redshift recorded about this session's last failed COPY; empty if that cannot be read."""
        for query in LOAD_ERRORS:
            try:
                cursor = RedshiftCursor(self.connection.cursor())
                cursor.execute(query)
                if row := cursor.fetchone():
                    reason, column, file = (str(part).strip() for part in row)
                    return f"{reason} (column {column or 'unknown'}, file {file or 'unknown'})"
            except redshift.Errors:  # the view does not exist, or this user may not read it
                self.connection.rollback()
        return ""

    def require_read_as_written(self, cursor: Cursor, table: str, written: Bounds) -> None:
        """Raise WarehouseError if a column's earliest or latest timestamp is not the one that was written.

        COPY may read an encoding of timestamps as other ones, without an error; counts would still agree.
        """
        ends = [f"{end}({column})" for column in written for end in ("MIN", "MAX")]
        if not ends:
            return
        # As text: the driver could not represent a year above 9999.
        listed = ", ".join(f"TO_CHAR({end}, 'YYYY-MM-DD HH24:MI:SS.US')" for end in ends)
        cursor.execute(f"SELECT {listed} FROM {table}")
        sent = [end for bounds in written.values() for end in bounds]
        for end, before, after in zip(ends, sent, cursor.fetchone() or (), strict=True):
            if before != after:
                raise WarehouseError(
                    f"{self.what} reads other timestamps than were written: {end} was {before} and is {after}",
                    "nothing was published; please report it with the cluster's version: SELECT version()",
                )
