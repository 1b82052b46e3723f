"""One client's session on PostgreSQL, in which the emulator can run its own statements too."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping

from scramp import ScramClient

from redshift_emulator.wire import (
    ASYNCHRONOUS,
    ConnectionLostError,
    SqlError,
    Wire,
    cstring,
    error_fields,
    start_packet,
)

OWN = "redshift_emulator"
SETTINGS = {
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "TimeZone": "UTC",
    "standard_conforming_strings": "off",  # Redshift reads a backslash in a plain literal as an escape
    "escape_string_warning": "off",
}
Emit = Callable[[bytes, bytes], None]


class BackendError(Exception):
    """PostgreSQL's ErrorResponse. The backend ignores further messages up to the next Sync."""

    def __init__(self, body: bytes) -> None:
        self.fields = error_fields(body)
        super().__init__(self.fields.get("M", ""))


class Backend:
    """The connection to PostgreSQL. `emit` gets messages that may come at any time, such as notices."""

    def __init__(self, address: tuple[str, int], emit: Emit) -> None:
        self.wire = Wire(socket.create_connection(address, timeout=None))
        self.wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.emit = emit
        #: Status of the last ReadyForQuery, updated by later BEGIN and COMMIT: I idle, T in a transaction, E failed.
        self.status = b"I"
        #: True after an error: PostgreSQL ignores all messages up to the next Sync, without an answer.
        self.ignores = False

    def log_in(self, user: str, password: str, database: str, settings: Mapping[str, str]) -> None:
        """Log in with SCRAM, as the sandbox's server requires. Raises BackendError."""
        self.wire.send_raw(start_packet({"user": user, "database": database, **SETTINGS, **settings}))
        client = ScramClient(["SCRAM-SHA-256"], user, password)
        while True:
            kind, body = self.wire.read()
            if kind == b"E":
                raise BackendError(body)
            if kind == b"Z":
                return
            if kind != b"R":
                continue
            code, rest = struct.unpack("!i", body[:4])[0], body[4:]
            if code == 10:
                first = client.get_client_first().encode()
                self.wire.send((b"p", cstring("SCRAM-SHA-256") + struct.pack("!i", len(first)) + first))
            elif code == 11:
                client.set_server_first(rest.decode())
                self.wire.send((b"p", client.get_client_final().encode()))
            elif code == 12:
                client.set_server_final(rest.decode())
            elif code != 0:
                raise ConnectionLostError(f"the server asks for authentication {code}")

    def read(self) -> tuple[bytes, bytes]:
        """The next answer. Raises BackendError."""
        while True:
            kind, body = self.wire.read()
            if kind == b"E":
                if error_fields(body).get("S") in ("FATAL", "PANIC"):
                    raise ConnectionLostError(error_fields(body).get("M", ""))
                self.ignores = True
                if self.status == b"T":
                    self.status = b"E"
                raise BackendError(body)
            if kind not in ASYNCHRONOUS:
                return kind, body
            self.emit(kind, body)

    def request(self, kind: bytes, body: bytes, until: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Send one message, and yield its answers up to one of the types in `until`."""
        self.wire.send((kind, body), (b"H", b""))
        while True:
            answer = self.read()
            if answer[0] == b"C":
                self._track_status(answer[1])
            yield answer
            if answer[0] in until:
                return

    def sync(self) -> bytes:
        """Send Sync; returns the status of the transaction."""
        self.wire.send((b"S", b""))
        while True:
            kind, body = self.wire.read()
            if kind == b"Z":
                self.status, self.ignores = body, False
                return body
            if kind in ASYNCHRONOUS or kind == b"E":  # a COMMIT that Sync implies may fail
                self.emit(kind, body)

    def run(self, statement: str) -> list[list[str | None]]:
        """Run a statement of the emulator in the client's transaction; returns its rows as text.

        Raises BackendError.
        """
        self._begin(statement)
        self.wire.send((b"C", b"P" + cstring(OWN)), (b"H", b""))
        rows = []
        while True:
            kind, body = self.read()
            if kind == b"D":
                rows.append(_cells(body))
            elif kind == b"C":
                self._track_status(body)
            elif kind == b"3":
                return rows

    def _begin(self, statement: str) -> None:
        """Parse, bind and execute in one go, and read up to the answer to Execute.

        An earlier statement of this name is closed first: an error may have left one.
        """
        name = cstring(OWN)
        self.wire.send(
            (b"C", b"S" + name),
            (b"P", name + cstring(statement) + b"\0\0"),
            (b"B", name + name + bytes(6)),
            (b"E", name + bytes(4)),
            (b"H", b""),
        )
        for expected in (b"3", b"1", b"2"):
            while self.read()[0] != expected:
                pass

    def value(self, statement: str) -> str | None:
        """The only value of the only row; None without a row."""
        rows = self.run(statement)
        return rows[0][0] if rows else None

    def copy(self, statement: str, chunks: Iterable[bytes]) -> int:
        """Run COPY ... FROM STDIN; returns the number of rows. An error of `chunks` aborts the COPY, and is raised."""
        self._begin(statement)
        while self.read()[0] != b"G":
            pass
        try:
            for chunk in chunks:
                self.wire.send((b"d", chunk))
        except SqlError as error:
            self.wire.send((b"f", cstring(error.message)), (b"H", b""))
            try:
                self._answer_to_copy()
            except BackendError:
                raise error from None
            raise
        # After CopyDone the backend answers only after Flush or Sync.
        self.wire.send((b"c", b""), (b"H", b""))
        rows = self._answer_to_copy()
        for _ in self.request(b"C", b"P" + cstring(OWN), b"3"):
            pass
        return rows

    def _answer_to_copy(self) -> int:
        while True:
            kind, body = self.read()
            if kind == b"C":
                return int(body.rstrip(b"\0").split()[-1])

    def _track_status(self, tag: bytes) -> None:
        word = tag.split(b" ")[0].rstrip(b"\0")
        if word in (b"BEGIN", b"START"):
            self.status = b"T"
        elif word in (b"COMMIT", b"ROLLBACK"):
            self.status = b"I"

    def close(self) -> None:
        """Disconnect: PostgreSQL rolls back an open transaction."""
        self.wire.close()


def _cells(row: bytes) -> list[str | None]:
    (count,), offset = struct.unpack("!h", row[:2]), 2
    cells: list[str | None] = []
    for _ in range(count):
        (size,) = struct.unpack("!i", row[offset : offset + 4])
        offset += 4
        cells.append(None if size < 0 else row[offset : offset + size].decode())
        offset += max(size, 0)
    return cells


def quoted(value: str | None) -> str:
    """A literal for the emulator's own statements."""
    if value is None:
        return "NULL"
    return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
