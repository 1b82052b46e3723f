"""Faults of many kinds, drawn by a seed: each disturbs one load, and says how that load may end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import psutil  # type: ignore[import-untyped]

from sandbox.server import Sandbox
from sandbox.simulator.live import Live
from tests.support.environment import Environment
from tests.support.interruptions import Killed, killed_after
from tests.support.jobs import Outcome, job_environment, run_in_process
from tests.support.paths import ROOT
from tests.support.proxy import CUT, LOSE_THE_ANSWER, SILENCE, Proxy, Trap

#: What a load sends to each side, in the order in which it does.
STEPS = {
    "source": (b"LOCALTIMESTAMP", b"pg_export_snapshot", b"hashint8extended", b"stored_key"),
    "warehouse": (
        *(b"INSERT INTO etl_batch", b"INSERT INTO etl_load", b"superseded", b"CREATE UNLOGGED", b"COPY"),
        *(b"SHARE ROW EXCLUSIVE", b"CREATE TEMP", b"DELETE FROM etl_range", b"'published'", b"COMMIT\0"),
    ),
}
#: The exit codes by which a load may report a fault of that side; 0 where it went through all the same.
CODES = {"source": {0, 4}, "warehouse": {0, 6, 7}}
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Scene:
    """Where a fault happens: one load of one table."""

    env: Environment
    server: Sandbox
    table: str
    flags: tuple[str, ...]
    chance: Random

    def load(self, config: Path | None = None) -> Outcome:
        """The load, in this process."""
        return run_in_process(self.table, "--config", str(config or self.env.config), *self.flags)

    @contextmanager
    def through(self, side: str, trap: Trap) -> Iterator[Path]:
        """A configuration that reaches this side through a proxy with a trap."""
        document = json.loads(self.env.config.read_text())
        with Proxy(self.env.source.port, trap) as proxy:
            document[side]["url"] = document[side]["url"].replace(
                f":{self.env.source.port}/", f":{proxy.port}/"
            )
            path = self.env.config.with_name("proxy.json")
            path.touch(0o600)
            path.write_text(json.dumps(document))
            yield path

    def trap(self, side: str, then: str | Callable[[], object]) -> Trap:
        """At a step that is drawn."""
        return Trap(self.chance.choice(STEPS[side]), then, self.chance.choice((0, 0, 0, 1, 2, 4)))

    @contextmanager
    def process(self, config: Path) -> Iterator[subprocess.Popen[str]]:
        """The load, in a process group of its own."""
        job = subprocess.Popen(
            [
                *(sys.executable, str(ROOT / "spark_apps" / f"load_{self.table}.py")),
                *("--config", str(config), *self.flags),
            ],
            env=job_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield job
        finally:
            with suppress(ProcessLookupError):
                os.killpg(job.pid, signal.SIGKILL)


def finished(job: subprocess.Popen[str]) -> Outcome:
    out, err = job.communicate(timeout=240)
    return Outcome(job.returncode, out, err)


def driver_loses_its_calls(scene: Scene) -> tuple[Outcome, set[int]]:
    """kill -9 of the driver before any of its statements, and before and after each commit."""
    try:
        with killed_after(scene.chance.randrange(70)):
            return scene.load(), {0}
    except Killed:
        return Outcome(KILLED, "", ""), {KILLED}


def network(side: str, then: str) -> Callable[[Scene], tuple[Outcome, set[int]]]:
    def fault(scene: Scene) -> tuple[Outcome, set[int]]:
        with scene.through(side, scene.trap(side, then)) as config:
            return scene.load(config), CODES[side]

    return fault


def at_the_server(act: Callable[[Scene], object]) -> Callable[[Scene], tuple[Outcome, set[int]]]:
    """Something happens to the server of both sides while the load is at a step."""

    def fault(scene: Scene) -> tuple[Outcome, set[int]]:
        side = scene.chance.choice(list(STEPS))
        with scene.through(side, scene.trap(side, partial(act, scene))) as config:
            return scene.load(config), CODES["source"] | CODES["warehouse"]

    return fault


def restart(scene: Scene) -> None:
    """Stop as after a power cut, and start again."""
    port = scene.env.source.port
    scene.server.cluster.stop(discard=True)
    assert scene.server.cluster.start(port)


def end_sessions(scene: Scene) -> None:
    for database in (scene.env.source, scene.env.warehouse):
        database(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'dvdrental-etl%'"
        )


def crash(scene: Scene) -> None:
    """kill -9 of one back end: PostgreSQL then ends all, and recovers."""
    found = scene.env.warehouse(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'dvdrental-etl%' LIMIT 1"
    )
    for (pid,) in found:
        os.kill(pid, signal.SIGKILL)


def locked(side: str, mode: str) -> Callable[[Scene], tuple[Outcome, set[int]]]:
    """Somebody holds a lock for longer than a load waits."""
    tables = {"source": ("payment", "customer", "film", "store", "staff", "city"), "warehouse": ()}

    def fault(scene: Scene) -> tuple[Outcome, set[int]]:
        names = tables[side] or (scene.table, "etl_lock", "etl_load", "etl_batch", "etl_range")
        client = scene.env.source if side == "source" else scene.env.warehouse
        with closing(client.connect()) as connection, connection.cursor() as cursor:
            connection.autocommit = False
            cursor.execute(f"LOCK TABLE {scene.chance.choice(names)} IN {mode} MODE")
            return scene.load(), CODES[side]

    return fault


def no_connection_free(scene: Scene) -> tuple[Outcome, set[int]]:
    """The role may open only so many."""
    role = scene.chance.choice(("etl_reader", "etl_writer"))
    scene.env.warehouse(f"ALTER ROLE {role} CONNECTION LIMIT {scene.chance.randrange(3)}")
    try:
        return scene.load(), CODES["source"] | CODES["warehouse"]
    finally:
        scene.env.warehouse(f"ALTER ROLE {role} CONNECTION LIMIT -1")


def disk_full(scene: Scene) -> tuple[Outcome, set[int]]:
    """The disk of new tables takes no more: temporary and staging tables go to a file system without room."""
    folder = scene.server.cluster.data.parent / "small"
    name = f"small_{scene.chance.randrange(10**9)}"
    with _small_disk(folder):
        with scene.server.superuser() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
            cursor.execute(f"GRANT ALL ON TABLESPACE {name} TO etl_writer")
            cursor.execute(f"ALTER ROLE etl_writer SET default_tablespace = {name}")
            cursor.execute(f"ALTER ROLE etl_writer SET temp_tablespaces = {name}")
        try:
            with (folder / "filler").open("wb", buffering=0) as file, suppress(OSError):
                while file.write(bytes(4096)):
                    pass
            return scene.load(), CODES["warehouse"]
        finally:
            (folder / "filler").unlink()
            with scene.server.superuser() as connection, connection.cursor() as cursor:
                cursor.execute("ALTER ROLE etl_writer RESET ALL")
            scene.env.load(
                scene.table
            )  # removes the attempt's staging table, which keeps the tablespace in use
            _drop_tablespace(scene, name)


def _drop_tablespace(scene: Scene, name: str) -> None:
    """What a first load created there stays, on the usual disk."""
    scene.env.warehouse(f"ALTER TABLE ALL IN TABLESPACE {name} SET TABLESPACE pg_default")
    scene.env.warehouse(f"ALTER INDEX ALL IN TABLESPACE {name} SET TABLESPACE pg_default")
    with scene.server.superuser() as connection, connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute(f"DROP TABLESPACE {name}")


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True)
    try:
        stat = (folder.parent / "data").stat()
        os.chown(folder, stat.st_uid, stat.st_gid)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def busy_source(scene: Scene) -> tuple[Outcome, set[int]]:
    """Short transactions all the time, at 500 a second if the machine keeps up."""
    connect = partial(scene.server.connect, scene.env.source.database)
    with Live(connect, 500, seed=scene.chance.randrange(10**6)):
        return scene.load(), {0}


def two_at_once(scene: Scene) -> tuple[Outcome, set[int]]:
    """The same load, twice. One may be superseded by the other; one of them publishes."""
    with scene.process(scene.env.config) as other:
        mine, theirs = scene.load(), finished(other)
    assert 0 in (mine.code, theirs.code), (mine, theirs)
    assert {mine.code, theirs.code} <= {0, 6}, (mine, theirs)
    return mine if mine.code else theirs, {0, 6}


def process_killed(scene: Scene) -> tuple[Outcome, set[int]]:
    """kill -9 of the driver, its Java or a Python worker, at a step."""
    victims = scene.chance.choice(("driver", "java", "python worker"))
    if victims == "python worker":
        scene.env.limit(rows_sent_by_driver=0)
    side = "warehouse" if victims == "python worker" else scene.chance.choice(list(STEPS))
    jobs: list[subprocess.Popen[str]] = []

    def kill() -> None:
        driver = psutil.Process(jobs[0].pid)
        children = driver.children(recursive=True)
        chosen = {
            "driver": [driver],
            "java": [one for one in children if one.name() == "java"],
            "python worker": [one for one in children if "pyspark.daemon" in " ".join(one.cmdline())][-1:],
        }
        for one in chosen[victims]:
            one.kill()

    trap = Trap(b"COPY", kill) if victims == "python worker" else scene.trap(side, kill)
    try:
        with scene.through(side, trap) as config, scene.process(config) as job:
            jobs.append(job)
            return finished(job), {0, 4, 7, KILLED}
    finally:
        scene.env.limit(rows_sent_by_driver=100_000)


def driver_frozen(scene: Scene) -> tuple[Outcome, set[int]]:
    """SIGSTOP of the driver at a step; another load goes through; then the driver wakes up."""
    jobs: list[subprocess.Popen[str]] = []
    trap = scene.trap("warehouse", lambda: os.killpg(jobs[0].pid, signal.SIGSTOP))
    with scene.through("warehouse", trap) as config, scene.process(config) as job:
        jobs.append(job)
        while job.poll() is None and psutil.Process(job.pid).status() != psutil.STATUS_STOPPED:
            with suppress(subprocess.TimeoutExpired):
                job.wait(0.2)
        scene.env.load(scene.table)
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGCONT)
        return finished(job), {0, 4, 6, 7}


Fault = Callable[[Scene], tuple[Outcome, set[int]]]
#: Kind -> fault. Those that start a process of their own take ten times as long: only some of a long run are of these.
QUICK: dict[str, Fault] = {
    "kill -9 of the driver before or after one of its statements": driver_loses_its_calls,
    "connection to the source cut": network("source", CUT),
    "connection to the warehouse cut": network("warehouse", CUT),
    "answer of the source lost": network("source", LOSE_THE_ANSWER),
    "answer of the warehouse lost": network("warehouse", LOSE_THE_ANSWER),
    "network to the source silent": network("source", SILENCE),
    "network to the warehouse silent": network("warehouse", SILENCE),
    "server stopped at once and started": at_the_server(restart),
    "sessions ended by an administrator": at_the_server(end_sessions),
    "kill -9 of a back end": at_the_server(crash),
    "source table locked": locked("source", "ACCESS EXCLUSIVE"),
    "warehouse table locked": locked("warehouse", "ACCESS EXCLUSIVE"),
    "no connection free": no_connection_free,
    "writer on the source, 500 transactions a second": busy_source,
}
SLOW: dict[str, Fault] = {
    "kill -9 of driver, Java or Python worker": process_killed,
    "driver frozen, another load, driver awake": driver_frozen,
    "the same load twice at once": two_at_once,
}
#: Needs the right to mount a file system.
ROOTS: dict[str, Fault] = {"disk of staging full": disk_full}
