"""Airflow on this machine: its one user, whose password is told once, where lineage goes, and what a person sees."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import urllib.request
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import psutil  # type: ignore[import-untyped]
import pytest

from local_airflow import __main__ as command_line
from local_airflow import runner, spark
from local_airflow.runtime import LINEAGE, PROCESSES, TRANSPORT, USER, Airflow
from sandbox.running import is_same
from tests.support.paths import ROOT
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


def test_the_shells_own_spark_does_not_reach_the_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_HOME", "/opt/spark-3.5")
    monkeypatch.setenv("PYSPARK_DRIVER_PYTHON", "jupyter")
    made = Airflow(tmp_path / "home", {}).environment
    assert not [name for name in made if name.startswith(("SPARK_", "PYSPARK_"))]


def test_no_proxy_stands_between_processes_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "intranet.example")
    monkeypatch.delenv("NO_PROXY", raising=False)
    made = Airflow(tmp_path / "home", {})
    assert made.environment["NO_PROXY"].split(",") == ["intranet.example", "127.0.0.1", "localhost", "::1"]
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.status == 200
        monkeypatch.delenv("no_proxy")
        monkeypatch.delenv("NO_PROXY")
        alive = [sys.executable, str(ROOT / "docker" / "alive.py"), url]
        assert subprocess.run(alive, check=False).returncode == 0
        server.shutdown()


def test_what_a_closed_terminal_left_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `make down`, and before a port is chosen."""
    sleeping = [subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(3)]
    owner, *left = [(process.pid, psutil.Process(process.pid).create_time()) for process in sleeping]
    sleeping[0].kill()
    sleeping[0].wait()
    home = tmp_path / "box-airflow"
    home.mkdir()
    listed = home / PROCESSES
    listed.write_text(json.dumps({"url": "http://127.0.0.1:8080", "processes": [owner, left[0]]}))
    Airflow(home, {})
    assert not is_same(*left[0])
    assert not listed.exists()
    listed.write_text(json.dumps({"url": "http://127.0.0.1:8080", "processes": [owner, left[1]]}))
    command = [sys.executable, "-m", "local_airflow", "stop", "--dir", str(tmp_path / "box")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "Airflow is stopped\n"
    assert not is_same(*left[1])
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_is_like_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr(sys, "argv", ["local_airflow", "stop", "--dir", str(tmp_path / "box")])
    try:
        assert command_line.main() == 0
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def test_the_class_archive_is_made_again_for_a_new_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Java would ignore one that was made of jars with other times, and each job would start seconds later."""
    (tmp_path / "jars").mkdir()
    jar = tmp_path / "jars" / "spark-core.jar"
    jar.write_bytes(b"")
    found = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(spark, "find_spec", lambda _: found)
    before = spark.LocalSpark(tmp_path).archive
    assert spark.LocalSpark(tmp_path).archive == before
    os.utime(jar, (1, 1))
    assert spark.LocalSpark(tmp_path).archive != before
