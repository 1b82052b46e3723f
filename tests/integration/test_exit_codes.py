"""Each thing that goes wrong has its exit code, and one line that says what it is and what to do."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.postgres import free_port
from tests.support.engines import about_spark
from tests.support.environment import Environment
from tests.support.jobs import job_environment, run_in_process, write_config
from tests.support.paths import SPARK_APPS


@pytest.fixture
def credentials(empty: Environment) -> dict[str, Any]:
    return dict(json.loads(empty.config.read_text()))


def fails(env: Environment, config: Path, code: int, *flags: str) -> str:
    """Run dim_store with this configuration; the line for people, which says what is wrong and what to do."""
    outcome = run_in_process("dim_store", "--config", str(config), *flags)
    assert outcome.code == code, outcome.err
    env.check_output(outcome)
    assert outcome.err.splitlines()[0] == outcome.error
    assert outcome.error.startswith("load_dim_store: error: ")
    assert " -> " in outcome.error
    return outcome.error


def test_unknown_flag(empty: Environment) -> None:
    outcome = run_in_process("dim_store", "--config", str(empty.config), "--full")  # no abbreviations either
    assert outcome.code == 2
    assert "unrecognized arguments: --full" in outcome.error


@pytest.mark.parametrize("moment", ["yesterday", "2007-05-14T13:44:29+02:00", ""])
def test_bad_timestamp(empty: Environment, moment: str) -> None:
    outcome = run_in_process("dim_store", "--config", str(empty.config), "--as-of", moment)
    assert outcome.code == 2
    assert "--as-of" in outcome.error


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run_in_process("fact_sales", "--help")
    assert outcome.code == 0
    for word in (
        "one row per payment",
        "--as-of",
        "--dry-run",
        "--allow-mass-delete",
        "exit codes",
        "DVDRENTAL_",
    ):
        assert word in outcome.out


def test_missing_configuration(empty: Environment, tmp_path: Path) -> None:
    assert str(tmp_path / "absent.json") in fails(empty, tmp_path / "absent.json", 3)


@pytest.mark.parametrize(
    "text", ["{", "", "[]", '{"source": []}', '{"source": {"pasword": "x"}}', "\xff\xfe"]
)
def test_unreadable_configuration(empty: Environment, tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(text.encode("latin-1"))
    assert str(path) in fails(empty, path, 3)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("source", "url", ""),
        ("source", "url", "postgresql://localhost/dvdrental"),
        ("source", "url", "jdbc:postgresql://user:secret@localhost/dvdrental"),
        ("source", "url", "jdbc:postgresql://localhost/dvdrental?password=secret"),
        ("warehouse", "url", "jdbc:postgresql://localhost:port/dvdrental"),
        ("warehouse", "kind", "oracle"),
        ("warehouse", "user", ""),
    ],
)
def test_wrong_configuration(
    empty: Environment, credentials: dict[str, Any], tmp_path: Path, section: str, key: str, value: str
) -> None:
    error = fails(empty, write_config(tmp_path / "c.json", credentials, **{section: {key: value}}), 3)
    assert f"{section}.{key}" in error
    assert "secret" not in error


def test_source_port_without_listener(
    empty: Environment, credentials: dict[str, Any], tmp_path: Path
) -> None:
    port = free_port()
    url = f"jdbc:postgresql://127.0.0.1:{port}/dvdrental"
    error = fails(empty, write_config(tmp_path / "c.json", credentials, source={"url": url}), 4)
    assert f"source 127.0.0.1:{port}/dvdrental cannot be reached" in error


def test_source_host_that_does_not_exist(
    empty: Environment, credentials: dict[str, Any], tmp_path: Path
) -> None:
    url = "jdbc:postgresql://no-such-host.invalid:5432/dvdrental"
    error = fails(empty, write_config(tmp_path / "c.json", credentials, source={"url": url}), 4)
    assert "no-such-host.invalid" in error


def test_wrong_source_password(empty: Environment, credentials: dict[str, Any], tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.json", credentials, source={"password": "wrong-guess"})
    error = fails(empty, config, 4)
    assert "password authentication failed" in error
    assert "etl_reader" in error
    assert "wrong-guess" not in error


def test_source_schema_that_does_not_exist(
    empty: Environment, credentials: dict[str, Any], tmp_path: Path
) -> None:
    config = write_config(tmp_path / "c.json", credentials, source={"schema": "Rental"})
    assert "there is no table Rental.store" in fails(empty, config, 4)


def test_tls_is_asked_for_and_a_server_without_it_is_not_reached(
    empty: Environment, credentials: dict[str, Any], tmp_path: Path
) -> None:
    """What is required of other machines by default. The sandbox's server has no TLS."""
    for section, code in (("source", 4), ("warehouse", 7)):
        url = credentials[section]["url"] + "?sslmode=require"
        error = fails(empty, write_config(tmp_path / "c.json", credentials, **{section: {"url": url}}), code)
        assert f"set up TLS in the server, or add ?sslmode=disable to {section}.url" in error
    plain = {
        section: {"url": credentials[section]["url"] + "?sslmode=disable"}
        for section in ("source", "warehouse")
    }
    assert (
        run_in_process(
            "dim_store", "--config", str(write_config(tmp_path / "c.json", credentials, **plain))
        ).code
        == 0
    )


