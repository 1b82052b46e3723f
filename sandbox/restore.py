"""Restore a dump of dvdrental: .tar or another pg_dump archive, .zip around it, .sql or .sql.gz."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from sandbox.binaries import wheel_install
from sandbox.errors import SandboxError

#: How files of gzip, bzip2 and xz begin.
COMPRESSED = {b"\x1f\x8b", b"BZ", b"\xfd7"}
# pg_restore 18 writes this at the start of its script; servers before 17 do not know the setting.
TIMEOUT_SINCE_17 = b"SET transaction_timeout = 0;\n"


def restore(dump: Path, environment: Mapping[str, str], server_version: int) -> None:
    """Load `dump` in one transaction into the database that libpq finds by `environment`.

    `server_version` is libpq's number (180001 for 18.1). The archive is converted to an SQL script first: this works
    for all formats and all servers from 12 on, and finds a broken archive before anything is written.
    Raises SandboxError with the first error.
    """
    with tempfile.TemporaryDirectory(prefix="dvdrental-dump-") as folder:
        try:
            script = _script(dump, Path(folder))
        except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise SandboxError(f"{dump} is damaged, or no archive ({error}): download it again") from error
        if server_version < 170000:
            _drop_line(script, TIMEOUT_SINCE_17)
        _run(
            ["psql", "-X", "-q", "--single-transaction", "--set=ON_ERROR_STOP=1", f"--file={script}"],
            environment,
        )


def _script(dump: Path, folder: Path) -> Path:
    """The dump as a file of SQL, in `folder`."""
    script = folder / "dump.sql"
    if dump.suffix == ".zip":
        return _script(_unzip(dump, folder), folder)
    if dump.name.endswith(".sql.gz"):
        with gzip.open(dump) as packed, script.open("wb") as file:
            shutil.copyfileobj(packed, file)
    elif dump.suffix == ".sql":
        shutil.copyfile(dump, script)
    else:
        _check_complete(dump)
        _run(
            ["pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", f"--file={script}", str(dump)],
            {},
        )
    return script


def _check_complete(dump: Path) -> None:
    """Reject a truncated tar file: pg_restore (at least 18) never returns at its end."""
    if not tarfile.is_tarfile(dump):
        return
    with dump.open("rb") as file:
        if file.read(2) in COMPRESSED:
            raise SandboxError(f"{dump} is a compressed tar file: unpack it, and give the .tar in it")
    try:
        with tarfile.open(dump) as archive:
            last = max((member.offset_data + member.size for member in archive), default=0)
    except tarfile.TarError as error:
        raise SandboxError(f"{dump} is damaged ({error}): download it again") from error
    if last > dump.stat().st_size:
        raise SandboxError(f"{dump} is damaged (truncated): download it again")


def _unzip(dump: Path, folder: Path) -> Path:
    """The only dump in the archive (the tutorial's dvdrental.zip holds dvdrental.tar)."""
    with zipfile.ZipFile(dump) as archive:
        names = [name for name in archive.namelist() if name.endswith((".tar", ".sql", ".sql.gz", ".dump"))]
        if len(names) != 1:
            raise SandboxError(
                f"{dump} contains {len(names)} dumps, not one: unpack it and give the file to load"
            )
        inner = folder / Path(names[0]).name
        with archive.open(names[0]) as packed, inner.open("wb") as file:
            shutil.copyfileobj(packed, file)
    # Renamed, because an inner file named like the script would be copied onto itself.
    return inner.rename(inner.with_name(f"inner-{inner.name}"))


def _drop_line(script: Path, line: bytes) -> None:
    """Remove `line` from the script up to the first COPY; the data after it is not searched."""
    edited = script.with_suffix(".edited")
    with script.open("rb") as old, edited.open("wb") as new:
        for text in old:
            if text.startswith(b"COPY "):
                new.write(text)
                break
            if text != line:
                new.write(text)
        shutil.copyfileobj(old, new)
    edited.replace(script)


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    """Run one of PostgreSQL's programs. Raises SandboxError with the first line of its error messages."""
    program = wheel_install() / "bin" / command[0]
    completed = subprocess.run(
        [str(program), *command[1:]],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode != 0:
        errors = [line for line in completed.stderr.splitlines() if "error" in line.lower()]
        reason = (errors or completed.stderr.splitlines() or ["no reason given"])[0]
        raise SandboxError(f"{command[0]} failed, nothing was loaded: {reason}")
