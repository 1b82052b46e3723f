"""A real pgbouncer before the source, where one is installed (apt install pgbouncer)."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import psycopg2
import pytest

from sandbox.binaries import NOBODY
from sandbox.postgres import HOST, free_port
from tests.support.environment import Environment
from tests.support.jobs import Outcome, run_in_process, write_config
from tests.support.waiting import until

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no pgbouncer is installed")


@contextmanager
def pgbouncer(env: Environment, mode: str, folder: Path) -> Iterator[int]:
    """pgbouncer with a pool of that mode before the source; its port."""
    source = json.loads(env.config.read_text())["source"]
    port, settings, users = free_port(), folder / "pgbouncer.ini", folder / "users.txt"
    users.write_text(f'"{source["user"]}" "{source["password"]}"\n')
    settings.write_text(
        f"[databases]\n* = host={HOST} port={env.source.port}\n"
        f"[pgbouncer]\nlisten_addr = {HOST}\nlisten_port = {port}\nunix_socket_dir =\npool_mode = {mode}\n"
        f"auth_type = plain\nauth_file = {users}\nignore_startup_parameters = extra_float_digits\n"
    )
    as_nobody = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
    temporary = Path(
        tempfile.gettempdir()
    )  # pytest has more folders below it where several processes run tests
    for path in (folder, *folder.iterdir(), *takewhile(lambda path: path != temporary, folder.parents)):
        path.chmod(0o755)
    running = subprocess.Popen([str(PROGRAM), "-q", str(settings)], **as_nobody)  # type: ignore[call-overload]

    def answers() -> bool:
        try:
            psycopg2.connect(
                host=HOST,
                port=port,
                dbname=env.source.database,
                user=source["user"],
                password=source["password"],
            ).close()
        except psycopg2.OperationalError:
            return False
        return True

    try:
        until(answers, "pgbouncer is up")
        yield port
    finally:
        running.terminate()
        running.wait()


def load(env: Environment, port: int) -> Outcome:
    credentials = json.loads(env.config.read_text())
    url = f"jdbc:postgresql://{HOST}:{port}/{env.source.database}"
    config = write_config(env.config.with_name("pooled.json"), credentials, source={"url": url})
    outcome = run_in_process("dim_store", "--config", str(config))
    env.check_output(outcome)
    return outcome


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_that_shares_sessions_is_named(env: Environment, mode: str, tmp_path: Path) -> None:
    env.source("UPDATE store SET address_id = address_id + 2")
    with pgbouncer(env, mode, tmp_path) as port:
        outcome = load(env, port)
    assert outcome.code == 4
    assert "exported snapshots need session pooling" in outcome.error


def test_session_pooling_works(env: Environment, tmp_path: Path) -> None:
    env.source("UPDATE store SET address_id = address_id + 2")
    with pgbouncer(env, "session", tmp_path) as port:
        outcome = load(env, port)
    assert outcome.code == 0, outcome.err
    env.check_equals_source()
