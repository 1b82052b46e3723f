"""One client's session: reads its messages, and answers them with the help of a separate PostgreSQL session."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from redshift_emulator import handshake
from redshift_emulator.backend import Backend, BackendError
from redshift_emulator.behaviour import Behaviour
from redshift_emulator.errors import redshift_error
from redshift_emulator.extended_query import ExtendedQuery
from redshift_emulator.settings import OWN
from redshift_emulator.tokens import split, sql_text, tokenize
from redshift_emulator.wire import ConnectionLostError, SqlError, Wire, cstring, read_string

if TYPE_CHECKING:
    from redshift_emulator.emulator import Emulator

#: Answers of the extended protocol, which a simple query must not get.
_EXTENDED = (b"1", b"2", b"3", b"n", b"t")
#: PostgreSQL settings that the emulator uses; the client gets no message about their changes.
_INTERNAL_SETTINGS = (b"redshift_emulator", b"standard_conforming", b"default_trans")


class Session:
    """Runs in a thread until the client or PostgreSQL disconnects."""

    def __init__(self, emulator: Emulator, plain: socket.socket) -> None:
        self.emulator = emulator
        self.client = Wire(plain)
        #: After an error, messages are ignored up to the next Sync, as in PostgreSQL.
        self.failed = False
        self._is_simple = False
        self._backend: Backend | None = None

    def run(self) -> None:
        """Let the client log in, then answer its messages one by one."""
        try:
            self.client, database, settings = self.emulator.handshake.accept(self.client)
            self._open(database, settings)
            while self._answer(*self.client.read()):
                pass
        except (ConnectionLostError, SqlError, ssl.SSLError):
            pass  # the client is disconnected, or has got the error already
        finally:
            self.close()

    def close(self) -> None:
        """Disconnect both sides; PostgreSQL rolls back an open transaction."""
        if self._backend is not None:
            self._backend.close()
        self.client.close()

    @property
    def backend(self) -> Backend:
        """The session on PostgreSQL."""
        assert self._backend is not None
        return self._backend

    def _open(self, database: str, settings: dict[str, str]) -> None:
        settings["default_transaction_isolation"] = self.emulator.isolation
        self._backend = self.emulator.backend(database, self._emit, settings)
        self._behaviour = Behaviour(self.backend, locks_writers=self.emulator.isolation == "serializable")
        self._query = ExtendedQuery(self.emulator, database, self.backend, self._behaviour)
        for name, value in {**OWN, "slices": self.emulator.slices or 0}.items():
            self.backend.run(f"SELECT set_config('redshift_emulator.{name}', '{value}', false)")
        self.backend.sync()
        handshake.send_ready(self.client)

    # Messages.

    def _answer(self, kind: bytes, body: bytes) -> bool:
        """Answer one message of the client; False after Terminate."""
        if kind == b"X":
            return False
        if kind == b"S":
            self._sync()
        elif kind == b"Q":
            self._simple(read_string(body)[0])
        elif kind != b"H" and not self.failed:
            self._extended(kind, body)
        return True

    def _sync(self) -> None:
        status = self.backend.sync()
        self.failed = False
        self.client.send((b"Z", status))

    def _extended(self, kind: bytes, body: bytes) -> None:
        """Answer a message of the extended protocol; errors go to the client."""
        try:
            self._query.answer(kind, body)
        except SqlError as error:
            self._fail(error)
        except BackendError as error:
            self.failed = True
            self._send_error(redshift_error(error.fields, self._behaviour.table_id))
        except ConnectionLostError:
            raise
        except Exception as error:  # a bug of the emulator: the message says so
            self._fail(SqlError("XX000", f"emulator: {type(error).__name__}: {error}"))

    def _simple(self, sql: str) -> None:
        """Answer a simple query: each of its statements by the extended protocol, with the same result."""
        self._is_simple = True
        for part in split(tokenize(sql), ";") or [tokenize("")]:
            if self.failed:
                break
            for kind, body in (
                (b"P", cstring("") + cstring(sql_text(part).strip()) + b"\0\0"),
                (b"B", cstring("") + cstring("") + bytes(6)),
                (b"D", b"P" + cstring("")),
                (b"E", cstring("") + bytes(4)),
            ):
                if not self.failed:
                    self._extended(kind, body)
        self._is_simple = False
        self._sync()

    def _emit(self, kind: bytes, body: bytes) -> None:
        """Send the client a message of PostgreSQL, unless it must not get it."""
        if self._is_simple and kind in _EXTENDED:
            return
        if kind == b"S" and body.startswith(_INTERNAL_SETTINGS):
            return
        self.client.send((kind, body))

    # Errors.

    def _fail(self, error: SqlError) -> None:
        """Report an error that the emulator found, and make the transaction fail as after one of PostgreSQL."""
        self.failed = True
        if self.backend.status != b"I" and not self.backend.ignores:
            try:
                self.backend.run("SELECT redshift_emulator.refuse('XX000', 'refused')")
            except BackendError as failed:
                if failed.fields.get("C") == "25P02":  # the transaction had failed before
                    error = redshift_error(failed.fields, self._behaviour.table_id)
        self._send_error(error)

    def _send_error(self, error: SqlError) -> None:
        self.client.send((b"E", error.packed()))
