"""Messages of the extended query protocol: Parse, Bind, Describe, Execute and Close."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from redshift_emulator import bound_values, copy, rules, scan
from redshift_emulator.backend import Backend
from redshift_emulator.behaviour import Behaviour
from redshift_emulator.errors import serialization_conflict
from redshift_emulator.statement import Statement, translate
from redshift_emulator.wire import ConnectionLostError, SqlError, cstring, read_string

if TYPE_CHECKING:
    from redshift_emulator.emulator import Emulator


@dataclass(frozen=True)
class Prepared:
    """A prepared statement of the client."""

    statement: Statement
    types: bytes


class ExtendedQuery:
    """Answers these messages for one session. The answers go out by `backend.emit`."""

    def __init__(self, emulator: Emulator, database: str, backend: Backend, behaviour: Behaviour) -> None:
        self._emulator, self._database = emulator, database
        self._backend, self._behaviour = backend, behaviour
        self._emit = backend.emit
        self._statements: dict[str, Prepared] = {}
        self._portals: dict[str, Prepared] = {}
        self._answers = {
            b"P": self._parse,
            b"B": self._bind,
            b"D": self._describe,
            b"E": self._execute,
            b"C": self._close,
        }

    def answer(self, kind: bytes, body: bytes) -> None:
        """Answer one message. Raises SqlError, BackendError, ConnectionLostError."""
        answer = self._answers.get(kind)
        if answer is None:
            raise SqlError("08P01", f"the emulator does not know message {kind!r}")
        answer(body)

    def _parse(self, body: bytes) -> None:
        name, at = read_string(body)
        sql, at = read_string(body, at)
        types = body[at:]
        self._emulator.record_statement(sql)
        statement = translate(sql)
        if statement.command in ("SELECT", "INSERT", "WITH", "CREATE"):
            bound_values.check(statement.text, types)
        if self._emulator.slices is None:
            rules.check_on_serverless(statement.line)
        if statement.command == "COPY":
            copy.parse(statement.text)
        self._behaviour.check(statement)
        if statement.sql is not None:
            self._pass_on(b"P", cstring(name) + cstring(statement.sql) + types, until=b"1")
        else:
            self._backend.run("SELECT 1")  # an error if the transaction has failed already
            self._emit(b"1", b"")
        self._statements[name] = Prepared(statement, types)

    def _bind(self, body: bytes) -> None:
        portal, at = read_string(body)
        name, at = read_string(body, at)
        prepared = self._prepared(name)
        self._behaviour.check(prepared.statement)
        self._behaviour.lock(prepared.statement)
        if prepared.statement.sql is None:
            self._emit(b"2", b"")
        else:
            self._pass_on(b"B", body, until=b"2")
        self._portals[portal] = prepared

    def _prepared(self, name: str) -> Prepared:
        if name not in self._statements:
            raise SqlError("26000", f'prepared statement "{name}" does not exist')
        return self._statements[name]

    def _describe(self, body: bytes) -> None:
        name = read_string(body, 1)[0]
        of_statement = body[:1] == b"S"
        prepared = self._prepared(name) if of_statement else self._portals.get(name)
        if prepared is not None and prepared.statement.sql is None:
            if of_statement:
                self._emit(b"t", b"\0\0")
            self._emit(b"n", b"")
            return
        self._pass_on(b"D", body, until=b"Tn")

    def _close(self, body: bytes) -> None:
        name = read_string(body, 1)[0]
        (self._statements if body[:1] == b"S" else self._portals).pop(name, None)
        self._pass_on(b"C", body, until=b"3")

    def _pass_on(self, kind: bytes, body: bytes, until: bytes) -> None:
        """Send a message to PostgreSQL, and all of its answers to the client."""
        for answer in self._backend.request(kind, body, until):
            self._emit(*answer)

    def _execute(self, body: bytes) -> None:
        prepared = self._portals.get(read_string(body)[0])
        if prepared is None:
            raise SqlError("34000", "portal does not exist")
        statement = prepared.statement
        if statement.command in ("COMMIT", "END"):
            self._commit(body)
        elif statement.command == "COPY":
            self._copy(copy.parse(statement.text))
        elif statement.sql is None:
            self._behaviour.record_design(statement)
            self._emit(b"C", cstring(statement.tag))
        else:
            last = self._run(body)
            self._behaviour.after(statement)
            if last is not None:
                self._emit(*last)

    def _run(self, body: bytes) -> tuple[bytes, bytes] | None:
        """Let PostgreSQL execute; the last answer is returned, to be sent when the follow-up work is done."""
        for kind, answer in self._backend.request(b"E", body, b"CIs"):
            if kind in b"CIs":
                return kind, answer
            self._emit(kind, answer)
        return None

    def _commit(self, body: bytes) -> None:
        faults = self._emulator.faults
        if faults.is_due("conflict"):
            raise serialization_conflict(self._behaviour.table_id)
        if faults.is_due("cut before commit"):
            raise ConnectionLostError("cut before COMMIT reached the backend")
        last = self._run(body)
        if faults.is_due("cut after commit"):
            raise ConnectionLostError("cut after COMMIT")
        if last is not None:
            self._emit(*last)

    def _copy(self, command: copy.Copy) -> None:
        record_error = partial(self._emulator.record_load_error, self._database)
        rows = scan.execute(self._backend, self._emulator.scanner, command, record_error)
        self._backend.run(f"SELECT set_config('redshift_emulator.last_copy_count', '{rows}', false)")
        message = f"Load into table '{command.table}' completed, {rows} record(s) loaded successfully."
        self._emit(b"N", SqlError("00000", message).packed("INFO"))
        self._emit(b"C", cstring(f"COPY {rows}"))
