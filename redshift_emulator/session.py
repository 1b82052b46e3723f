"""One client's session: its messages judged, translated and passed on, in a PostgreSQL session of its own."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from redshift_emulator import copy, greeting, rules, said, scan
from redshift_emulator.backend import Backend, BackendError
from redshift_emulator.habits import Habits
from redshift_emulator.settings import OWN
from redshift_emulator.statement import Statement, understood
from redshift_emulator.wire import ConnectionLostError, Refusal, Wire, taken, text
from redshift_emulator.words import split, tokens
from redshift_emulator.words import text as joined

if TYPE_CHECKING:
    from redshift_emulator.emulator import Emulator

#: Messages of the extended protocol that a simple query is not answered with.
_EXTENDED = (b"1", b"2", b"3", b"n", b"t")
#: Settings whose changes are nobody's business.
_INNER = (b"redshift_emulator", b"standard_conforming", b"default_trans")


@dataclass
class Prepared:
    """A named statement of the client."""

    statement: Statement
    types: bytes


class Session:
    """Runs in a thread of its own until either side goes."""

    def __init__(self, emulator: Emulator, plain: socket.socket) -> None:
        self.emulator = emulator
        self.client = Wire(plain)
        self.statements: dict[str, Prepared] = {}
        self.portals: dict[str, Prepared] = {}
        #: After an error, messages are ignored up to the next Sync, here as in PostgreSQL.
        self.failed = False
        self._is_simple = False
        self._backend: Backend | None = None

    def run(self) -> None:
        """Greet, then answer message by message."""
        try:
            self.client, self.database, settings = self.emulator.door.open(self.client)
            self._open(settings)
            while self._answer(*self.client.read()):
                pass
        except (ConnectionLostError, Refusal, ssl.SSLError):
            pass  # whom to tell it to is gone, or was told
        finally:
            self.close()

    def close(self) -> None:
        """Let both sides go; what was not committed is rolled back."""
        if self._backend is not None:
            self._backend.close()
        self.client.close()

    @property
    def backend(self) -> Backend:
        """PostgreSQL's side."""
        assert self._backend is not None
        return self._backend

    def _open(self, settings: dict[str, str]) -> None:
        settings["default_transaction_isolation"] = self.emulator.isolation
        self._backend = self.emulator.backend(self.database, self._emit, settings)
        self.habits = Habits(self.backend, locks_writers=self.emulator.isolation == "serializable")
        for name, value in {**OWN, "slices": self.emulator.slices or 0}.items():
            self.backend.run(f"SELECT set_config('redshift_emulator.{name}', '{value}', false)")
        self.backend.sync()
        greeting.welcome(self.client)

    # Messages.

    def _answer(self, kind: bytes, body: bytes) -> bool:
        """One message of the client; False when it says good-bye."""
        if kind == b"X":
            return False
        if kind == b"S":
            status = self.backend.sync()
            self.failed = False
            self.client.send((b"Z", status))
        elif kind == b"Q":
            self._simple(taken(body)[0])
        elif kind == b"H" or self.failed:
            pass
        else:
            self._guarded(kind, body)
        return True

    def _guarded(self, kind: bytes, body: bytes) -> None:
        handlers = {
            b"P": self._parse,
            b"B": self._bind,
            b"D": self._describe,
            b"E": self._execute,
            b"C": self._close,
        }
        handler = handlers.get(kind)
        try:
            if handler is None:
                raise Refusal("08P01", f"the emulator does not know message {kind!r}")
            handler(body)
        except Refusal as refusal:
            self._fail(refusal)
        except BackendError as error:
            self.failed = True
            self._error(said.translated(error.fields, self.habits.table_id))
        except ConnectionLostError:
            raise
        except Exception as error:  # a fault of the emulator's own: whoever sees it shall know whose it is
            self._fail(Refusal("XX000", f"emulator: {type(error).__name__}: {error}"))

    def _simple(self, sql: str) -> None:
        """A simple query: each of its statements by the extended protocol, which changes no meaning."""
        self._is_simple = True
        for part in split(tokens(sql), ";") or [tokens("")]:
            if self.failed:
                break
            for kind, body in (
                (b"P", text("") + text(joined(part).strip()) + b"\0\0"),
                (b"B", text("") + text("") + bytes(6)),
                (b"D", b"P" + text("")),
                (b"E", text("") + bytes(4)),
            ):
                if not self.failed:
                    self._guarded(kind, body)
        self._is_simple = False
        status = self.backend.sync()
        self.failed = False
        self.client.send((b"Z", status))

    _quiet = False

    def _emit(self, kind: bytes, body: bytes) -> None:
        """Hand the client a message; in a simple query, those of the extended protocol are left out."""
        if self._is_simple and kind in _EXTENDED:
            return
        if kind == b"S" and body.startswith(_INNER):
            return
        self.client.send((kind, body))

    def _parse(self, body: bytes) -> None:
        name, at = taken(body)
        sql, at = taken(body, at)
        types = body[at:]
        self.emulator.saw(sql)
        statement = understood(sql)
        if self.emulator.slices is None:
            rules.check_on_serverless(statement.line)
        if statement.word == "COPY":
            copy.parse(statement.text)
        self.habits.before(statement)
        if statement.sql is not None:
            for kind, answer in self.backend.ask(b"P", text(name) + text(statement.sql) + types, b"1"):
                self._emit(kind, answer)
        else:
            self.backend.run("SELECT 1")  # an error if the transaction has failed already
            self._emit(b"1", b"")
        self.statements[name] = Prepared(statement, types)

    def _bind(self, body: bytes) -> None:
        portal, at = taken(body)
        name, at = taken(body, at)
        prepared = self._prepared(name)
        self.habits.before(prepared.statement)
        self.habits.lock(prepared.statement)
        if prepared.statement.sql is None:
            self._emit(b"2", b"")
        else:
            for kind, answer in self.backend.ask(b"B", body, b"2"):
                self._emit(kind, answer)
        self.portals[portal] = prepared

    def _prepared(self, name: str) -> Prepared:
        if name not in self.statements:
            raise Refusal("26000", f'prepared statement "{name}" does not exist')
        return self.statements[name]

    def _describe(self, body: bytes) -> None:
        name = taken(body, 1)[0]
        of_statement = body[:1] == b"S"
        prepared = self._prepared(name) if of_statement else self.portals.get(name)
        if prepared is not None and prepared.statement.sql is None:
            if of_statement:
                self._emit(b"t", b"\0\0")
            self._emit(b"n", b"")
            return
        for kind, answer in self.backend.ask(b"D", body, b"Tn"):
            self._emit(kind, answer)

    def _close(self, body: bytes) -> None:
        name = taken(body, 1)[0]
        (self.statements if body[:1] == b"S" else self.portals).pop(name, None)
        for kind, answer in self.backend.ask(b"C", body, b"3"):
            self._emit(kind, answer)

    def _execute(self, body: bytes) -> None:
        prepared = self.portals.get(taken(body)[0])
        if prepared is None:
            raise Refusal("34000", "portal does not exist")
        statement = prepared.statement
        if statement.word in ("COMMIT", "END"):
            self._commit(body)
        elif statement.word == "COPY":
            self._copy(copy.parse(statement.text))
        elif statement.sql is None:
            self.habits.remember(statement)
            self._emit(b"C", text(statement.tag))
        else:
            last = self._forward(body)
            self.habits.after(statement)
            if last is not None:
                self._emit(*last)

    def _forward(self, body: bytes) -> tuple[bytes, bytes] | None:
        """Pass an Execute on; its last message is kept back until what belongs to it is done as well."""
        for kind, answer in self.backend.ask(b"E", body, b"CIs"):
            if kind in b"CIs":
                return kind, answer
            self._emit(kind, answer)
        return None

    def _commit(self, body: bytes) -> None:
        faults = self.emulator.faults
        if faults.takes("conflict"):
            raise said.conflict(self.habits.table_id)
        if faults.takes("cut before commit"):
            raise ConnectionLostError("cut before COMMIT reached the backend")
        last = self._forward(body)
        if faults.takes("cut after commit"):
            raise ConnectionLostError("cut after COMMIT")
        if last is not None:
            self._emit(*last)

    def _copy(self, order: copy.Copy) -> None:
        rows = scan.execute(
            self.backend, self.emulator.scanner, order, partial(self.emulator.load_failed, self.database)
        )
        self.backend.run(f"SELECT set_config('redshift_emulator.last_copy_count', '{rows}', false)")
        told = f"Load into table '{order.table}' completed, {rows} record(s) loaded successfully."
        self._emit(b"N", Refusal("00000", told).packed("INFO"))
        self._emit(b"C", text(f"COPY {rows}"))

    # Errors.

    def _fail(self, refusal: Refusal) -> None:
        """An error of the emulator's own: the transaction is to fail as it would by one of PostgreSQL's."""
        self.failed = True
        if self.backend.status != b"I" and not self.backend.ignores:
            try:
                self.backend.run("SELECT redshift_emulator.refuse('XX000', 'refused')")
            except BackendError as error:
                if error.fields.get("C") == "25P02":  # it had failed before
                    refusal = said.translated(error.fields, self.habits.table_id)
        self._error(refusal)

    def _error(self, refusal: Refusal) -> None:
        self.client.send((b"E", refusal.packed()))
