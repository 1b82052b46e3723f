"""The folder of a sandbox: its lock, its state file, and the files that are deleted with it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.access import State
from sandbox.binaries import PROGRAMS, open_to_others, private_folder
from sandbox.errors import SandboxError

OWN_FILES = ("credentials.json", "report.html", "pgpass", "postgres.log", "lock", "sandbox.json")


@dataclass(frozen=True)
class Folder:
    """A folder that is, or may become, a sandbox."""

    path: Path

    @property
    def state_file(self) -> Path:
        """The file that makes a folder a sandbox."""
        return self.path / "sandbox.json"

    def state(self) -> State:
        """Passwords and port. Raises SandboxError if this is not a sandbox, or another user's."""
        try:
            return State.read(self.state_file)
        except FileNotFoundError:
            raise SandboxError(f"no sandbox in {self.path}: start one with `up`") from None
        except PermissionError:
            raise SandboxError(f"the sandbox in {self.path} belongs to another user") from None

    def state_or_new(self) -> State:
        """The stored state; a new one in an empty folder, or if the folder of the data was deleted."""
        if self.state_file.exists():
            state = self.state()
            if state.home.is_dir():
                return state
        home = self.path
        if os.geteuid() == 0 and not open_to_others(home):
            home = private_folder()
        state = State.new(home)
        state.write(self.state_file)
        return state

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Create the folder if necessary, and lock it: only one process at a time changes a sandbox."""
        self._create()
        with (self.path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _create(self) -> None:
        """Create the folder, or check that it is a sandbox: files of other programs are never overwritten."""
        if self.path.exists():
            # sandbox.json is written first. A kill just before that leaves only these two files.
            others = {path.name for path in self.path.iterdir()} - {"lock", "sandbox.json.new"}
            if others and not self.state_file.exists():
                raise SandboxError(
                    f"{self.path} is not a sandbox and not empty ({min(others)}): give another --dir"
                )
            return
        self.path.mkdir(parents=True, mode=0o711 if os.geteuid() == 0 else 0o700)

    def remove(self) -> None:
        """Delete the data and all files of the sandbox, and the folder if it is empty then."""
        home = self.state().home
        for folder in ("data", "data.new", PROGRAMS, f"{PROGRAMS}.new"):
            shutil.rmtree(home / folder, ignore_errors=True)
        if home != self.path:
            shutil.rmtree(home, ignore_errors=True)
        for name in OWN_FILES:
            (self.path / name).unlink(missing_ok=True)
        if not any(self.path.iterdir()):
            self.path.rmdir()
