"""The start of a connection: TLS, an MD5 password, and the cluster's parameters."""

from __future__ import annotations

import hashlib
import secrets
import ssl
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from redshift_emulator.wire import (
    CANCEL_REQUEST,
    PROTOCOL_3,
    SSL_REQUEST,
    ConnectionLostError,
    SqlError,
    Wire,
    cstring,
    start_parameters,
)
from sandbox.postgres import HOST

#: Start-up parameters that are passed on to PostgreSQL; Redshift's own are dropped.
PASSED_ON = ("application_name", "client_encoding", "options")
#: Parameters of the cluster. Without server_protocol_version the driver reads values as text, as PostgreSQL sends them.
CLUSTER = {
    "server_version": "8.0.2",
    "server_encoding": "UNICODE",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "integer_datetimes": "on",
    "TimeZone": "UTC",
    "padb_version": "1.0.0",
    "is_superuser": "off",
}


@dataclass(frozen=True)
class Handshake:
    """Checks who may connect, and to which databases. temporary: user and password of logins by IAM."""

    tls: ssl.SSLContext
    user: str
    password: str = field(repr=False)
    temporary: Mapping[str, str] = field(repr=False)
    databases: set[str]

    def accept(self, client: Wire) -> tuple[Wire, str, dict[str, str]]:
        """The encrypted connection, the database, and the settings that the client asks for.

        Raises SqlError after it was sent to the client, or ConnectionLostError if this is not a login.
        """
        encrypted = client
        code, body = client.start_packet()
        if code == SSL_REQUEST:
            client.send_raw(b"S")
            try:
                encrypted = Wire(self.tls.wrap_socket(client.socket, server_side=True))
            except OSError as error:
                raise ConnectionLostError(str(error)) from error
            code, body = encrypted.start_packet()
        if code == CANCEL_REQUEST or code != PROTOCOL_3:
            raise ConnectionLostError("not a login")
        parameters = start_parameters(body)
        try:
            self._check(encrypted, parameters, is_plain=encrypted is client)
        except SqlError as error:
            encrypted.send((b"E", error.packed("FATAL")))
            encrypted.close()
            raise
        settings = {name: parameters[name] for name in PASSED_ON if name in parameters}
        return encrypted, parameters.get("database", parameters.get("user", "")), settings

    def _check(self, client: Wire, parameters: dict[str, str], is_plain: bool) -> None:
        user = parameters.get("user", "")
        if is_plain:
            what = f'no pg_hba.conf entry for host "{HOST}", user "{user}", SSL off'
            raise SqlError("28000", what, hint="the cluster has require_ssl: connect with TLS")
        if not self._is_password_right(client, user):
            raise SqlError("28000", f'password authentication failed for user "{user}"')
        if (database := parameters.get("database", user)) not in self.databases:
            raise SqlError("3D000", f'database "{database}" does not exist')

    def _is_password_right(self, client: Wire, user: str) -> bool:
        """Ask for the password: MD5, with a salt for each connection."""
        salt = secrets.token_bytes(4)
        client.send((b"R", struct.pack("!i", 5) + salt))
        kind, answer = client.read()
        password = {**self.temporary, self.user: self.password}.get(user)
        inner = hashlib.md5(f"{password}{user}".encode(), usedforsecurity=False).hexdigest()
        digest = hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest()
        is_right = secrets.compare_digest(answer, b"md5" + digest.encode() + b"\0")
        return kind == b"p" and password is not None and is_right


def send_ready(client: Wire) -> None:
    """Tell the client that it is logged in and may send statements."""
    client.send(
        (b"R", struct.pack("!i", 0)),
        *((b"S", cstring(name) + cstring(value)) for name, value in CLUSTER.items()),
        (b"K", struct.pack("!ii", secrets.randbelow(1 << 30), 0)),
        (b"Z", b"I"),
    )
