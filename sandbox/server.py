"""The sandbox: one folder, one PostgreSQL server in it, the databases dvdrental and warehouse."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from sandbox import access
from sandbox.access import READER, SOURCE, WAREHOUSE, WRITER, State, write_secret
from sandbox.binaries import install_for_nobody, server_install
from sandbox.errors import SandboxError
from sandbox.fill import Content, Target, fill
from sandbox.folder import Folder
from sandbox.postgres import HOST, SUPERUSER, Cluster, free_port
from sandbox.progress import Progress

LOADING = f"{SOURCE}_loading"


@dataclass(frozen=True)
class Sandbox:
    """The sandbox in folder `directory`. Creating the object changes nothing."""

    directory: Path

    @staticmethod
    def start(directory: Path, progress: Progress | None = None) -> Sandbox:
        """A sandbox in `directory` whose server runs, with roles and an empty warehouse, but no dvdrental.

        Raises SandboxError if the folder contains other files, or the server does not start.
        """
        sandbox = Sandbox(directory.resolve())
        with sandbox._folder.locked():
            sandbox._start(progress or Progress.silent())
        return sandbox

    def up(self, content: Content | None = None, progress: Progress | None = None) -> bool:
        """Start the server and load dvdrental with `content` (scale 1 if None), unless this is done already.

        Returns False if nothing had to be done. Raises SandboxError, also if dvdrental has other content.
        """
        progress = progress or Progress.silent()
        with self._folder.locked():
            started = self._start(progress)
            existing = self.content()
            if existing is None:
                self._load(content or Content(), progress)
            elif content is not None and existing != content.label:
                raise SandboxError(
                    f"{SOURCE} in {self.directory} contains {existing}, not {content.label}: "
                    "give another --dir, or delete this data with `down --purge` first"
                )
            return started or existing is None

    def down(self, purge: bool = False) -> bool:
        """Stop the server; `purge` deletes its data and all files of the sandbox. False if it was down."""
        if not self.exists():
            return False
        with self._folder.locked():
            was_up = self.port is not None
            if was_up:
                self.cluster.stop(discard=purge)
            if purge:
                self._folder.remove()
        return was_up

    def exists(self) -> bool:
        """Whether there is a sandbox in the folder, up or down."""
        return self._folder.state_file.exists()

    @property
    def port(self) -> int | None:
        """The running server's port; None while it is down."""
        return self.cluster.port() if self.exists() else None

    def credentials(self, source: str = SOURCE, warehouse: str = WAREHOUSE) -> dict[str, Any]:
        """What the jobs read as config/credentials.json, for these two databases of this server."""
        return access.credentials(self.state, source, warehouse)

    def connect(self, database: str, role: str = SUPERUSER) -> Connection:
        """A connection to `database`: as etl_reader, etl_writer or (default) the superuser.

        Raises SandboxError if the server is down, or is not this sandbox's.
        """
        port = self.port
        if port is None:
            raise SandboxError(f"the sandbox in {self.directory} is down: start it with `up`")
        connection = psycopg2.connect(
            host=HOST, port=port, dbname=database, user=role, password=self.state.passwords[role]
        )
        if role == SUPERUSER:
            self._check_own(connection)
        return connection

    @contextmanager
    def superuser(self, database: str = "postgres") -> Iterator[Connection]:
        """A superuser's connection in autocommit mode, as CREATE DATABASE requires."""
        with closing(self.connect(database)) as connection:
            connection.autocommit = True
            yield connection

    def target(self, database: str) -> Target:
        """The parameters by which `fill` connects to `database` as superuser."""
        return Target(HOST, self.port, SUPERUSER, self.state.passwords[SUPERUSER], database)

    def databases(self) -> list[str]:
        """The names of all databases except PostgreSQL's own."""
        with self.superuser() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1"
            )
            return [name for (name,) in cursor.fetchall()]

    def create_database(self, name: str, owner: str = SUPERUSER) -> None:
        """Create an empty database, to which only its owner may connect. A warehouse has the owner etl_writer."""
        with self.superuser() as connection, connection.cursor() as cursor:
            names = sql.Identifier(name), sql.Identifier(owner)
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))
            cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(names[0]))

    def drop_database(self, name: str) -> None:
        """Drop the database `name` if it exists, and end its sessions."""
        with self.superuser() as connection, connection.cursor() as cursor:
            # Not WITH (FORCE), which PostgreSQL 12 does not have.
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))

    def clone(self, source: str, target: str) -> None:
        """Copy database `source` to the new `target`, rights included. `source` must have no sessions."""
        with self.superuser() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_get_userbyid(datdba), has_database_privilege(%s, oid, 'CONNECT'), "
                "shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
                (READER, source),
            )
            if (row := cursor.fetchone()) is None:
                raise SandboxError(f"there is no database {source} to clone")
            owner, is_read, comment = row
            names = [sql.Identifier(name) for name in (target, source, owner)]
            strategy = " STRATEGY FILE_COPY" if connection.server_version >= 150_000 else ""  # before: always
            cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}" + strategy).format(*names))
            cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(names[0]))
            cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS %s").format(names[0]), (comment,))
            if is_read:
                access.let_reader_connect(connection, target)

    def fill(self, database: str, content: Content, progress: Progress | None = None) -> None:
        """Load `content` into the existing, empty `database` and let etl_reader read it."""
        fill(self.target(database), content, progress or Progress.silent())
        with self.superuser(database) as connection:
            access.let_reader_read(connection)
            access.let_reader_connect(connection, database)
            with connection.cursor() as cursor:
                named = sql.SQL("COMMENT ON DATABASE {} IS %s").format(sql.Identifier(database))
                cursor.execute(named, (content.label,))

    def content(self, database: str = SOURCE) -> str | None:
        """A description of the data in `database`; None if the database does not exist."""
        with self.superuser() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(shobj_description(oid, 'pg_database'), 'data of unknown origin') "
                "FROM pg_database WHERE datname = %s",
                (database,),
            )
            row = cursor.fetchone()
        return str(row[0]) if row else None

    @property
    def state(self) -> State:
        """Passwords and port. Raises SandboxError if there is no sandbox here, or it is another user's."""
        return self._folder.state()

    @property
    def _folder(self) -> Folder:
        return Folder(self.directory)

    @cached_property
    def cluster(self) -> Cluster:
        """The server's data folder and programs."""
        home = self.state.home
        install = install_for_nobody(home) if os.geteuid() == 0 else server_install()
        return Cluster(home / "data", install / "bin", self.directory / "postgres.log")

    def _start(self, progress: Progress) -> bool:
        """Create and start what is missing; whether the server had to be started."""
        state = self._folder.state_or_new()
        if self.port is not None:
            self._prepare()
            return False
        with progress.step("server"):
            if not self.cluster.exists():
                self.cluster.create(state.passwords[SUPERUSER])
            port = free_port(state.port)
            while not self.cluster.start(port):
                port = free_port()
            replace(state, port=port).write(self._folder.state_file)
            self._prepare()
        return True

    def _write_access_files(self) -> None:
        state = self.state
        if state.port != self.port:
            state = replace(state, port=self.port)
            state.write(self._folder.state_file)
        write_secret(self.directory / "pgpass", access.pgpass(state))
        write_secret(self.directory / "credentials.json", json.dumps(self.credentials(), indent=2) + "\n")

    def _prepare(self) -> None:
        """Write the access files; create the roles and the warehouse."""
        self._write_access_files()
        with self.superuser() as connection:
            access.create_roles(connection, self.state.passwords)
        if WAREHOUSE not in self.databases():
            self.create_database(WAREHOUSE, owner=WRITER)

    def _load(self, content: Content, progress: Progress) -> None:
        """Fill a database with a temporary name and rename it: dvdrental exists only when it is complete."""
        self.drop_database(LOADING)
        self.create_database(LOADING)
        self.fill(LOADING, content, progress)
        with self.superuser() as connection, connection.cursor() as cursor:
            names = sql.Identifier(LOADING), sql.Identifier(SOURCE)
            cursor.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))

    def _check_own(self, connection: Connection) -> None:
        """Check, before any write, that the server on this port is the one of this data folder."""
        with connection.cursor() as cursor:
            cursor.execute("SHOW data_directory")
            row = cursor.fetchone()
        connection.rollback()
        if row is None or Path(row[0]).resolve() != self.cluster.data.resolve():
            connection.close()
            raise SandboxError(
                f"port {self.port} belongs to another server than the one in {self.cluster.data}: nothing was changed"
            )
