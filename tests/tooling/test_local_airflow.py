"""Airflow on this machine has one user, whose password is told once and kept where only its owner reads it."""

import json
import stat
from pathlib import Path

from local_airflow.runtime import USER, Airflow


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
