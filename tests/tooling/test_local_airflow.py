"""Airflow on this machine: its one user, whose password is told once, where lineage goes, and what a person sees."""

import json
import stat
from pathlib import Path

import pytest

from local_airflow import runner
from local_airflow.runtime import LINEAGE, TRANSPORT, USER, Airflow
from tests.support.waiting import until


def test_the_login_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = Airflow(tmp_path / "home", {})
    again = Airflow(tmp_path / "home", {})
    assert (first.is_new_login, again.is_new_login) == (True, False)
    assert first.password == again.password
    assert len(first.password) >= 16
    assert stat.S_IMODE(first.login_file.stat().st_mode) == 0o600
    assert json.loads(first.login_file.read_text()) == {USER: first.password}


def test_nobody_is_admin_without_it(tmp_path: Path) -> None:
    made = Airflow(tmp_path / "home", {})
    configured = {name: value for name, value in made.environment.items() if "SIMPLE_AUTH_MANAGER" in name}
    assert configured == {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(made.login_file),
    }
    assert made.password not in made.environment.values()


def test_lineage_goes_to_a_file_unless_a_transport_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TRANSPORT, raising=False)
    transport = json.loads(Airflow(tmp_path / "home", {}).environment[TRANSPORT])
    assert (transport["type"], transport["log_file_path"]) == ("file", str(tmp_path / "home" / LINEAGE))
    monkeypatch.setenv(TRANSPORT, '{"type": "console"}')
    assert Airflow(tmp_path / "home", {}).environment[TRANSPORT] == '{"type": "console"}'


def test_a_person_sees_that_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "credentials.json").write_text('{"warehouse": {"kind": "postgres"}}')
    demo = runner.DagRunner(tmp_path)
    monkeypatch.setattr(runner, "QUIET", 0)
    with demo.moving("Spark at work"):
        until(lambda: "Spark at work ..." in capsys.readouterr().out, "a line that it goes on")
