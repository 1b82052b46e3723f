"""What Redshift does around a statement and PostgreSQL does not."""

from __future__ import annotations

import json

from redshift_emulator.backend import Backend, quoted
from redshift_emulator.rules import NOT_IN_A_BLOCK
from redshift_emulator.statement import Statement
from redshift_emulator.wire import Refusal


class Habits:
    """Of one session. locks_writers: a table that is written belongs to its writer until the transaction ends."""

    def __init__(self, backend: Backend, locks_writers: bool) -> None:
        self.backend = backend
        self.locks_writers = locks_writers
        #: The table written last, for error 1023.
        self.table_id = "0"

    def before(self, statement: Statement) -> None:
        """Hold what depends on the transaction's state. Raises Refusal."""
        match = NOT_IN_A_BLOCK.match(statement.line)
        if match and self.backend.status == b"T":
            raise Refusal("25001", f"{match.group()} cannot run inside a transaction block")

    def lock(self, statement: Statement) -> None:
        """Wait for the writer before. Readers go on.

        The question for the table's number takes the snapshot, as Redshift does, before the wait and not after it.
        """
        if (table := statement.written) and self.backend.status == b"T":
            self.table_id = self.backend.value(f"SELECT to_regclass({quoted(table)})::oid") or "0"
            if self.locks_writers and statement.word not in ("TRUNCATE", "ALTER"):
                self.backend.run(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

    def after(self, statement: Statement) -> None:
        """What belongs to a statement that PostgreSQL has run."""
        self.remember(statement)
        if statement.word == "TRUNCATE" and self.backend.status == b"T":
            self.backend.run("COMMIT")
        if statement.emptied is not None:
            self.backend.run(f"DELETE FROM {statement.emptied}")

    def remember(self, statement: Statement) -> None:
        """The design of a table, and that its strings count bytes. Raises Refusal, BackendError."""
        if (made := statement.definition) is None:
            return
        name = quoted(made.table)
        if self.backend.value(f"SELECT to_regclass({name})::oid") is None:
            raise Refusal("42P01", f'relation "{made.table}" does not exist')
        columns = f"SELECT attname FROM pg_attribute WHERE attrelid = {name}::regclass AND NOT attisdropped"
        known = {row[0] for row in self.backend.run(columns)}
        for column in (made.design.distkey, *made.design.sortkey):
            if column and column not in known:
                raise Refusal("42703", f'column "{column}" does not exist')
        facts = json.dumps(made.design.facts())
        self.backend.run(f"SELECT redshift_emulator.after_ddl({name}, {quoted(facts)}::jsonb)")
