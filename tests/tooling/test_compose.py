"""docker-compose.yml without an engine: against the specification, and against this project's own rules."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import dvdrental_etl
from tests.support.paths import ROOT

FILE = ROOT / "docker-compose.yml"
TEXT = FILE.read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

#: Services that do one thing and end; others wait for their success.
ONE_SHOT = {"source-fill", "airflow-migrate"}


def test_it_is_valid_by_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_services_are_those_that_are_promised() -> None:
    promised = {"source", "source-fill", "warehouse", "spark-master", "spark-worker-1", "spark-worker-2"}
    airflow = {"airflow-db", "airflow-migrate", "airflow", "airflow-dag-processor", "airflow-scheduler"}
    assert set(SERVICES) == promised | airflow


def test_no_secret_is_in_the_file() -> None:
    values = re.findall(r'(?i)[\w"]*(?:password|secret|fernet|token)[\w"]*:\s+(\S.*)', TEXT)
    assert values
    for value in values:
        assert re.search(r"\$\{\w+:\?", value), f"not taken from the environment: {value}"
    for secret in re.findall(r"://\w+:([^@/\s]+)@", TEXT):
        assert secret.startswith("${"), secret


def test_each_variable_without_default_is_written_by_make_compose_env(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    command = [sys.executable, str(ROOT / "docker" / "make_env.py"), str(env)]
    subprocess.run(command, check=True, capture_output=True)
    before = env.read_text()
    subprocess.run(command, check=True, capture_output=True)
    assert env.read_text() == before
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    written = dict(line.split("=", 1) for line in before.splitlines())
    assert set(written) == set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert all(re.fullmatch(r"[\w=-]{40,}", value) for value in written.values()), (
        "safe inside JSON and a URL"
    )


def test_airflow_has_one_user_with_the_password_of_env(tmp_path: Path) -> None:
    airflow = tmp_path / "airflow"
    airflow.write_text("#!/bin/sh\n")
    airflow.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "AIRFLOW_HOME": str(tmp_path)}
    subprocess.run(
        [ROOT / SERVICES["airflow"]["command"]],
        env=environment | {"AIRFLOW_ADMIN_PASSWORD": "s3cret"},
        check=True,
    )
    (logins,) = tmp_path.glob("*.json*")
    assert json.loads(logins.read_text()) == {"admin": "s3cret"}
    assert stat.S_IMODE(logins.stat().st_mode) == 0o600
    settings = SERVICES["airflow"]["environment"]
    assert {name: settings[name] for name in settings if "SIMPLE_AUTH_MANAGER" in name} == {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin"
    }


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_checked_or_waited_for(name: str) -> None:
    if name not in ONE_SHOT:
        assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        return
    waiting = [service.get("depends_on", {}).get(name, {}).get("condition") for service in SERVICES.values()]
    assert "service_completed_successfully" in waiting
    assert SERVICES[name]["restart"] == "no"


@pytest.mark.parametrize("name", SERVICES)
def test_each_image_is_pinned(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:\d+\.\d+[\w.-]*", SERVICES[name]["image"])


def test_our_image_has_our_version() -> None:
    ours = {service["image"] for service in SERVICES.values() if "build" in service}
    assert ours == {f"dvdrental-etl:{dvdrental_etl.__version__}"}


def test_the_base_image_is_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", (ROOT / "docker" / "Dockerfile").read_text(), re.MULTILINE)
    assert bases
    assert all(re.search(r":\d+\.\d+\.\d+-", base) for base in bases)


def test_data_lies_in_named_volumes() -> None:
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", [])]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith(".")}
    assert named == set(COMPOSE["volumes"])
    assert {mount for mount in mounts if mount.startswith(".")} == {"./docker/dump:/dump:ro"}


def test_ports_are_published_on_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_image_copies_nothing_that_holds_secrets() -> None:
    lines = (ROOT / "docker" / "Dockerfile.dockerignore").read_text().split("\n")
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert not allowed & {"config", ".env", ".sandbox", ".git", "."}
    assert all((ROOT / path).exists() for path in allowed)
