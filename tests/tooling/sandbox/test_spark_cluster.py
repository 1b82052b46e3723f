"""The sandbox's Spark cluster: what it listens to, and that nothing of it is left, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from sandbox import spark_cluster
from sandbox.errors import SandboxError
from tests.support.waiting import long_running


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    spark_cluster.stop(tmp_path)


def daemons(folder: Path) -> list[psutil.Process]:
    """All processes that were started for the folder, remembered or not."""
    found = []
    for process in psutil.process_iter(["environ"]):
        if str(folder) in (process.info["environ"] or {}).get("SPARK_LOCAL_DIRS", ""):
            found.append(process)
    return found


def numbers(state: dict[str, Any]) -> set[int]:
    return {pid for pid, _ in state["processes"]}


def test_it_listens_on_loopback_only_and_passes_the_given_variables(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVDRENTAL_SOURCE_PASSWORD", "none-of-its-business")
    state = spark_cluster.start(folder, {"AWS_ACCESS_KEY_ID": "lent"})
    assert state["url"].startswith("spark://127.0.0.1:")
    running = daemons(folder)
    assert {process.pid for process in running} == numbers(state)
    for process in running:
        places = {
            connection.laddr.ip for connection in process.net_connections() if connection.status == "LISTEN"
        }
        assert {place.removeprefix("::ffff:") for place in places} == {"127.0.0.1"}
        assert process.environ()["AWS_ACCESS_KEY_ID"] == "lent"
        assert "DVDRENTAL_SOURCE_PASSWORD" not in process.environ()
        assert "lent" not in " ".join(process.cmdline())
    assert spark_cluster.start(folder, {"AWS_ACCESS_KEY_ID": "lent"}) == state, "it is up already"
    other = spark_cluster.start(folder, {"AWS_ACCESS_KEY_ID": "changed"})
    assert not numbers(other) & numbers(state)
    assert {process.pid for process in daemons(folder)} == numbers(other)
    assert spark_cluster.stop(folder, purge=True)
    assert daemons(folder) == []
    assert list(folder.iterdir()) == []
    assert not spark_cluster.stop(folder)


@long_running
def test_the_rest_of_a_broken_cluster_is_removed(folder: Path) -> None:
    state = spark_cluster.start(folder, {})
    worker = psutil.Process(state["processes"][1][0])
    worker.kill()
    worker.wait()
    assert spark_cluster.running(folder) is None
    again = spark_cluster.start(folder, {})
    assert {process.pid for process in daemons(folder)} == numbers(again)
    assert not numbers(again) & numbers(state)


def test_a_failed_start_reports_why_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(SandboxError, match=r"did not start:(\n.*)*/nowhere/bin/java"):
        spark_cluster.start(folder, {})
    assert daemons(folder) == []
    assert spark_cluster.running(folder) is None