def test_a_file_that_others_can_read_is_warned_of_at_the_end(
    empty: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    empty.config.chmod(0o644)
    empty.load("dim_store")
    assert caplog.messages[-1] == (
        f"load_dim_store: warning: {empty.config} holds passwords, and other users can read it"
        f" -> chmod 600 {empty.config}"
    )
    caplog.clear()
    empty.source("ALTER TABLE city RENAME city TO name")
    assert "has no column city" in fails(empty, empty.config, 4)
    assert not any("chmod" in message for message in caplog.messages)


def test_missing_source_columns_are_all_named(empty: Environment) -> None:
    empty.source("ALTER TABLE store RENAME manager_staff_id TO manager; ALTER TABLE city RENAME city TO name")
    error = fails(empty, empty.config, 4)
    assert "public.store has no column manager_staff_id" in error
    assert "public.city has no column city" in error
    load = empty.last_load("dim_store")
    assert load["status"] == "failed"
    assert "public.city has no column city" in load["reason"]
    assert empty.warehouse.value("SELECT count(*) FROM dim_store WHERE store_key > 0") == 0


def test_retyped_source_column(empty: Environment) -> None:
    empty.source("ALTER TABLE staff ALTER last_update TYPE text")
    assert "public.staff.last_update is text" in fails(empty, empty.config, 4)


def test_source_table_that_may_not_be_read(empty: Environment) -> None:
    empty.source("REVOKE SELECT ON country FROM etl_reader")
    error = fails(empty, empty.config, 4)
    assert "etl_reader" in error
    assert "country" in error


def test_wrong_warehouse_password(empty: Environment, credentials: dict[str, Any], tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.json", credentials, warehouse={"password": "wrong-guess"})
    error = fails(empty, config, 7)
    assert error.startswith("load_dim_store: error: warehouse ")
    assert "password authentication failed" in error


def test_warehouse_role_without_create_right(
    empty: Environment, credentials: dict[str, Any], tmp_path: Path
) -> None:
    reader = {key: credentials["source"][key] for key in ("user", "password")}
    empty.warehouse(f"GRANT CONNECT ON DATABASE {empty.warehouse.database} TO etl_reader")
    config = write_config(tmp_path / "c.json", credentials, warehouse=reader)
    assert "permission denied" in fails(empty, config, 7)


def test_warehouse_table_that_differs_from_the_ddl(env: Environment) -> None:
    env.warehouse(
        "DROP VIEW v_sales, dim_store_current, dim_movie_current;"
        "ALTER TABLE dim_store ALTER city TYPE varchar(10), ADD note text; ALTER TABLE dim_movie DROP rating"
    )
    error = fails(env, env.config, 7)
    for difference in (
        "dim_store.city is varchar(10)",
        "dim_store.note is not expected",
        "dim_movie.rating is missing",
    ):
        assert difference in error


def test_debug_shows_the_stack(empty: Environment, tmp_path: Path) -> None:
    outcome = run_in_process("dim_store", "--config", str(tmp_path / "absent.json"), "--debug")
    assert outcome.code == 3
    assert "Traceback" in outcome.err
    assert outcome.err.index("error:") < outcome.err.index("Traceback")


@about_spark
@pytest.mark.parametrize("variable", ["JAVA_HOME", "SPARK_HOME"])
def test_without_java(env: Environment, tmp_path: Path, variable: str) -> None:
    env.source("UPDATE store SET last_update = now()")
    job = subprocess.run(
        [sys.executable, str(SPARK_APPS / "load_dim_store.py"), "--config", str(env.config)],
        env=job_environment(**{variable: str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert job.returncode == 3, job.stderr
    assert "load_dim_store: error: Spark cannot start Java: " in job.stderr
    assert "Traceback" not in job.stderr


def test_a_run_whose_end_cannot_be_recorded_ends_as_its_load_did(
    env: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    owner = json.loads(env.config.read_text())["warehouse"]["user"]
    env.warehouse(f"REVOKE UPDATE ON etl_batch FROM {owner}")
    env.load("dim_store")
    assert "is not recorded: " in caplog.text
    assert env.last_load("dim_store")["status"] == "published"
    env.source("DELETE FROM payment")
    assert "the source is empty" in env.load("fact_sales", code=5).error
