"""The Makefile, and the programs that it calls before there is an environment."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dvdrental_etl.engine import package_zip
from tests.support.paths import ROOT
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
    assert errors[0].startswith("error: there is no python9.9: install Python 3.11 or newer")


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


@pytest.mark.parametrize(
    ("printed", "complaint"),
    [
        ('openjdk version \\"11.0.2\\"', "Java 17 or newer is needed, .* is 11: install"),
        ("", "of an unknown version"),
    ],
)
def test_an_old_java_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, complaint: str
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f'#!/bin/sh\necho "{printed}" >&2\n')
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SystemExit, match=complaint) as stopped:
        environment.check_java()
    assert len(str(stopped.value).splitlines()) == 1


def test_a_missing_java_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SystemExit, match="Java 17 or newer is needed and no java is on the PATH"):
        environment.check_java()


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
