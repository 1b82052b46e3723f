"""How a client gets in: TLS, a password by MD5, and what a cluster says of itself."""

from __future__ import annotations

import hashlib
import secrets
import ssl
import struct
from dataclasses import dataclass, field

from redshift_emulator.wire import (
    CANCEL_REQUEST,
    PROTOCOL_3,
    SSL_REQUEST,
    ConnectionLostError,
    Refusal,
    Wire,
    start_parameters,
    text,
)
from sandbox.postgres import HOST

#: What a client may name at the start and PostgreSQL knows; Redshift's own parameters are dropped.
PASSED = ("application_name", "client_encoding", "options")
#: No server_protocol_version: the driver then takes numbers and dates as text, as PostgreSQL writes them.
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
class Door:
    """Who may come in, and to which databases."""

    tls: ssl.SSLContext
    user: str
    password: str = field(repr=False)
    databases: set[str]

    def open(self, client: Wire) -> tuple[Wire, str, dict[str, str]]:
        """The encrypted wire, the database, and the settings that the client asks for.

        Raises Refusal, to be told to the client, or ConnectionLostError for one that is none.
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
            raise ConnectionLostError("no client")
        parameters = start_parameters(body)
        try:
            self._check(encrypted, parameters, is_plain=encrypted is client)
        except Refusal as refusal:
            encrypted.send((b"E", refusal.packed("FATAL")))
            encrypted.close()
            raise
        settings = {name: parameters[name] for name in PASSED if name in parameters}
        return encrypted, parameters.get("database", parameters.get("user", "")), settings

    def _check(self, client: Wire, parameters: dict[str, str], is_plain: bool) -> None:
        user = parameters.get("user", "")
        if is_plain:
            what = f'no pg_hba.conf entry for host "{HOST}", user "{user}", SSL off'
            raise Refusal("28000", what, hint="the cluster has require_ssl: connect with TLS")
        if not self._is_password_right(client, user):
            raise Refusal("28000", f'password authentication failed for user "{user}"')
        if (database := parameters.get("database", user)) not in self.databases:
            raise Refusal("3D000", f'database "{database}" does not exist')

    def _is_password_right(self, client: Wire, user: str) -> bool:
        """MD5, with a salt for each connection."""
        salt = secrets.token_bytes(4)
        client.send((b"R", struct.pack("!i", 5) + salt))
        kind, answer = client.read()
        inner = hashlib.md5((self.password + self.user).encode(), usedforsecurity=False).hexdigest()
        digest = hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest()
        is_right = secrets.compare_digest(answer, b"md5" + digest.encode() + b"\0")
        return kind == b"p" and user == self.user and is_right


def welcome(client: Wire) -> None:
    """The client is in, and may ask."""
    client.send(
        (b"R", struct.pack("!i", 0)),
        *((b"S", text(name) + text(value)) for name, value in CLUSTER.items()),
        (b"K", struct.pack("!ii", secrets.randbelow(1 << 30), 0)),
        (b"Z", b"I"),
    )
