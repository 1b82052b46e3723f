"""The sandbox's server, end to end: start, load, stop, start again, interruptions, rights, dumps."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.errors
import pytest

from sandbox.access import READER, WRITER
from sandbox.binaries import wheel_install
from sandbox.errors import SandboxError
from sandbox.fill import Content, Target
from sandbox.generator import generate
from sandbox.postgres import Cluster
from sandbox.server import Sandbox
from tests.support.paths import ROOT

DUMP = Path(os.environ.get("DVDRENTAL_DUMP", ROOT / "../shared/data/dvdrental.tar"))
needs_dump = pytest.mark.skipif(
    not DUMP.is_file(), reason=f"no dump of the real dvdrental at {DUMP}: set DVDRENTAL_DUMP"
)
SMALL = Content(scale=0.01)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sandbox", *arguments]


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


def ask(sandbox: Sandbox, database: str, statement: str, role: str = "postgres") -> list[tuple[Any, ...]]:
    with closing(sandbox.connect(database, role)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def payments(sandbox: Sandbox, database: str = "dvdrental") -> list[tuple[Any, ...]]:
    return ask(sandbox, database, "SELECT count(*), sum(amount), md5(string_agg(p::text, '')) FROM payment p")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One running server for the tests that do not stop it, with a small dvdrental."""
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    try:
        sandbox.up(SMALL)
        yield sandbox
    finally:
        sandbox.down(purge=True)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for a sandbox of the test's own, which is removed whatever happens."""
    yield tmp_path / "own"
    Sandbox(tmp_path / "own").down(purge=True)


