"""The machine and the versions of a benchmark, without the names of machine and user."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from benchmarks.fixtures import ROOT
from benchmarks.launch import BENCH_PYTHON, cores

OURS = ("pyspark", "apache-airflow", "psycopg2-binary", "pyarrow")
CONTENDERS = ("duckdb", "dlt", "connectorx")


def machine() -> dict[str, Any]:
    """Cores, memory, CPU and operating system."""
    return {
        "cores": cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "cpu": _cpu(),
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def versions(server: str) -> Mapping[str, str]:
    """Versions of the suite, its runtime and the contenders. server: PostgreSQL's server_version."""
    found = {"suite": _commit(), "python": platform.python_version(), "java": _java(), "postgresql": server}
    found |= {name: version(name) for name in OURS}
    if BENCH_PYTHON.exists():
        program = f"from importlib.metadata import version; print(*map(version, {CONTENDERS!r}))"
        output = subprocess.run([BENCH_PYTHON, "-c", program], capture_output=True, text=True, check=True)
        found |= dict(zip(CONTENDERS, output.stdout.split(), strict=True))
    return found


def _cpu() -> str:
    """The model of the CPU, if the system reports it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _commit() -> str:
    """The commit of this checkout, with -dirty if there are changes."""
    git = shutil.which("git")
    command = ["describe", "--always", "--dirty", "--exclude=*"]
    output = (
        subprocess.run([git, *command], cwd=ROOT, capture_output=True, text=True, check=False)
        if git
        else None
    )
    return output.stdout.strip() if output and output.stdout else "unknown"


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else "java"
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    return output.splitlines()[0] if output else "unknown"
