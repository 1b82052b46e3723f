"""Sail: Spark's DataFrame code in Rust, without Java, in this process and on this machine only (`make sail`)."""

import itertools
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from dvdrental_etl.config import EngineChoice
from dvdrental_etl.engine.base import Engine, SharedSnapshot, T, TableRead
from dvdrental_etl.errors import ConfigError
from dvdrental_etl.limits import Limits

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: What workers find by number, for Sail's workers are threads of this process: no password and no large value leaves it.
HERE: dict[int, Any] = {}
_numbers = itertools.count(1)


def keep_here(value: object) -> int:
    """Keep a value for the workers; its number."""
    number = next(_numbers)
    HERE[number] = value
    return number


class Sail(Engine):
    """Sail, as a server of this process on a loopback port."""

    name = "Sail"

    def __init__(self, choice: EngineChoice) -> None:
        self._choice = choice

    def start(self, job: str) -> "SparkSession":
        """Start the server and connect to it. Raises ConfigError where others could connect to it, too."""
        os.environ.setdefault("RUST_LOG", "off")
        try:
            from pysail.spark import SparkConnectServer
        except ImportError:
            raise ConfigError(
                "Sail is not installed in this Python", "make sail, then .venv-sail/bin/python"
            ) from None
        from pyspark.sql import SparkSession

        server = SparkConnectServer("127.0.0.1", 0)
        server.start(background=True)
        keep_here(server)  # it ends when nobody holds it
        _, port = server.listening_address
        session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").appName(job).getOrCreate()
        session.conf.set("spark.sql.session.timeZone", "UTC")
        return session

    def read(
        self, session: "SparkSession", snapshot: SharedSnapshot, tables: Sequence[TableRead], limits: Limits
    ) -> "list[DataFrame]":
        """By ADBC, which reads binary COPY into Arrow."""
        from dvdrental_etl.engine.sail_source import PostgresRead, Read, statements

        session.dataSource.register(PostgresRead)
        libpq = snapshot.database.libpq()
        reads = (Read(libpq, snapshot.join, statements(table), dict(table.table.types)) for table in tables)
        return [
            session.read.format(PostgresRead.name()).option("read", keep_here(read)).load() for read in reads
        ]

    def share(self, session: "SparkSession", value: T) -> Callable[[], T]:
        """It stays where it is."""
        number = keep_here(value)
        return lambda: cast(T, HERE[number])

    def quiet(self, session: "SparkSession", *, debug: bool) -> None:
        """RUST_LOG has decided, before the start."""
