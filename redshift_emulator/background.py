"""The emulator as a separate process beside the sandbox's server: started by `up`, stopped by `down`."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from redshift_emulator.emulator import Emulator
from sandbox.access import SOURCE, write_secret
from sandbox.errors import SandboxError
from sandbox.server import Sandbox

ROOT = Path(__file__).resolve().parents[1]
DATABASE = "redshift"
STATE, ENVIRONMENT, LOG = "redshift.json", "redshift.env", "redshift.log"
START_TIMEOUT = 60.0  # seconds


def start(sandbox: Sandbox) -> dict[str, Any]:
    """Start the emulator unless it runs, and write it to credentials.json; returns its state.

    Raises SandboxError.
    """
    state = running(sandbox.directory) or _start(sandbox.directory)
    document = sandbox.credentials(SOURCE) | {"warehouse": state["warehouse"], "s3": state["s3"]}
    write_secret(sandbox.directory / "credentials.json", json.dumps(document, indent=2) + "\n")
    lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in state["environment"].items())
    write_secret(sandbox.directory / ENVIRONMENT, lines)
    return state


def stop(directory: Path, purge: bool = False) -> bool:
    """Stop the emulator of this folder, if it runs. Its tables stay in PostgreSQL; the objects in its S3 are lost."""
    state = running(directory)
    if state is not None:
        process = psutil.Process(state["process"])
        process.terminate()
        try:
            process.wait(10)
        except psutil.TimeoutExpired:
            process.kill()
    for name in (STATE, ENVIRONMENT, *((LOG,) if purge else ())):
        (directory / name).unlink(missing_ok=True)
    if purge:
        shutil.rmtree(directory / DATABASE, ignore_errors=True)
    return state is not None


def running(directory: Path) -> dict[str, Any] | None:
    """The state of the running emulator of this folder; None if none runs."""
    try:
        state: dict[str, Any] = json.loads((directory / STATE).read_text())
        # The process id alone is not enough: it may belong to another process by now.
        is_ours = psutil.Process(state["process"]).create_time() == state["began"]
    except (OSError, ValueError, psutil.Error):
        return None
    return state if is_ours else None


def _start(directory: Path) -> dict[str, Any]:
    (directory / STATE).unlink(missing_ok=True)
    with (directory / LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "redshift_emulator", str(directory)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        if (state := running(directory)) is not None:
            return state
        time.sleep(0.1)
    process.kill()
    last = (directory / LOG).read_text(errors="replace").splitlines()[-5:]
    raise SandboxError("the Redshift emulator did not start:\n  " + "\n  ".join(last))


def describe(emulator: Emulator) -> dict[str, Any]:
    """The state file's content: process, credentials and environment, secrets included."""
    process = psutil.Process()
    return {
        "process": process.pid,
        "began": process.create_time(),
        **emulator.credentials(),
        "environment": emulator.environment(),
    }
