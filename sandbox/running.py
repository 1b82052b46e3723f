"""Background processes: identify them, and stop them with all their descendants."""

from __future__ import annotations

import contextlib

import psutil  # type: ignore[import-untyped]

GRACE = 10.0  # seconds between SIGTERM and SIGKILL


def is_same(pid: int, created: float) -> bool:
    """Whether process `pid` is the one created at this time: process ids are reused."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stop_trees(roots: list[int]) -> None:
    """Terminate these processes and their descendants, deepest first; kill those that still run after GRACE."""
    tree: list[psutil.Process] = []
    for pid in roots:
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            tree += [*reversed(root.children(recursive=True)), root]
    for process in tree:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(tree, timeout=GRACE)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in process.children(recursive=True):
                child.kill()
            process.kill()
    psutil.wait_procs(alive, timeout=GRACE)
