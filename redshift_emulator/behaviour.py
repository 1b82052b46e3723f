"""What Redshift does before and after a statement, and PostgreSQL does not."""

from __future__ import annotations

import json

from redshift_emulator.backend import Backend, quoted
from redshift_emulator.rules import NOT_IN_A_BLOCK
from redshift_emulator.statement import Statement
from redshift_emulator.wire import SqlError


class Behaviour:
    """Redshift's behaviour in one session. locks_writers: a table has one writing transaction at a time."""

    def __init__(self, backend: Backend, locks_writers: bool) -> None:
        self.backend = backend
        self.locks_writers = locks_writers
        #: The table that was written last; error 1023 names it.
        self.table_id = "0"

    def check(self, statement: Statement) -> None:
        """Reject statements that may not run in a transaction block. Raises SqlError."""
        match = NOT_IN_A_BLOCK.match(statement.line)
        if match and self.backend.status == b"T":
            raise SqlError("25001", f"{match.group()} cannot run inside a transaction block")

    def lock(self, statement: Statement) -> None:
        """Wait until no other transaction writes the table. Readers do not wait.

        The query for the table's oid takes the snapshot before the wait, as Redshift does.
        """
        if (table := statement.written_table) and self.backend.status == b"T":
            self.table_id = self.backend.value(f"SELECT to_regclass({quoted(table)})::oid") or "0"
            if self.locks_writers and statement.command not in ("TRUNCATE", "ALTER"):
                self.backend.run(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

    def after(self, statement: Statement) -> None:
        """The follow-up work of a statement that PostgreSQL has run. Raises SqlError, BackendError."""
        self.record_design(statement)
        if statement.command == "TRUNCATE" and self.backend.status == b"T":
            self.backend.run("COMMIT")
        if statement.appended_from is not None:
            self.backend.run(f"DELETE FROM {statement.appended_from}")

    def record_design(self, statement: Statement) -> None:
        """Record a table's design, and make its varchar columns count bytes. Raises SqlError, BackendError."""
        if (made := statement.definition) is None:
            return
        name = quoted(made.table)
        if self.backend.value(f"SELECT to_regclass({name})::oid") is None:
            raise SqlError("42P01", f'relation "{made.table}" does not exist')
        columns = f"SELECT attname FROM pg_attribute WHERE attrelid = {name}::regclass AND NOT attisdropped"
        known = {row[0] for row in self.backend.run(columns)}
        for column in (made.design.distkey, *made.design.sortkey):
            if column and column not in known:
                raise SqlError("42703", f'column "{column}" does not exist')
        facts = json.dumps(made.design.facts())
        self.backend.run(f"SELECT redshift_emulator.after_ddl({name}, {quoted(facts)}::jsonb)")
