"""A program from start to exit: seconds, CPU seconds of its whole process tree, and the tree's peak memory."""

import ctypes
import os
import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.results import DONE, Measured
from local_airflow.runtime import stop_trees

#: PSS counts a page that n processes share as 1/n in each, so that forked workers are not counted twice.
MEMORY = "PSS" if hasattr(psutil.Process(), "memory_full_info") and sys.platform == "linux" else "RSS"
INTERVAL = 0.2  # seconds between two looks at the tree ...
SHARE = 20  # ... and at least so many times what a look takes: watching costs under a twentieth of a core
_PR_SET_CHILD_SUBREAPER = 36


class Watch(threading.Thread):
    """Looks at processes again and again; leaving the `with` block ends it."""

    def __init__(self, tree: Callable[[], list[psutil.Process]], limit: float = float("inf")) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self.is_over_limit = False
        self._tree, self._deadline = tree, time.monotonic() + limit
        self._is_over = threading.Event()

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self.join()

    def run(self) -> None:
        while not self._is_over.is_set():
            begin = time.monotonic()
            tree = self._tree()
            self.peak_bytes = max(self.peak_bytes, sum(map(_bytes, tree)))
            if begin > self._deadline:
                self.is_over_limit = True
                stop_trees([process.pid for process in tree])
            self._is_over.wait(max(INTERVAL, SHARE * (time.monotonic() - begin)))


def _bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss if MEMORY == "PSS" else process.memory_info().rss)
    except psutil.Error:
        return 0


def run(
    commands: Sequence[Sequence[str]],
    environment: Mapping[str, str],
    log: Path,
    limit: float,
    server: Callable[[], float] = lambda: 0.0,
) -> Measured:
    """Run programs one after another, and add up what they take; the first that fails is the last.

    log: gets what they print. limit: seconds for each. server: CPU seconds that PostgreSQL has used up to now.
    """
    total = Measured(DONE, 0, 0, 0)
    before = server()
    log.write_bytes(b"")
    for command in commands:
        one = _run(command, environment, log, limit)
        total = Measured(
            one.ended,
            total.seconds + one.seconds,
            total.cpu + one.cpu,
            max(total.peak_bytes, one.peak_bytes),
        )
        if one.ended != DONE:
            break
    return replace(total, server_cpu=server() - before)


def _run(command: Sequence[str], environment: Mapping[str, str], log: Path, limit: float) -> Measured:
    me = psutil.Process()
    strangers = set(me.children(recursive=True))

    def tree() -> list[psutil.Process]:
        return [child for child in me.children(recursive=True) if child not in strangers]

    with _adopting_orphans(), log.open("ab") as output:
        cpu, begin = _waited_cpu(), time.perf_counter()
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop the tree
        )
        try:
            with Watch(tree, limit) as watch:
                code = process.wait()
                seconds = time.perf_counter() - begin
        finally:
            stop_trees([child.pid for child in tree()])
        ended = f"over the limit of {limit:.0f} s" if watch.is_over_limit else DONE
        if code and not watch.is_over_limit:
            ended = reason(log.read_text(errors="replace"), code)
        return Measured(ended, seconds, _waited_cpu() - cpu, watch.peak_bytes)


def reason(text: str, code: int) -> str:
    """Why a program died, for a table: the last error that it named, without the places and names that follow."""
    named = re.findall(r"\b([A-Z]\w*(?:Error|Exception))\b(: [\w ]{1,40})?", text)
    return f"exit code {code}" + (f", {''.join(named[-1]).strip()}" if named else "")


def _waited_cpu() -> float:
    """CPU seconds of all processes that ended below this one, and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _adopting_orphans() -> Iterator[None]:
    """On Linux, a process that outlives its parent becomes ours meanwhile: its CPU seconds count, and it is stopped."""
    if sys.platform != "linux":
        yield
        return
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def cpu_of(roots: Sequence[int]) -> float:
    """CPU seconds of these processes, of what runs below them, and of what has ended below them."""
    used = 0.0
    for pid in roots:
        try:
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                times = process.cpu_times()
                used += times.user + times.system + times.children_user + times.children_system
        except psutil.Error:
            continue
    return used


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without what would steer Python, Spark or libpq, and with `more`."""
    steering = ("DVDRENTAL_", "PG", "PYSPARK_", "SPARK_", "PYTHON", "AIRFLOW")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    return kept | more
