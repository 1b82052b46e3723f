"""Messages of the PostgreSQL protocol 3.0, which Redshift uses: one byte of type, four of length, a body."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

SSL_REQUEST, CANCEL_REQUEST, PROTOCOL_3 = 80877103, 80877102, 196608
#: Messages that a server may send at any time, between any two others.
ASYNCHRONOUS = b"NSA"


class ConnectionLostError(Exception):
    """The other side has disconnected."""


@dataclass(eq=False)  # frozen, it could not be raised through a context manager
class SqlError(Exception):
    """An error of the server for the client: SQLSTATE, message, detail and hint."""

    sqlstate: str
    message: str
    detail: str = ""
    hint: str = ""

    def packed(self, severity: str = "ERROR") -> bytes:
        """The body of an ErrorResponse."""
        fields = {"S": severity, "C": self.sqlstate, "M": self.message, "D": self.detail, "H": self.hint}
        return b"".join(k.encode() + cstring(v) for k, v in fields.items() if v) + b"\0"


def error_fields(body: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse or NoticeResponse by their letter."""
    parts = body.rstrip(b"\0").split(b"\0")
    return {chr(part[0]): part[1:].decode(errors="replace") for part in parts if part}


def cstring(value: str) -> bytes:
    """A null-terminated string."""
    return value.replace("\0", "").encode() + b"\0"


def read_string(body: bytes, offset: int = 0) -> tuple[str, int]:
    """The null-terminated string at the offset, and the offset of the next field."""
    end = body.index(b"\0", offset)
    return body[offset:end].decode(), end + 1


class Wire:
    """A connection that carries messages."""

    def __init__(self, plain: socket.socket) -> None:
        self.socket = plain
        self._reader = plain.makefile("rb", buffering=1 << 16)

    def read_exactly(self, size: int) -> bytes:
        """Read `size` bytes. Raises ConnectionLostError at the end of the stream."""
        try:
            data = self._reader.read(size)
        except (OSError, ValueError) as error:
            raise ConnectionLostError(str(error)) from error
        if data is None or len(data) < size:
            raise ConnectionLostError("end of stream")
        return data

    def start_packet(self) -> tuple[int, bytes]:
        """The first message of a client, which has no type: its code, and the rest."""
        (length,) = struct.unpack("!i", self.read_exactly(4))
        if not 8 <= length <= 1 << 16:
            raise ConnectionLostError("not a start-up packet")
        body = self.read_exactly(length - 4)
        return struct.unpack("!i", body[:4])[0], body[4:]

    def read(self) -> tuple[bytes, bytes]:
        """The next message: its type and its body."""
        kind, length = struct.unpack("!ci", self.read_exactly(5))
        return kind, self.read_exactly(length - 4)

    def send(self, *messages: tuple[bytes, bytes]) -> None:
        """Send messages in one go."""
        self.send_raw(b"".join(kind + struct.pack("!i", len(body) + 4) + body for kind, body in messages))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise ConnectionLostError(str(error)) from error

    def close(self) -> None:
        """Disconnect. Shutdown comes first: close alone does not reach the other side while a thread reads here."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self._reader.close()
        self.socket.close()


def start_parameters(body: bytes) -> dict[str, str]:
    """The parameters in a start-up packet."""
    parts = body.split(b"\0")
    return {k.decode(): v.decode() for k, v in zip(parts[::2], parts[1::2], strict=False) if k}


def start_packet(parameters: Mapping[str, str]) -> bytes:
    """A start-up packet, length included."""
    body = (
        struct.pack("!i", PROTOCOL_3)
        + b"".join(cstring(k) + cstring(v) for k, v in parameters.items())
        + b"\0"
    )
    return struct.pack("!i", len(body) + 4) + body
