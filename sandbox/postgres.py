"""A PostgreSQL data folder: create it, start and stop its server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from sandbox.binaries import NOBODY, client_environment
from sandbox.errors import SandboxError

HOST = "127.0.0.1"
SUPERUSER = "postgres"

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # JDBC needs TCP anyway, and a socket's path is limited to 107 bytes
    "max_connections": "100",
    "shared_buffers": "512MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    # Disposable data that can be created again: nothing is synced to disk. Never use this for data of value.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # No replica, so a COPY into a table created in the same transaction writes no WAL.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True)
class Cluster:
    """`data` is the data folder, `programs` the folder of initdb and pg_ctl, `log` the server's log file."""

    data: Path
    programs: Path
    log: Path

    def exists(self) -> bool:
        """Whether initdb has finished here. (Until then the folder has another name.)"""
        return (self.data / "PG_VERSION").exists()

    def create(self, password: str) -> None:
        """Create the data folder, with `password` for the superuser. Raises SandboxError with initdb's message."""
        unfinished = self.data.with_name(f"{self.data.name}.new")
        password_file = self.data.with_name("initdb-password")
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file.unlink(missing_ok=True)
        unfinished.mkdir(mode=0o700)
        with os.fdopen(os.open(password_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(password)
        try:
            for path in (unfinished, password_file):
                if os.geteuid() == 0:
                    os.chown(path, NOBODY, NOBODY)
            access = ["-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={password_file}"]
            command = ["initdb", "-D", str(unfinished), "--no-sync", *self._locale(), *access]
            self._run(command, owner=unfinished)
            with (unfinished / "postgresql.conf").open(
                "a"
            ) as settings:  # initdb takes none before PostgreSQL 16
                settings.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
        finally:
            password_file.unlink(missing_ok=True)
        unfinished.rename(self.data)

    def _locale(self) -> list[str]:
        """The same order of text everywhere: PostgreSQL's own C.UTF-8, or the system's before PostgreSQL 17."""
        printed = subprocess.run(
            self._command("postgres", "--version"), capture_output=True, text=True, check=True
        ).stdout
        if int(printed.split()[-1].split(".")[0]) < 17:
            return ["--encoding=UTF8", "--lc-collate=C", "--lc-ctype=C.UTF-8", "--lc-messages=C"]
        return ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]

    def start(self, port: int) -> bool:
        """Start the server on `port` and wait until it answers; False if another process took the port."""
        with self.log.open("ab") as log:
            begin = log.tell()
            started = subprocess.run(
                self._command("pg_ctl", "start", "-w", "-t", "120", "-D", str(self.data), "-o", f"-p {port}"),
                stdin=subprocess.DEVNULL,
                stdout=log,  # opened here, because the server's user may not be able to write in this folder
                stderr=log,
                env=client_environment(),
                cwd="/",
                check=False,
                **_run_as_owner_of(self.data),
            )
        if started.returncode == 0:
            return True
        with self.log.open(errors="replace") as log:
            log.seek(begin)
            last = deque((line.rstrip() for line in log), maxlen=12)
        if any("Address already in use" in line for line in last):
            return False
        raise SandboxError(f"PostgreSQL did not start; the end of {self.log}:\n  " + "\n  ".join(last))

    def stop(self, *, discard: bool = False) -> None:
        """Stop the server and end its sessions; its data stays.

        discard: the data is not needed any more, so the server skips the checkpoint, which may take seconds.
        """
        mode = "immediate" if discard else "fast"
        self._run(["pg_ctl", "stop", "-w", "-m", mode, "-D", str(self.data)], owner=self.data)

    def port(self) -> int | None:
        """The port of the running server; None if none runs."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            process, port = int(lines[0]), int(lines[3])
        except (FileNotFoundError, IndexError):
            return None  # it is down, or is starting
        # After a crash, the process id in the file may belong to another process; then nothing listens.
        return port if psutil.pid_exists(process) and is_listening(port) else None

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [str(self.programs / program), *arguments]

    def _run(self, command: list[str], owner: Path) -> None:
        try:
            subprocess.run(
                self._command(*command),
                check=True,
                capture_output=True,
                text=True,
                env=client_environment(LC_ALL="C"),
                cwd="/",
                **_run_as_owner_of(owner),
            )
        except subprocess.CalledProcessError as error:
            message = (error.stderr or error.stdout).strip()
            raise SandboxError(f"{command[0]} failed: {message}") from error


def _run_as_owner_of(data: Path) -> dict[str, Any]:
    """Arguments of subprocess.run: as root, run as the owner of the data folder; else as the current user."""
    if os.geteuid() != 0:
        return {}
    owner = data.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


def is_listening(port: int) -> bool:
    """Whether a process accepts connections on `port` of this machine."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((HOST, port)) == 0


def free_port(preferred: int | None = None) -> int:
    """`preferred` if it is free, else a free port that the system chooses."""
    for port in (preferred, 0) if preferred else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SandboxError(f"no port of {HOST} is free")
