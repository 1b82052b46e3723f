"""Fill a database with dvdrental: restored from a dump, or generated at a scale."""

from __future__ import annotations

import hashlib
import os
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection as Connection

from sandbox.errors import SandboxError
from sandbox.generator.sizes import Sizes
from sandbox.progress import Progress
from sandbox.restore import restore

DEFAULT_SEED = 2007


@dataclass(frozen=True)
class Target:
    """A database, by libpq's parameters. None: taken from PGHOST, PGPORT, ... or libpq's defaults."""

    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: str | None = None

    def connect(self) -> Connection:
        """Open a connection. Raises SandboxError with libpq's reason."""
        try:
            return psycopg2.connect(
                "",
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password,
                dbname=self.database,
            )
        except psycopg2.OperationalError as error:
            raise SandboxError(
                f"cannot connect ({str(error).strip()}): check PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE"
            ) from error

    def environment(self) -> dict[str, str]:
        """The environment with which a libpq program reaches this database; no password is in argv."""
        given = {
            "PGHOST": self.host,
            "PGPORT": None if self.port is None else str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.database,
        }
        return os.environ | {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Content:
    """The data to load: the dump if one is given, else generated data of size `scale`.

    Raises SandboxError if the dump does not exist or the scale is out of range, before anything is changed.
    """

    dump: Path | None = None
    scale: float = 1.0
    seed: int = DEFAULT_SEED

    def __post_init__(self) -> None:
        if self.dump is not None and not self.dump.is_file():
            raise SandboxError(f"there is no dump {self.dump}: give --dump FILE, or omit it to generate data")
        try:
            Sizes.of(self.scale)
        except ValueError as error:
            raise SandboxError(str(error)) from error

    @property
    def label(self) -> str:
        """A description; equal for equal data."""
        if self.dump is None:
            return f"generated data, scale {self.scale:g}, seed {self.seed}"
        return f"a restored dump, sha256 {sha256(self.dump)[:16]}"


def sha256(path: Path) -> str:
    """The file's SHA-256 in hex. Raises SandboxError if it can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SandboxError(f"cannot read the dump {path}: {error.strerror}") from error


def fill(target: Target, content: Content, progress: Progress) -> bool:
    """Load `content` into `target` in one transaction: all of it or, if interrupted, nothing.

    Returns False, having changed nothing, if the table payment has rows already. Raises SandboxError.
    """
    with closing(target.connect()) as connection:
        connection.autocommit = True
        if _has_payments(connection):
            return False
        if content.dump is not None:
            with progress.step(f"restore {content.dump.name}"):
                restore(content.dump, target.environment(), connection.server_version)
        else:
            # Imported here: pyarrow takes a second to load, and only this branch needs it.
            from sandbox.generator.generate import generate

            generate(connection, Sizes.of(content.scale), content.seed, progress)
        with progress.step("analyze"), connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
    return True


def _has_payments(connection: Connection) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.payment') IS NOT NULL")
        if cursor.fetchone() == (False,):
            return False
        cursor.execute("SELECT EXISTS (SELECT FROM public.payment)")
        if cursor.fetchone() == (True,):
            return True
    raise SandboxError("public.payment exists and is empty: give a database without this table, or drop it")
