"""What the sandbox does to files and on the command line, without a server."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from sandbox.access import State, credentials, pgpass, warehouse_kind, write_secret
from sandbox.binaries import open_to_others, readable_by_others
from sandbox.errors import SandboxError
from sandbox.restore import TIMEOUT_SINCE_17, _drop_line, restore
from sandbox.server import Sandbox
from tests.support.paths import ROOT


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("toc.dat"))
    return buffer.getvalue()


EMPTY_TAR = _tar()


def sandbox(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_secrets_are_for_their_owner_only_even_where_the_file_was_open(tmp_path):
    path = tmp_path / "credentials.json"
    path.write_text("old")
    path.chmod(0o644)
    write_secret(path, "new")
    assert path.read_text() == "new"
    assert mode(path) == 0o600


def test_the_state_comes_back_and_its_repr_hides_the_passwords(tmp_path):
    state = State.new(tmp_path)
    state.write(tmp_path / "sandbox.json")
    assert State.read(tmp_path / "sandbox.json") == state
    assert len(set(state.passwords.values())) == 3
    assert not any(password in repr(state) for password in state.passwords.values())


def test_a_moved_folder_finds_its_data(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    State.new(old).write(old / "sandbox.json")
    old.rename(new)
    assert State.read(new / "sandbox.json").home == new


def test_credentials_have_the_format_of_the_jobs(tmp_path):
    state = State(tmp_path, 5444, {"postgres": "a", "etl_reader": "b", "etl_writer": "c"})
    assert credentials(state) == {
        "source": {
            "url": "jdbc:postgresql://127.0.0.1:5444/dvdrental",
            "user": "etl_reader",
            "password": "b",
            "schema": "public",
        },
        "warehouse": {
            "kind": "postgres",
            "url": "jdbc:postgresql://127.0.0.1:5444/warehouse",
            "user": "etl_writer",
            "password": "c",
            "schema": "dw",
        },
        "s3": {"staging": "", "iam_role": "", "endpoint": ""},
    }
    assert pgpass(state).splitlines() == [
        "127.0.0.1:5444:*:postgres:a",
        "127.0.0.1:5444:*:etl_reader:b",
        "127.0.0.1:5444:*:etl_writer:c",
    ]


@pytest.mark.parametrize("name", ["thesis.odt", "credentials.json", "data"])
def test_a_folder_with_other_things_is_left_alone(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(SandboxError, match=f"not a sandbox and not empty .{name}"):
        Sandbox(tmp_path).up()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_what_others_can_reach(tmp_path):
    shut = tmp_path / "shut"
    tree = shut / "tree"
    tree.mkdir(parents=True)
    (tree / "file").write_text("")
    shut.chmod(0o700)
    assert not open_to_others(tree)
    assert not readable_by_others(tree)
    assert open_to_others(Path("/"))


def test_a_tree_with_one_closed_file_is_not_readable_by_others(tmp_path, monkeypatch):
    monkeypatch.setattr("sandbox.binaries.open_to_others", lambda _path: True)
    (tmp_path / "program").write_text("")
    (tmp_path / "program").chmod(0o755)
    assert readable_by_others(tmp_path)
    (tmp_path / "program").chmod(0o744)  # its owner may run it, others may not
    assert not readable_by_others(tmp_path)


def test_only_the_unsupported_setting_is_removed_from_a_script_for_an_older_server(tmp_path):
    script = tmp_path / "dump.sql"
    head, data = b"SET a = 1;\n", b"COPY t (c) FROM stdin;\n" + TIMEOUT_SINCE_17 + b"\\.\n" + TIMEOUT_SINCE_17
    script.write_bytes(head + TIMEOUT_SINCE_17 + data)
    _drop_line(script, TIMEOUT_SINCE_17)
    assert script.read_bytes() == head + data


def test_a_zip_of_two_dumps_is_refused(tmp_path):
    path = tmp_path / "dumps.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.tar", "")
        archive.writestr("b.tar", "")
    with pytest.raises(SandboxError, match="contains 2 dumps, not one"):
        restore(path, {}, 180000)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("dvdrental.zip", b"<!doctype html>", "is damaged, or no archive"),
        ("dvdrental.sql.gz", gzip.compress(b"SELECT 1;" * 99)[:-9], "is damaged, or no archive"),
        ("dvdrental.sql.gz", b"<!doctype html>", "is damaged, or no archive"),
        ("dvdrental.tar.gz", gzip.compress(EMPTY_TAR), "is a compressed tar file: unpack it"),
    ],
    ids=["a page as a zip", "half a gzip file", "a page as a gzip file", "a tar.gz"],
)
def test_what_is_no_dump_is_refused_in_one_line(tmp_path, name, content, complaint):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SandboxError, match=complaint) as refused:
        restore(tmp_path / name, {}, 180000)
    assert "\n" not in str(refused.value)


def test_the_warehouse_of_a_sandbox_is_known(tmp_path):
    assert warehouse_kind(tmp_path) == "postgres"
    (tmp_path / "credentials.json").write_text('{"warehouse": {"kind": "redshift"}}')
    assert warehouse_kind(tmp_path) == "redshift"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("up", "--scale", "much"),
        ("up", "--scale", "1", "--dump", "x.tar"),
        ("up", "--dump", "x.tar", "--seed", "1"),
        ("status", "--", "-c"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments):
    called = sandbox(*arguments)
    assert called.returncode == 2
    assert called.stderr.startswith("usage: python -m sandbox")


def test_a_sandbox_that_is_not_there(tmp_path):
    status, down = (
        sandbox("status", "--dir", str(tmp_path / "x")),
        sandbox("down", "--dir", str(tmp_path / "x")),
    )
    psql = sandbox("psql", "--dir", str(tmp_path / "x"))
    assert (status.returncode, status.stdout) == (0, f"down: nothing runs in {tmp_path / 'x'}\n")
    assert (down.returncode, down.stdout) == (0, f"nothing to stop: no sandbox in {tmp_path / 'x'}\n")
    assert psql.returncode == 1
    assert psql.stderr == f"sandbox: the sandbox in {tmp_path / 'x'} is down: start it with `up`\n"
    assert not (tmp_path / "x").exists()


def test_a_missing_dump_is_found_before_anything_is_made(tmp_path):
    called = sandbox("up", "--dump", str(tmp_path / "no.tar"), "--dir", str(tmp_path / "x"))
    assert called.returncode == 1
    assert called.stderr.startswith(f"sandbox: there is no dump {tmp_path / 'no.tar'}: give --dump FILE, ")
    assert not (tmp_path / "x").exists()


def test_a_scale_out_of_range_is_found_before_anything_is_made(tmp_path):
    called = sandbox("up", "--scale", "0", "--dir", str(tmp_path / "x"))
    assert called.returncode == 1
    assert "the scale must lie between 0.01 and 100,000: 0" in called.stderr
    assert not (tmp_path / "x").exists()
