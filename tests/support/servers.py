"""Fixtures of servers: one embedded PostgreSQL for all tests that need one, with a database cloned for each test.

What a fixture needs is imported when it is asked for: unit tests do not wait for it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.database import DatabaseClient
from tests.support.engines import IS_SAIL
from tests.support.environment import Environment
from tests.support.jobs import write_config
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from redshift_emulator.emulator import Emulator
    from sandbox.server import Sandbox

#: A small business: 730 payments, 30 customers, 2 stores, 2 staff, 50 films.
SCALE = 0.05
#: The clock of the load that most tests start from: after all payments, before the customers' own last_update.
LOADED_AT = "2007-06-01T00:00:00"
DUMP = Path(os.environ.get("DVDRENTAL_DUMP", ROOT / ".." / "shared" / "data" / "dvdrental.tar")).resolve()
DRIVER = ROOT / "jars" / "postgresql.jar"

#: The nights of the tests lie months apart, and they are about what is read without a full comparison.
TEST_LIMITS = {"days_between_full": 36_500}

MakeEnvironment = Callable[..., Environment]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The PostgreSQL server."""
    from sandbox.server import Sandbox

    sandbox = Sandbox.start(tmp_path_factory.mktemp("server") / "sandbox")
    yield sandbox
    sandbox.down(purge=True)


def needs_18(version: int, why: str) -> None:
    """Skip what older servers cannot do: only where somebody chose one, for this environment's own is no older."""
    from sandbox.binaries import OTHER_SERVER

    if version < 180_000:
        assert os.environ.get(OTHER_SERVER), why
        pytest.skip(why)


@pytest.fixture(scope="session")
def emulator(server: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A cluster of Redshift, and the variables by which its clients trust it and reach its S3."""
    from redshift_emulator.emulator import Emulator

    with server.superuser() as connection:
        needs_18(connection.server_version, "the emulator of Redshift runs on PostgreSQL 18")
    with (
        Emulator(server, "redshift", tmp_path_factory.mktemp("redshift")) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in running.environment().items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(scope="session")
def make_environment(
    server: Sandbox, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> MakeEnvironment:
    """Make an environment from a template source, and a template warehouse or an empty one.

    Jobs run in the session that is up and leave it alone, so that each costs a second or two and not ten.
    """
    from sandbox.access import WRITER
    from sandbox.postgres import SUPERUSER

    if not IS_SAIL:
        from dvdrental_etl.engine import session

        if not DRIVER.is_file():
            pytest.fail(f"there is no JDBC driver at {DRIVER}: fetch it with `make driver`")
        session.add_jdbc_driver(spark)  # for those who read through Spark before any job has run
    numbers = itertools.count(1)

    def make(source: str, warehouse: str | None = None, schema: str = "public") -> Environment:
        number = next(numbers)
        names = f"source_{number}", f"warehouse_{number}"
        server.clone(source, names[0])
        if warehouse is None:
            server.create_database(names[1], owner=WRITER)
        else:
            server.clone(warehouse, names[1])
        passwords = server.state.passwords
        port, superuser = server.port, passwords[SUPERUSER]
        assert port is not None
        config = write_config(
            tmp_path_factory.mktemp("config") / "credentials.json",
            server.credentials(*names) | {"limits": TEST_LIMITS},
            source={"schema": schema},
        )
        made = Environment(
            DatabaseClient(port, superuser, names[0], schema),
            DatabaseClient(port, superuser, names[1], "dw"),
            config,
            tuple(passwords.values()),
        )
        if warehouse is not None:  # loaded from another clone: it shall take this one for the same source
            made.accept_source()
        return made

    return make


@pytest.fixture(scope="session")
def source_template(server: Sandbox) -> str:
    """dvdrental, generated small. Never connected to, so that it can be cloned."""
    from sandbox.fill import Content

    server.create_database("source_template")
    server.fill("source_template", Content(scale=SCALE))
    return "source_template"


@pytest.fixture(scope="session")
def sparse_source(server: Sandbox) -> str:
    """The same with wide gaps between keys, so that even this small business fills many ranges of keys."""
    from sandbox.fill import Content

    server.create_database("sparse_source")
    server.fill("sparse_source", Content(scale=SCALE))
    factors = {"payment": 37, "rental": 29, "inventory": 31, "customer": 101, "film": 23, "address": 97}
    with server.superuser("sparse_source") as connection, connection.cursor() as cursor:
        for table, factor in factors.items():
            key = f"{table}_id"
            cursor.execute(f"UPDATE {table} SET {key} = -{key} * {factor}; UPDATE {table} SET {key} = -{key}")
            cursor.execute(f"SELECT setval('{table}_{key}_seq', (SELECT max({key}) FROM {table}))")
        cursor.execute("VACUUM (FULL, ANALYZE)")
    return "sparse_source"


@pytest.fixture(scope="session")
def warehouse_template(server: Sandbox, source_template: str, make_environment: MakeEnvironment) -> str:
    """A warehouse that all of source_template is loaded into, as of LOADED_AT."""
    env = make_environment(source_template)
    env.load_all("--batch-id", "base", as_of=LOADED_AT)
    with server.superuser() as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {env.warehouse.database} RENAME TO warehouse_template")
    return "warehouse_template"


@pytest.fixture
def empty(make_environment: MakeEnvironment, source_template: str, server: Sandbox) -> Iterator[Environment]:
    """A source, and a warehouse with nothing in it."""
    made = make_environment(source_template)
    yield made
    drop(server, made)


@pytest.fixture
def env(
    make_environment: MakeEnvironment, source_template: str, warehouse_template: str, server: Sandbox
) -> Iterator[Environment]:
    """A source, and a warehouse that it was loaded into; the invariants' memory starts there."""
    made = make_environment(source_template, warehouse_template)
    made.check_invariants()
    yield made
    drop(server, made)


def drop(server: Sandbox, env: Environment) -> None:
    """Remove both databases: kept to the end of the session they would be gigabytes."""
    for place in (env.source, env.warehouse):
        server.drop_database(place.database)


@pytest.fixture(scope="session")
def real_source(server: Sandbox) -> str:
    """The real dvdrental, restored from its dump. Never connected to, so that it can be cloned."""
    from sandbox.fill import Content

    if not DUMP.is_file():
        pytest.skip(f"no dump of the real dvdrental at {DUMP}: name one in DVDRENTAL_DUMP")
    server.create_database("real_template")
    server.fill("real_template", Content(dump=DUMP))
    return "real_template"


@pytest.fixture(scope="session")
def real(real_source: str, make_environment: MakeEnvironment) -> Environment:
    """The real dvdrental and its warehouse, loaded; for tests that only read."""
    made = make_environment(real_source)
    made.load_all()
    return made
