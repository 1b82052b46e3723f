"""A sibling database, in another hand's schema, loads with the same five scripts, unchanged."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import psycopg2
import pytest

from dvdrental_etl import config
from dvdrental_etl.verify import run
from sandbox.access import WAREHOUSE
from sandbox.binaries import OTHER_SERVER, wheel_install
from sandbox.fill import Content
from sandbox.postgres import HOST, SUPERUSER
from sandbox.server import Sandbox
from tests.support.database import DatabaseClient
from tests.support.environment import TABLES, Environment
from tests.support.jobs import counts, expected_counts, write_config
from tests.support.servers import SCALE, MakeEnvironment

ZONE = "America/New_York"
READER = "only_reads"
PASSWORD = "of the sibling's reader"


def make_sibling(database: DatabaseClient) -> None:
    """Change a generated dvdrental into the sibling, and set its clock."""
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (READER,))
        if not cursor.rowcount:
            cursor.execute(f"CREATE ROLE {READER} LOGIN PASSWORD %s", (PASSWORD,))
        text = (Path(__file__).parent / "sibling.sql").read_text()
        cursor.execute("SET search_path TO public")
        cursor.execute(text.replace("$ZONE", ZONE).replace("$READER", READER))
        cursor.execute(f"ALTER DATABASE {database.database} SET timezone TO '{ZONE}'")
        cursor.execute(f"GRANT CONNECT ON DATABASE {database.database} TO {READER}")


@pytest.fixture(scope="module")
def sibling(server: Sandbox, make_environment: MakeEnvironment, source_template: str) -> Environment:
    env = make_environment(source_template)
    make_sibling(env.source)
    credentials = json.loads(env.config.read_text())
    source = {"user": READER, "password": PASSWORD, "schema": "Rental"}
    write_config(env.config, credentials, source=source)
    env = replace(env, source=replace(env.source, schema="Rental"), secrets=(*env.secrets, PASSWORD))
    # Two in the morning in London is the evening before in New York.
    env.source("INSERT INTO payment VALUES (90001, 1, 1, 1, 4.20, '2007-05-10 02:00:00.25+00')")
    env.load_all()
    return env


def test_all_of_it_arrives(sibling: Environment) -> None:
    sibling.check_equals_source()
    sibling.check_invariants()
    rows, amount = sibling.source("SELECT count(*), sum(amount) FROM payment")[0]
    assert rows == 731
    for table in TABLES:
        load = sibling.last_load(table)
        assert load["status"] == "published"
        assert load["source_rows"] == load["warehouse_rows"]
    assert load["source_rows"] == rows
    assert Decimal(str(load["warehouse_amount"])) == amount


def test_verify_reads_it_as_the_jobs_do(sibling: Environment) -> None:
    report = run.examine(config.load(sibling.config, {}))
    assert (report.findings, report.waiting) == ([], 0)


def test_stores_by_the_hundred(sibling: Environment) -> None:
    query = (
        "SELECT count(*), max(store_id), count(DISTINCT manager_staff_id) FROM dim_store WHERE store_key > 0"
    )
    assert sibling.warehouse(query) == [(300, 300, 300)]
    assert sibling.warehouse.value("SELECT count(DISTINCT store_key) FROM fact_sales") > 100


def test_timestamps_are_on_the_clock_of_the_source(sibling: Environment) -> None:
    query = "SELECT payment_ts::text, payment_date_key FROM fact_sales WHERE sales_key = 90001"
    assert sibling.warehouse(query) == [("2007-05-09 22:00:00.25", 20070509)]


def test_second_run_changes_nothing(sibling: Environment) -> None:
    before = sibling.content()
    rows = {"dim_customer": 30, "dim_movie": None, "dim_store": 300, "dim_staff": 300, "fact_sales": 731}
    for table, read in rows.items():
        outcome = sibling.load(table)
        if read:
            assert counts(outcome) == expected_counts()
    assert sibling.content() == before


def test_the_role_may_do_nothing_but_read(sibling: Environment) -> None:
    role = replace(sibling.source, role=READER, password=PASSWORD)
    with (
        closing(
            psycopg2.connect(host=HOST, port=role.port, user=READER, password=PASSWORD, dbname=role.database)
        ) as connection,
        connection.cursor() as cursor,
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute('DELETE FROM "Rental".payment')
        connection.rollback()
        cursor.execute(
            "SELECT has_schema_privilege('Rental', 'CREATE'), has_database_privilege(current_database(), 'TEMP')"
        )
        assert cursor.fetchone() == (False, False)


@pytest.fixture(scope="module")
def old_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """PostgreSQL 16, whose programs are in the same wheel."""
    install = wheel_install().with_name("pginstall")
    assert (install / "bin" / "initdb").is_file(), "the locked wheel has no PostgreSQL 16"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(OTHER_SERVER, str(install))
        sandbox = Sandbox.start(tmp_path_factory.mktemp("server16") / "sandbox")
    yield sandbox
    sandbox.down(purge=True)


def test_postgresql_16(old_server: Sandbox, spark: object, tmp_path: Path) -> None:
    old_server.create_database("sibling")
    old_server.fill("sibling", Content(scale=SCALE))
    source = DatabaseClient(old_server.port or 0, old_server.state.passwords[SUPERUSER], "sibling")
    assert source.value("SHOW server_version").startswith("16.")
    make_sibling(source)
    env = Environment(
        replace(source, schema="Rental"),
        replace(source, database=WAREHOUSE, schema="dw"),
        write_config(
            tmp_path / "credentials.json",
            old_server.credentials("sibling"),
            source={"user": READER, "password": PASSWORD, "schema": "Rental"},
        ),
        (PASSWORD, source.password),
    )
    env.load_all()
    env.check_invariants()
    env.check_equals_source()


@pytest.mark.parametrize(
    ("variable", "value"), [("PGTZ", "Asia/Tokyo"), ("PGOPTIONS", "-c TimeZone=Asia/Tokyo")]
)
def test_the_time_zone_of_the_shell_does_not_count(
    sibling: Environment, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert counts(sibling.load("fact_sales", "--full-refresh")) == expected_counts()
    assert run.examine(config.load(sibling.config, {})).findings == []
