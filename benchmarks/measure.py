"""Measures a program from start to exit: seconds, and CPU seconds and peak memory of its whole process tree."""

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
from sandbox.running import stop_trees
from sandbox.surroundings import SPARKS_OWN, without

#: PSS counts a page that n processes share as 1/n in each, so that the memory of forked workers is not counted twice.
MEMORY = "PSS" if hasattr(psutil.Process(), "memory_full_info") and sys.platform == "linux" else "RSS"
INTERVAL = 0.2  # seconds between two samples of the process tree ...
SHARE = 20  # ... and at least this many times the duration of a sample: sampling costs under 5 % of a core
_PR_SET_CHILD_SUBREAPER = 36


class ProcessMonitor(threading.Thread):
    """Samples the memory of processes, and stops them at the time limit. Leaving the `with` block ends it."""

    def __init__(self, tree: Callable[[], list[psutil.Process]], limit: float = float("inf")) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self.is_over_limit = False
        self._tree, self._deadline = tree, time.monotonic() + limit
        self._is_over = threading.Event()

    def __enter__(self) -> "ProcessMonitor":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self.join()

    def run(self) -> None:
        """Sample until the end of the `with` block."""
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
    """Run programs one after another, up to the first failure; returns the sum of their measurements.

    log: the file for their output. limit: seconds for each. server: returns PostgreSQL's CPU seconds so far.
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
    this = psutil.Process()
    others = set(this.children(recursive=True))

    def tree() -> list[psutil.Process]:
        return [child for child in this.children(recursive=True) if child not in others]

    with _adopting_orphans(), log.open("ab") as output:
        cpu, begin = _waited_cpu(), time.perf_counter()
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches only this process, which stops the tree
        )
        try:
            with ProcessMonitor(tree, limit) as watch:
                code = process.wait()
                seconds = time.perf_counter() - begin
        finally:
            stop_trees([child.pid for child in tree()])
        ended = f"over the limit of {limit:.0f} s" if watch.is_over_limit else DONE
        if code and not watch.is_over_limit:
            ended = reason(log.read_text(errors="replace"), code)
        return Measured(ended, seconds, _waited_cpu() - cpu, watch.peak_bytes)


def reason(text: str, code: int) -> str:
    """Why a program failed, for the table: the last error in its log, without paths and names."""
    errors = re.findall(r"\b([A-Z]\w*(?:Error|Exception))\b(: [\w ]{1,40})?", text)
    return f"exit code {code}" + (f", {''.join(errors[-1]).strip()}" if errors else "")


def _waited_cpu() -> float:
    """CPU seconds of all ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _adopting_orphans() -> Iterator[None]:
    """On Linux, adopt orphaned descendants, so that their CPU seconds count and they are stopped."""
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
    """CPU seconds of these processes and all their descendants, ended ones included."""
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
    """This process's environment without the settings of Python, Spark and libpq, and with `more`."""
    settings = (*SPARKS_OWN, "DVDRENTAL_", "PG", "PYTHON", "AIRFLOW")
    return without(os.environ, *settings) | more
