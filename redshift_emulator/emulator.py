"""The emulator: a server that clients use like a Redshift cluster, and an S3 server."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from redshift_emulator import catalogue, certificate
from redshift_emulator.backend import Backend, Emit
from redshift_emulator.faults import Faults
from redshift_emulator.handshake import Handshake
from redshift_emulator.iam import TemporaryLogins
from redshift_emulator.parquet import BadFile
from redshift_emulator.s3 import S3, Access
from redshift_emulator.scan import Scanner
from redshift_emulator.session import Session
from redshift_emulator.statement import is_of_the_driver
from redshift_emulator.tokens import normalized, tokenize
from sandbox.access import WRITER
from sandbox.errors import SandboxError
from sandbox.postgres import HOST, free_port
from sandbox.server import Sandbox

ROLE = "arn:aws:iam::123456789012:role/sandbox-copy"
Isolation = Literal["serializable", "repeatable read"]


class Emulator:
    """A context manager. Its files are in `directory`, its data in `database` of the sandbox's server.

    isolation: "repeatable read" is Redshift's SNAPSHOT, the default of new clusters; "serializable" is the stricter
    level of older clusters. keys_in_copy: allow access keys in the text of COPY. slices: the number of rows that new
    sessions see in STV_SLICES; None makes it a Serverless workgroup, where these tables are not readable.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        database: str,
        directory: Path,
        *,
        isolation: Isolation = "serializable",
        keys_in_copy: bool = False,
        port: int = 0,
        slices: int | None = 2,
    ) -> None:
        self.sandbox, self.database, self.directory = sandbox, database, directory
        self.isolation = isolation
        self.slices = slices
        self.host = HOST
        self.port = port
        self.user, self.password = "awsuser", secrets.token_urlsafe(24)
        self.iam_role = ROLE
        #: Every statement that clients sent, except the drivers' own catalogue queries.
        self.statements: list[str] = []
        self._keys_in_copy = keys_in_copy
        self._sessions: set[Session] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Emulator:
        """Start to serve."""
        self.directory.mkdir(parents=True, exist_ok=True)
        catalogue.prepare(self.sandbox, self.database)
        self.ca_file, tls = certificate.make(self.directory)
        logins = TemporaryLogins()
        self.handshake = Handshake(tls, self.user, self.password, logins.passwords, {self.database})
        self._s3 = S3(logins)
        self._s3.start()
        self.faults = Faults(self._s3.faults)
        keys = (self.s3.access_key_id, self.s3.secret_access_key) if self._keys_in_copy else ("", "")
        self.scanner = Scanner(self.s3.client(), self.iam_role, *keys)
        self._listener = socket.create_server((HOST, free_port(self.port or None)), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect all clients and stop."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.close()
        self._s3.stop()

    @property
    def s3(self) -> Access:
        """Endpoint, keys and bucket."""
        return self._s3.access

    def environment(self) -> dict[str, str]:
        """Environment variables of clients: the certificate to trust, and the keys of S3."""
        return {"SSL_CERT_FILE": str(self.ca_file), **self.s3.environment()}

    def serve(self, database: str) -> None:
        """Serve one more database of the sandbox's server: a new one, or a clone of one that was served."""
        catalogue.prepare(self.sandbox, database)
        self.handshake.databases.add(database)

    def credentials(self, database: str = "", staging: str = "staging") -> dict[str, dict[str, str]]:
        """The sections of credentials.json that name this cluster, its S3 and a folder there."""
        warehouse = {
            "kind": "redshift",
            "url": f"jdbc:redshift://{self.host}:{self.port}/{database or self.database}",
            "user": self.user,
            "password": self.password,
            "schema": "dw",
        }
        s3 = {
            "staging": f"s3://{self.s3.bucket}/{staging}",
            "iam_role": self.iam_role,
            "endpoint": self.s3.endpoint,
        }
        return {"warehouse": warehouse, "s3": s3}

    def record_statement(self, sql: str) -> None:
        """Add a client's statement to `statements`."""
        line = normalized(tokenize(sql[:200]))
        if line and not is_of_the_driver(line):
            self.statements.append(sql)

    def backend(self, database: str, emit: Emit, settings: Mapping[str, str]) -> Backend:
        """A new session on PostgreSQL."""
        port = self.sandbox.port
        if port is None:
            raise SandboxError("the sandbox's server is down: start it with `python -m sandbox up`")
        backend = Backend((HOST, port), emit)
        backend.log_in(WRITER, self.sandbox.state.passwords[WRITER], database, settings)
        return backend

    def record_load_error(self, database: str, bad: BadFile, table: str) -> None:
        """Record a failed COPY on a separate connection, so that it survives the rollback."""
        column: Any = bad.column
        with self.sandbox.superuser(database) as connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO pg_catalog.sys_load_error_detail (user_id, query_id, database_name, table_id, start_time,"
                " file_name, line_number, column_name, column_type, column_length, position, error_code, error_message)"
                " VALUES (100, 1, current_database(), to_regclass(%s)::oid::bigint, clock_timestamp(),"
                " %s, 0, %s, %s, %s, 0, %s, %s)",
                (
                    *(table, bad.file, column and column.name, column and column.type.split("(")[0]),
                    *(str(column.length) if column else None, bad.code, bad.context),
                ),
            )

    def _listen(self) -> None:
        while True:
            try:
                plain_socket, _ = self._listener.accept()
            except OSError:
                return
            plain_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(self, plain_socket)
            with self._lock:
                self._sessions.add(session)
            threading.Thread(target=self._serve, args=(session,), daemon=True).start()

    def _serve(self, session: Session) -> None:
        try:
            session.run()
        finally:
            with self._lock:
                self._sessions.discard(session)
