"""One client's session: its messages judged, translated and passed on, in a PostgreSQL session of its own."""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import ssl
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.cluster import HOST
from sandbox.redshift import copy, scan
from sandbox.redshift.backend import Backend, BackendError, quoted
from sandbox.redshift.rules import NOT_IN_A_BLOCK
from sandbox.redshift.statement import OWN_SETTINGS, Statement, understood
from sandbox.redshift.wire import (
    CANCEL_REQUEST,
    PROTOCOL_3,
    SSL_REQUEST,
    ConnectionLostError,
    Refusal,
    Wire,
    start_parameters,
    taken,
    text,
)
from sandbox.redshift.words import split, tokens
from sandbox.redshift.words import text as joined

if TYPE_CHECKING:
    from sandbox.redshift.emulator import Emulator

#: What a client may name at the start and PostgreSQL knows; Redshift's own parameters are dropped.
PASSED = ("application_name", "client_encoding", "options")
CONFLICT = (
    "Serializable isolation violation on table - {0}, transactions forming the cycle are: {1}, {2} (pid:{3})"
)


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
        self.backend: Backend | None = None
        self.statements: dict[str, Prepared] = {}
        self.portals: dict[str, Prepared] = {}
        self.table_id = "0"
        #: After an error, messages are ignored up to the next Sync, here as in PostgreSQL.
        self.failed = False

    def run(self) -> None:
        """Greet, then answer message by message."""
        try:
            if self._greet():
                while self._answer(*self.client.read()):
                    pass
        except (ConnectionLostError, ssl.SSLError):
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Let both sides go; what was not committed is rolled back."""
        if self.backend is not None:
            self.backend.close()
        self.client.close()

    # Greeting.

    def _greet(self) -> bool:
        code, body = self.client.start_packet()
        if code == CANCEL_REQUEST:
            return False
        if code != SSL_REQUEST:
            parameters = start_parameters(body)
            what = f'no pg_hba.conf entry for host "{HOST}", user "{parameters.get("user")}", SSL off'
            self._error(Refusal("28000", what, hint="the cluster has require_ssl: connect with TLS"), "FATAL")
            return False
        self.client.send_raw(b"S")
        try:
            self.client = Wire(self.emulator.tls.wrap_socket(self.client.socket, server_side=True))
        except OSError as error:
            raise ConnectionLostError(str(error)) from error
        code, body = self.client.start_packet()
        if code != PROTOCOL_3:
            return False
        parameters = start_parameters(body)
        if not self._is_password_right(parameters.get("user", "")):
            what = f'password authentication failed for user "{parameters.get("user")}"'
            self._error(Refusal("28000", what), "FATAL")
            return False
        database = parameters.get("database", parameters.get("user", ""))
        if database != self.emulator.database:
            self._error(Refusal("3D000", f'database "{database}" does not exist'), "FATAL")
            return False
        self._open(parameters)
        return True

    def _is_password_right(self, user: str) -> bool:
        """MD5, with a salt for each connection."""
        salt = secrets.token_bytes(4)
        self.client.send((b"R", struct.pack("!i", 5) + salt))
        kind, answer = self.client.read()
        inner = hashlib.md5((self.emulator.password + self.emulator.user).encode(), usedforsecurity=False)
        digest = hashlib.md5(inner.hexdigest().encode() + salt, usedforsecurity=False).hexdigest()
        wanted = b"md5" + digest.encode() + b"\0"
        return kind == b"p" and user == self.emulator.user and secrets.compare_digest(answer, wanted)

    def _open(self, parameters: dict[str, str]) -> None:
        settings = {name: parameters[name] for name in PASSED if name in parameters}
        settings["default_transaction_isolation"] = self.emulator.isolation
        self.backend = self.emulator.backend(self._emit, settings)
        for name, value in OWN_SETTINGS.items():
            self.backend.run(f"SELECT set_config('redshift_emulator.{name}', '{value}', false)")
        self.backend.sync()
        # No server_protocol_version: the driver then takes numbers and dates as text, as PostgreSQL writes them.
        said = {
            "server_version": "8.0.2",
            "server_encoding": "UNICODE",
            "client_encoding": "UTF8",
            "DateStyle": "ISO, MDY",
            "integer_datetimes": "on",
            "TimeZone": "UTC",
            "padb_version": "1.0.0",
            "is_superuser": "off",
        }
        self.client.send(
            (b"R", struct.pack("!i", 0)),
            *((b"S", text(name) + text(value)) for name, value in said.items()),
            (b"K", struct.pack("!ii", secrets.randbelow(1 << 30), 0)),
            (b"Z", b"I"),
        )

    # Messages.

    def _answer(self, kind: bytes, body: bytes) -> bool:
        """One message of the client; False when it says good-bye."""
        assert self.backend is not None
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
            self._error(self._translated(error))

    def _simple(self, sql: str) -> None:
        """A simple query: each of its statements by the extended protocol, which changes no meaning."""
        assert self.backend is not None
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
                    self._quiet = kind != b"E"
                    self._guarded(kind, body)
        self._quiet = False
        status = self.backend.sync()
        self.failed = False
        self.client.send((b"Z", status))

    _quiet = False

    def _emit(self, kind: bytes, body: bytes) -> None:
        """Hand the client a message; in a simple query, those of the extended protocol are left out."""
        if self._quiet and kind in (b"1", b"2", b"3", b"n", b"t"):
            return
        if kind == b"S" and body.startswith((b"redshift_emulator", b"standard_conforming", b"default_trans")):
            return
        self.client.send((kind, body))

    def _parse(self, body: bytes) -> None:
        assert self.backend is not None
        name, at = taken(body)
        sql, at = taken(body, at)
        types = body[at:]
        self.emulator.saw(sql)
        statement = understood(sql)
        if statement.word == "COPY":
            copy.parse(statement.text)
        self._before(statement)
        if statement.sql is not None:
            for kind, answer in self.backend.ask(b"P", text(name) + text(statement.sql) + types, b"1"):
                self._emit(kind, answer)
        else:
            self.backend.run("SELECT 1")  # an error if the transaction has failed already
            self._emit(b"1", b"")
        self.statements[name] = Prepared(statement, types)

    def _bind(self, body: bytes) -> None:
        assert self.backend is not None
        portal, at = taken(body)
        name, at = taken(body, at)
        prepared = self._prepared(name)
        self._before(prepared.statement)
        self._lock_written(prepared.statement)
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
        assert self.backend is not None
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
        assert self.backend is not None
        name = taken(body, 1)[0]
        (self.statements if body[:1] == b"S" else self.portals).pop(name, None)
        for kind, answer in self.backend.ask(b"C", body, b"3"):
            self._emit(kind, answer)

    def _execute(self, body: bytes) -> None:
        assert self.backend is not None
        prepared = self.portals.get(taken(body)[0])
        if prepared is None:
            raise Refusal("34000", "portal does not exist")
        statement = prepared.statement
        if statement.word in ("COMMIT", "END"):
            self._commit(body)
        elif statement.word == "COPY":
            self._copy(copy.parse(statement.text))
        elif statement.sql is None:
            self._remember(statement)
            self._emit(b"C", text(statement.tag))
        else:
            last = self._forward(body)
            self._after(statement)
            if last is not None:
                self._emit(*last)

    def _forward(self, body: bytes) -> tuple[bytes, bytes] | None:
        """Pass an Execute on; its last message is kept back until what belongs to it is done as well."""
        assert self.backend is not None
        for kind, answer in self.backend.ask(b"E", body, b"CIs"):
            if kind in b"CIs":
                return kind, answer
            self._emit(kind, answer)
        return None

    # What Redshift does and PostgreSQL does not.

    def _before(self, statement: Statement) -> None:
        """Hold what depends on the transaction's state, and take the snapshot when Redshift does."""
        assert self.backend is not None
        if self.backend.status == b"T":
            if match := NOT_IN_A_BLOCK.match(statement.line):
                raise Refusal("25001", f"{match.group()} cannot run inside a transaction block")
            if statement.takes_snapshot:
                self.backend.run("SELECT 1")

    def _lock_written(self, statement: Statement) -> None:
        """A table that is written belongs to its writer until the transaction ends. Readers go on."""
        assert self.backend is not None
        if (table := statement.written) and self.backend.status == b"T":
            self.table_id = self.backend.value(f"SELECT to_regclass({quoted(table)})::oid") or "0"
            if self.emulator.isolation == "serializable" and statement.word not in ("TRUNCATE", "ALTER"):
                self.backend.run(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

    def _after(self, statement: Statement) -> None:
        assert self.backend is not None
        if statement.definition is not None:
            self._remember(statement)
        if statement.word == "TRUNCATE" and self.backend.status == b"T":
            self.backend.run("COMMIT")
        if statement.line.startswith("ALTER TABLE") and " APPEND FROM " in statement.line:
            source = statement.line.split(" APPEND FROM ")[1].split(" IGNOREEXTRA")[0].split(" FILLTARGET")[0]
            self.backend.run(f"DELETE FROM {source.replace(' ', '').lower()}")

    def _remember(self, statement: Statement) -> None:
        """The design of a table, and that its strings count bytes."""
        assert self.backend is not None
        if (made := statement.definition) is None:
            return
        if self.backend.value(f"SELECT to_regclass({quoted(made.table)})::oid") is None:
            raise Refusal("42P01", f'relation "{made.table}" does not exist')
        for column in (made.design.distkey, *made.design.sortkey):
            known = f"SELECT 1 FROM pg_attribute WHERE attrelid = {quoted(made.table)}::regclass AND attname = {quoted(column)}"
            if column and self.backend.value(known) is None:
                raise Refusal("42703", f'column "{column}" does not exist')
        facts = json.dumps(made.design.facts())
        self.backend.run(f"SELECT redshift_emulator.after_ddl({quoted(made.table)}, {quoted(facts)}::jsonb)")

    def _commit(self, body: bytes) -> None:
        faults = self.emulator.faults
        if faults.takes("conflict"):
            raise self._conflict()
        if faults.takes("cut before commit"):
            raise ConnectionLostError("cut before COMMIT reached the backend")
        last = self._forward(body)
        if faults.takes("cut after commit"):
            raise ConnectionLostError("cut after COMMIT")
        if last is not None:
            self._emit(*last)

    def _copy(self, order: copy.Copy) -> None:
        assert self.backend is not None
        rows = scan.execute(self.backend, self.emulator.scanner, order, self.emulator)
        self.backend.run(f"SELECT set_config('redshift_emulator.last_copy_count', '{rows}', false)")
        said = f"Load into table '{order.table}' completed, {rows} record(s) loaded successfully."
        self._emit(b"N", Refusal("00000", said).packed("INFO"))
        self._emit(b"C", text(f"COPY {rows}"))

    # Errors.

    def _fail(self, refusal: Refusal) -> None:
        """An error of the emulator's own: the transaction is to fail as it would by one of PostgreSQL's."""
        assert self.backend is not None
        self.failed = True
        if self.backend.status != b"I" and not self.backend.ignores:
            try:
                self.backend.run("SELECT redshift_emulator.refuse('XX000', 'refused')")
            except BackendError as error:
                if error.fields.get("C") == "25P02":  # it had failed before
                    refusal = self._translated(error)
        self._error(refusal)

    def _translated(self, error: BackendError) -> Refusal:
        """PostgreSQL's error as Redshift says it."""
        said = error.fields
        state, message = said.get("C", "XX000"), said.get("M", "")
        if state == "40001":
            return self._conflict()
        if said.get("n", "").startswith("redshift_bytes_") or state == "22001":
            line = "  -----------------------------------------------"
            detail = f"\n{line}\n  error:  Value too long for character type\n  code:      8001\n  context:   {message}\n{line}\n"
            return Refusal("22001", "Value too long for character type", detail=detail)
        if state == "23502" and (column := said.get("c")):
            return Refusal("23502", f"Cannot insert a NULL value into column {column}")
        return Refusal(state, message, said.get("D", ""), said.get("H", ""))

    def _conflict(self) -> Refusal:
        one = secrets.randbelow(1 << 20)
        return Refusal(
            "XX000", "1023", CONFLICT.format(self.table_id, one, one + 1, secrets.randbelow(1 << 16))
        )

    def _error(self, refusal: Refusal, severity: str = "ERROR") -> None:
        self.client.send((b"E", refusal.packed(severity)))
