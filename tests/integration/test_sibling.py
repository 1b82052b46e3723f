"""A sibling database, in another hand's schema, loads with the same five scripts, unchanged."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from dvdrental_etl import config
from dvdrental_etl.verify import run
from sandbox.binaries import NOBODY, private_folder, readable_by_others, wheel_install
from sandbox.fill import Content, Target, fill
from sandbox.postgres import HOST, SUPERUSER, Cluster, free_port
from sandbox.progress import Progress
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
def old_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseClient]:
    """PostgreSQL 16, whose programs are in the same wheel."""
    install = wheel_install().with_name("pginstall")
    if not (install / "bin" / "initdb").is_file():
        pytest.skip("the wheel has no PostgreSQL 16")
    as_root = os.geteuid() == 0
    if as_root and not readable_by_others(install):
        pytest.skip("we are root, and nobody else may run the wheel's PostgreSQL 16")
    home = private_folder() if as_root else tmp_path_factory.mktemp("server16")
    owner: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if as_root else {}
    password_file, data = home / "password", home / "data"
    password_file.write_text("of the old server")
    data.mkdir(mode=0o700)
    if as_root:
        os.chown(data, NOBODY, NOBODY)
        os.chown(password_file, NOBODY, NOBODY)
    subprocess.run(
        [
            *(install / "bin" / "initdb", "-D", data, "--no-sync", "-U", SUPERUSER, "--auth=scram-sha-256"),
            *(f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C", "--set=unix_socket_directories="),
            *(f"--set=listen_addresses={HOST}", "--set=fsync=off", "--set=timezone=UTC"),
        ],
        check=True,
        capture_output=True,
        cwd="/",
        **owner,
    )
    cluster = Cluster(data, install / "bin", home / "log")
    port = free_port()
    while not cluster.start(port):
        port = free_port()
    yield DatabaseClient(port, "of the old server")
    cluster.stop(discard=True)
    shutil.rmtree(home)


def test_postgresql_16(old_server: DatabaseClient, spark: object, tmp_path: Path) -> None:
    assert old_server.value("SHOW server_version").startswith("16.")
    old_server("CREATE DATABASE sibling")
    old_server("CREATE DATABASE warehouse")
    source = replace(old_server, database="sibling")
    fill(
        Target(HOST, source.port, SUPERUSER, source.password, "sibling"),
        Content(scale=SCALE),
        Progress.silent(),
    )
    make_sibling(source)
    url = f"jdbc:postgresql://{HOST}:{source.port}"
    credentials = {
        "source": {"url": f"{url}/sibling", "user": READER, "password": PASSWORD, "schema": "Rental"},
        "warehouse": {"url": f"{url}/warehouse", "user": SUPERUSER, "password": source.password},
    }
    env = Environment(
        replace(source, schema="Rental"),
        replace(old_server, database="warehouse", schema="dw"),
        write_config(tmp_path / "credentials.json", credentials),
        (PASSWORD, source.password),
    )
    env.load_all()
    env.check_invariants()
    env.check_equals_source()
