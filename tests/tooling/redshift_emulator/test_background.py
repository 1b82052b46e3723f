"""The Redshift emulator as a process beside a sandbox: started once, ended for good."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import psutil  # type: ignore[import-untyped]
import redshift_connector

from redshift_emulator import background
from sandbox.server import Sandbox


def test_it_starts_serves_and_ends(server, monkeypatch):
    sandbox = Sandbox(server.directory)
    before = (sandbox.directory / "credentials.json").read_text()
    state = background.start(sandbox)
    try:
        assert background.start(sandbox)["process"] == state["process"]
        written = json.loads((sandbox.directory / "credentials.json").read_text())
        assert written["warehouse"]["kind"] == "redshift"
        assert written["s3"]["staging"].startswith("s3://")
        secrets = [background.STATE, background.ENVIRONMENT, "credentials.json"]
        assert {(sandbox.directory / name).stat().st_mode & 0o777 for name in secrets} == {0o600}
        monkeypatch.setenv("SSL_CERT_FILE", state["environment"]["SSL_CERT_FILE"])
        port = int(written["warehouse"]["url"].split(":")[-1].split("/")[0])
        made = redshift_connector.connect(
            host="127.0.0.1",
            port=port,
            user=written["warehouse"]["user"],
            password=written["warehouse"]["password"],
            database=background.DATABASE,
            sslmode="verify-full",
        )
        made.close()
    finally:
        assert background.stop(sandbox.directory, purge=True)
        (sandbox.directory / "credentials.json").write_text(before)
    assert not psutil.pid_exists(state["process"]) or os.getpid() == psutil.Process(state["process"]).ppid()
    assert background.running(sandbox.directory) is None
    assert not background.stop(sandbox.directory)
    left = {path.name for path in sandbox.directory.iterdir()}
    assert not {name for name in left if name.startswith("redshift")}


def test_without_a_folder_it_explains_itself():
    done = subprocess.run(
        [sys.executable, "-m", "redshift_emulator"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "required: directory" in done.stderr
    assert "Traceback" not in done.stderr
