"""A PostgreSQL data folder and the programs that make, start and stop it."""

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
    "unix_socket_directories": "",  # JDBC needs TCP anyway, and a socket's path may not pass 107 bytes
    "max_connections": "100",
    "shared_buffers": "512MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    # Throw-away data that can be made again: nothing is synced to disk. Never do this to data you care for.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # No replica: a COPY into a table of the same transaction then writes no log at all.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True)
class Cluster:
    """`data` is the data folder, `programs` the folder of initdb and pg_ctl, `log` what the server prints."""

    data: Path
    programs: Path
    log: Path

    def exists(self) -> bool:
        """Whether initdb has finished here: it works under another name until then."""
        return (self.data / "PG_VERSION").exists()

    def create(self, password: str) -> None:
        """Make the data folder, with `password` for the superuser. Raises SandboxError in initdb's words."""
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
            options = [f"--set={name}={value}" for name, value in SETTINGS.items()]
            locale = [
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            ]
            access = ["-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={password_file}"]
            command = ["initdb", "-D", str(unfinished), "--no-sync", *locale, *access, *options]
            self._run(command, owner=unfinished)
        finally:
            password_file.unlink(missing_ok=True)
        unfinished.rename(self.data)

    def start(self, port: int) -> bool:
        """Start the server on `port` and wait until it answers; False if another process took the port."""
        with self.log.open("ab") as log:
            begin = log.tell()
            started = subprocess.run(
                self._command("pg_ctl", "start", "-w", "-t", "120", "-D", str(self.data), "-o", f"-p {port}"),
                stdin=subprocess.DEVNULL,
                stdout=log,  # opened here: the server's own user need not be able to write where the log lies
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

    def stop(self, *, for_good: bool = False) -> None:
        """Stop the server, breaking off its sessions; its data stays.

        for_good: nobody wants the data any more, so nothing is written down, which may be seconds' work.
        """
        mode = "immediate" if for_good else "fast"
        self._run(["pg_ctl", "stop", "-w", "-m", mode, "-D", str(self.data)], owner=self.data)

    def port(self) -> int | None:
        """The port of the running server; None if none runs."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            process, port = int(lines[0]), int(lines[3])
        except (FileNotFoundError, IndexError):
            return None  # it is down, or has only begun to start
        # After a crash the file may name a process number that now is another process's: then no one listens.
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
            said = (error.stderr or error.stdout).strip()
            raise SandboxError(f"{command[0]} failed: {said}") from error


def _run_as_owner_of(data: Path) -> dict[str, Any]:
    """subprocess arguments: as root, become the data folder's owner; otherwise stay who you are."""
    if os.geteuid() != 0:
        return {}
    owner = data.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


def is_listening(port: int) -> bool:
    """Whether somebody accepts connections on `port` of this machine."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((HOST, port)) == 0


def free_port(preferred: int | None = None) -> int:
    """`preferred` if nobody holds it, else a port that the system calls free."""
    for port in (preferred, 0) if preferred else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SandboxError(f"no port of {HOST} is free")
