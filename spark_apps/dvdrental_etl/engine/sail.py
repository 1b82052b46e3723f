"""Sail: Spark's DataFrame code in Rust, without Java, in this process and on this machine only (`make sail`)."""

import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from dvdrental_etl.config import EngineChoice
from dvdrental_etl.db import postgres
from dvdrental_etl.engine import shared_host
from dvdrental_etl.engine.base import Engine, SharedSnapshot, T, TableRead
from dvdrental_etl.errors import ConfigError
from dvdrental_etl.limits import Limits

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

APPLICATION = "dvdrental-etl read"


class Sail(Engine):
    """Sail, as a server of this process on a loopback port. Its workers are threads of this process.

    Raises ConfigError where it is not installed, and where other people can log in: the server takes no token, and
    could run their code as this process's user until its port is closed.
    """

    name = "Sail"

    def __init__(self, choice: EngineChoice) -> None:
        if importlib.util.find_spec("pysail") is None:
            raise ConfigError(
                "Sail is not installed in this Python",
                "make sail, and run the script by .venv-sail/bin/python",
            )
        if choice.on_shared_host != "allow":
            shared_host.require_alone()

    def start(self, job: str) -> "SparkSession":
        """Start the server, or join the one that runs in this process. Raises ConfigError if others were first."""
        os.environ.setdefault("RUST_LOG", "off")  # read when pysail is imported
        os.environ.setdefault("SPARK_HOME", sys.prefix)  # the client looks for one where no script is started
        from dvdrental_etl.engine import sail_server

        session = sail_server.session()
        session.conf.set("spark.app.name", job)
        return session

    def read(
        self, session: "SparkSession", snapshot: SharedSnapshot, tables: Sequence[TableRead], limits: Limits
    ) -> "list[DataFrame]":
        """By ADBC, which reads binary COPY into Arrow. The options of a read hold a number, no address, no password.

        Raises ConfigError for a table that is too large for one machine's memory.
        """
        largest = max(tables, key=lambda table: table.rows)
        if largest.rows > limits.sail_rows:
            raise ConfigError(
                f"{largest.table.name} has {largest.rows:,} rows, and Sail, which joins in memory, takes"
                f" {limits.sail_rows:,}",
                "let Spark load it, engine.kind = spark, or raise limits.sail_rows where there is memory for it",
            )
        from dvdrental_etl.engine.sail_source import PostgresRead, Read, arrow_schema, keep, statements

        libpq = postgres.parameters(snapshot.database.libpq(), APPLICATION, limits)
        reads = (
            Read(libpq, snapshot.join, statements(table), arrow_schema(table.table), limits.read_seconds)
            for table in tables
        )
        return [session.read.format(PostgresRead.name()).option("read", keep(read)).load() for read in reads]

    def share(self, session: "SparkSession", value: T) -> Callable[[], T]:  # noqa: ARG002
        """It stays where it is."""
        from dvdrental_etl.engine.sail_source import keep, kept

        return cast("Callable[[], T]", partial(kept, keep(value)))

    def quiet(self, session: "SparkSession", *, debug: bool) -> None:
        """RUST_LOG has decided, before the start."""