def test_up_status_down_and_up_again(folder):
    up = call("up", "--scale", "0.01", "--dir", str(folder))
    assert (up.returncode, up.stdout.splitlines()[0].split(":")[0]) == (0, "up")
    assert re.search(r"^payment +146 rows +[0-9.]+ s$", up.stderr, re.MULTILINE)
    for name in ("credentials.json", "pgpass", "sandbox.json"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    sandbox = Sandbox(folder)
    first, port = payments(sandbox), sandbox.port
    began = ask(sandbox, "postgres", "SELECT pg_postmaster_start_time()")
    passwords = json.loads((folder / "credentials.json").read_text())
    assert not any(passwords[end]["password"] in up.stdout + up.stderr for end in ("source", "warehouse"))

    again = call("up", "--dir", str(folder))
    assert again.stdout.startswith(
        f"already up, nothing changed: 127.0.0.1:{port}, generated data, scale 0.01"
    )
    assert ask(sandbox, "postgres", "SELECT pg_postmaster_start_time()") == began

    status = call("status", "--dir", str(folder)).stdout
    assert status.startswith(f"up: 127.0.0.1:{port}\n")
    assert re.search(r"public.payment +146 rows", status)

    assert call("down", "--dir", str(folder)).stdout == "down: its data stays\n"
    assert call("down", "--dir", str(folder)).stdout == "already down: its data stays\n"
    assert sandbox.port is None
    assert call("up", "--dir", str(folder)).returncode == 0
    assert (payments(sandbox), sandbox.port) == (first, port)

    home = sandbox.state.home
    (folder / "report.html").touch()  # `make report` leaves it here
    assert call("down", "--purge", "--dir", str(folder)).stdout == "down: its data is deleted\n"
    assert not folder.exists()
    assert not home.exists()


def test_when_its_port_is_taken_it_takes_another_and_rewrites_the_credentials(folder):
    sandbox = Sandbox.start(folder)
    old = sandbox.port
    sandbox.down()
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # our old connections linger
        stranger.bind(("127.0.0.1", old))
        stranger.listen()
        assert sandbox.up(SMALL)
        assert sandbox.port not in (None, old)
    warehouse = json.loads((folder / "credentials.json").read_text())["warehouse"]
    assert warehouse["url"] == f"jdbc:postgresql://127.0.0.1:{sandbox.port}/warehouse"
    assert f"127.0.0.1:{sandbox.port}:*:etl_writer:{warehouse['password']}" in (folder / "pgpass").read_text()


def test_a_folder_that_everybody_reaches_holds_its_own_data():
    open_folder = Path(tempfile.mkdtemp())
    open_folder.chmod(0o711)
    try:
        sandbox = Sandbox.start(open_folder / "own")
        assert (open_folder / "own" / "data" / "PG_VERSION").exists()
        sandbox.down(purge=True)
        assert not (open_folder / "own").exists()
    finally:
        shutil.rmtree(open_folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step down to nobody")
def test_as_root_a_closed_folder_stays_closed_and_the_server_is_not_root(folder, monkeypatch):
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    package = wheel_install().parent
    for part in (f"{package.name}/pginstall18", f"{package.name}.libs"):
        shutil.copytree(package.parent / part, closed / part, symlinks=True)
    monkeypatch.setattr("sandbox.binaries.wheel_install", lambda: closed / package.name / "pginstall18")
    sandbox = Sandbox.start(folder)
    home = sandbox.state.home
    assert home.parent != folder
    assert sandbox.cluster.programs.is_relative_to(home)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (home / "data").stat().st_uid == 65534
    process = (home / "data" / "postmaster.pid").read_text().split()[0]
    assert Path(f"/proc/{process}").stat().st_uid == 65534


def test_other_content_than_is_there_is_refused(shared):
    before = payments(shared)
    other = call("up", "--scale", "0.02", "--dir", str(shared.directory))
    assert other.returncode == 1
    assert (
        "contains generated data, scale 0.01, seed 2007, not generated data, scale 0.02, seed 2007"
        in other.stderr
    )
    assert payments(shared) == before


def test_a_failed_fill_leaves_nothing_and_the_next_up_starts_again(folder, monkeypatch):
    real = generate.tables

    def failing(sizes):
        def fail(*_arguments):
            raise RuntimeError("the disk is full")

        return real(sizes) | {"rental": (fail, 1)}

    monkeypatch.setattr(generate, "tables", failing)
    with pytest.raises(RuntimeError, match="the disk is full"):
        Sandbox(folder).up(SMALL)
    assert Sandbox(folder).databases() == ["dvdrental_loading", "warehouse"]
    monkeypatch.undo()
    assert Sandbox(folder).up(SMALL)
    assert Sandbox(folder).databases() == ["dvdrental", "warehouse"]
    assert payments(Sandbox(folder))[0][0] == 146


def test_a_killed_fill_is_started_again(folder):
    with subprocess.Popen(
        command("up", "--scale", "2", "--dir", str(folder)), cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as loading:
        assert loading.stderr
        assert any(line.startswith("inventory") for line in loading.stderr), "killed in the middle of rental"
        loading.kill()
    assert "dvdrental" not in Sandbox(folder).databases()
    assert call("up", "--scale", "2", "--dir", str(folder)).returncode == 0
    assert ask(Sandbox(folder), "dvdrental", "SELECT count(*) FROM payment") == [(29_192,)]


def test_the_reader_reads_the_source_and_does_nothing_else(shared):
    assert ask(shared, "dvdrental", "SELECT count(*) FROM payment", READER) == [(146,)]
    for statement in (
        "INSERT INTO category (name) VALUES ('x')",
        "UPDATE payment SET amount = 0",
        "DELETE FROM rental",
        "TRUNCATE payment",
        "CREATE TABLE public.mine ()",
        "CREATE TEMP TABLE mine ()",
        "CREATE SCHEMA mine",
        "SELECT nextval('payment_payment_id_seq')",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            ask(shared, "dvdrental", statement, READER)
    with pytest.raises(psycopg2.OperationalError, match='permission denied for database "warehouse"'):
        shared.connect("warehouse", READER)


def test_the_writer_owns_the_warehouse_and_does_not_see_the_source(shared):
    made = "CREATE SCHEMA dw; CREATE TABLE dw.t (); CREATE TEMP TABLE u (); SELECT 1"
    assert ask(shared, "warehouse", made, WRITER) == [(1,)]
    with pytest.raises(psycopg2.OperationalError, match='permission denied for database "dvdrental"'):
        shared.connect("dvdrental", WRITER)


def test_a_clone_has_data_owner_and_rights(shared):
    shared.clone("dvdrental", "copy_of_source")
    shared.clone("warehouse", "copy_of_warehouse")
    assert payments(shared, "copy_of_source") == payments(shared)
    assert shared.content("copy_of_source") == SMALL.label
    assert ask(shared, "copy_of_source", "SELECT count(*) FROM rental", READER) == [(160,)]
    assert ask(shared, "copy_of_warehouse", "CREATE SCHEMA other; SELECT 1", WRITER) == [(1,)]
    with pytest.raises(psycopg2.OperationalError, match="permission denied"):
        shared.connect("copy_of_source", WRITER)
    with pytest.raises(psycopg2.OperationalError, match="permission denied"):
        shared.connect("copy_of_warehouse", READER)
    pair = shared.credentials("copy_of_source", "copy_of_warehouse")
    assert [pair[end]["url"].rsplit("/")[-1] for end in ("source", "warehouse")] == [
        "copy_of_source",
        "copy_of_warehouse",
    ]
    with pytest.raises(SandboxError, match="there is no database nowhere to clone"):
        shared.clone("nowhere", "copy_of_nothing")


def test_anothers_server_is_not_written_to(shared, folder, monkeypatch):
    """Even one that knows our password, on the port that we think is ours."""
    mine = Sandbox.start(folder)
    mine.down()
    replace(mine.state, passwords=shared.state.passwords).write(folder / "sandbox.json")
    theirs = shared.port
    monkeypatch.setattr(Cluster, "port", lambda _self: theirs)
    with pytest.raises(
        SandboxError, match=rf"port {theirs} belongs to another server than .*: nothing was changed"
    ):
        Sandbox(folder).up(SMALL)
    monkeypatch.undo()


def test_fill_loads_the_database_of_the_environment_once(shared):
    shared.create_database("compose")
    target = shared.target("compose")
    environment = {"PGHOST": target.host, "PGPORT": str(target.port), "PGUSER": target.user}
    environment |= {"PGPASSWORD": target.password, "PGDATABASE": "compose"}
    first = call("fill", "--scale", "0.01", "--seed", "7", **environment)
    assert (first.returncode, first.stdout) == (0, "filled\n")
    loaded = payments(shared, "compose")
    assert loaded != payments(shared), "another seed, other data"
    second = call("fill", "--scale", "0.02", **environment)
    assert (second.returncode, second.stdout) == (
        0,
        "already filled, nothing changed: public.payment has rows\n",
    )
    assert payments(shared, "compose") == loaded
    nowhere = call("fill", **environment | {"PGPORT": "1"})
    assert nowhere.returncode == 1
    assert nowhere.stderr.startswith("sandbox: cannot connect")


def test_fill_refuses_a_foreign_payment_table(shared):
    shared.create_database("occupied")
    with shared.superuser("occupied") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE payment (mine integer)")
    with pytest.raises(SandboxError, match=r"public\.payment exists and is empty"):
        shared.fill("occupied", SMALL)


def test_the_target_does_not_show_its_password():
    assert "hush" not in repr(Target(password="hush"))


def test_new_rows_and_updates_work_as_in_dvdrental(shared):
    """The simulator of business days needs the sequences, the triggers and the foreign keys."""
    shared.clone("dvdrental", "living")
    assert ask(shared, "living", "INSERT INTO category (name) VALUES ('x') RETURNING category_id") == [(17,)]
    changed = "UPDATE {} SET last_update = DEFAULT WHERE {}_id = 1 RETURNING last_update > '2020-01-01'"
    for table in ("customer", "rental", "inventory", "staff"):
        assert ask(shared, "living", changed.format(table, table)) == [(True,)]
    title = "UPDATE film SET title = 'Zebra' WHERE film_id = 1 RETURNING fulltext @@ 'zebra'::tsquery"
    assert ask(shared, "living", title) == [(True,)]
    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        ask(shared, "living", "UPDATE rental SET customer_id = 999 WHERE rental_id = 1 RETURNING 1")


def test_odd_texts_arrive_as_they_were_meant(shared):
    names = ask(shared, "dvdrental", "SELECT last_name FROM customer ORDER BY customer_id LIMIT 7")
    assert [name for (name,) in names] == [
        "O'Hara", "Müller", "Żółkiewska", "山田", 'Ray "Slim"', "Núñez, jr.", "Back\\slash",
    ]  # fmt: skip
    assert ask(
        shared,
        "dvdrental",
        "SELECT bool_or(phone = ''), bool_or(district = ''), bool_or(address2 = ''), bool_or(address2 IS NULL), "
        "bool_or(postal_code IS NULL) FROM address",
    ) == [(True,) * 5]
    assert ask(shared, "dvdrental", "SELECT octet_length(name) FROM language WHERE language_id = 1") == [
        (20,)
    ]
    assert ask(shared, "dvdrental", "SELECT octet_length(picture) FROM staff WHERE staff_id = 1") == [(8,)]


SCHEMA_QUESTIONS = {
    "columns": """
        SELECT table_name, column_name, udt_name, domain_name, character_maximum_length, numeric_precision,
               numeric_scale, is_nullable, ordinal_position
        FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE'""",
    "indexes": "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype <> 'n'""",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "enum": "SELECT enumlabel, enumsortorder FROM pg_enum",
    "sequences": "SELECT sequencename FROM pg_sequences",
}


@needs_dump
def test_a_dump_gives_the_golden_numbers_and_the_schema_that_we_generate(shared):
    shared.create_database("real")
    shared.fill("real", Content(dump=DUMP))
    assert payments(shared, "real")[0][:2] == (14_596, Decimal("61312.04"))
    assert ask(shared, "real", "SELECT count(*) FROM rental", READER) == [(16_044,)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ask(shared, "real", "SELECT rewards_report(1, 1)", READER)
    for what, question in SCHEMA_QUESTIONS.items():
        assert set(ask(shared, "dvdrental", question)) == set(ask(shared, "real", question)), what


@needs_dump
def test_the_zip_that_the_tutorial_offers_is_restored_too(shared, tmp_path):
    with zipfile.ZipFile(tmp_path / "dvdrental.zip", "w") as archive:
        archive.write(DUMP, "dvdrental.tar")
    shared.create_database("zipped")
    shared.fill("zipped", Content(dump=tmp_path / "dvdrental.zip"))
    assert payments(shared, "zipped")[0][:2] == (14_596, Decimal("61312.04"))


@needs_dump
@pytest.mark.parametrize("share", [0.002, 0.5, 0.9])
def test_a_dump_that_was_cut_off_loads_nothing(shared, tmp_path, share):
    whole = DUMP.read_bytes()
    (tmp_path / "half.tar").write_bytes(whole[: int(len(whole) * share)])
    broken = f"broken_{share:g}"
    shared.create_database(broken)
    with pytest.raises(SandboxError, match="is damaged"):
        shared.fill(broken, Content(dump=tmp_path / "half.tar"))
    assert ask(shared, broken, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def test_an_sql_script_that_fails_halfway_loads_nothing(shared, tmp_path):
    (tmp_path / "half.sql").write_text(
        "CREATE TABLE payment (amount numeric);\nINSERT INTO payment VALUES ('x');\n"
    )
    shared.create_database("half")
    with pytest.raises(SandboxError, match=r"psql failed, nothing was loaded: .*invalid input syntax"):
        shared.fill("half", Content(dump=tmp_path / "half.sql"))
    assert ask(shared, "half", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def test_psql_finds_tables_without_their_schema(server):
    server.create_database("warehouse_psql", owner=WRITER)
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "psql",
        "warehouse_psql",
        "--dir",
        str(server.directory),
        "--",
    ]
    done = subprocess.run([*command, "-Atc", "SHOW search_path"], capture_output=True, text=True, check=True)
    assert done.stdout == "dw\n"
