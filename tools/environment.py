"""Check what the machine must have, and make the virtual environment from the lock file.

Runs before anything is installed: standard library only, and syntax that Python 3.6 still parses, so that
it can say what is too old.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, NoReturn, Optional  # noqa: UP035 - for 3.6, as above

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
UV = "uv>=0.5,<1"
PYTHON, JAVA = (3, 11), 17


def stop(message: str) -> NoReturn:
    """End with one line for people."""
    sys.exit("error: " + message)


def java_version(text: str) -> Optional[int]:  # noqa: UP045 - Python 3.6 parses this
    """The major version in what `java -version` prints: 17 of 17.0.15, 8 of 1.8.0_402; None without one."""
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found.group(1)) if found else None


def check_python() -> None:
    """Python itself, and its ability to make virtual environments."""
    if sys.version_info < PYTHON:
        stop(
            f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}: install one "
            "(apt install python3.11-venv, brew install python@3.12) and name it, PYTHON=python3.11"
        )
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        stop("this Python cannot make virtual environments: apt install python3-venv")


def check_java() -> None:
    """The java that Spark will take."""
    how = "install one (apt install openjdk-17-jre-headless, brew install openjdk@17) or set JAVA_HOME"
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if not java or not Path(java).exists():
        where = f"JAVA_HOME={home} holds no bin/java" if home else "there is none on the PATH"
        stop(f"Java {JAVA} or newer is needed and {where}: {how}")
    said = subprocess.run([java, "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    version = java_version(said.stdout.decode(errors="replace"))
    if version is None or version < JAVA:
        stop(f"Java {JAVA} or newer is needed, {java} is {version or 'of no known version'}: {how}")


def fingerprint(lock: Path) -> List[str]:  # noqa: UP006
    """What the environment depends on: the Python that runs it, and the lock file."""
    return [sys.version.split()[0], hashlib.sha256(lock.read_bytes()).hexdigest()]


def install(venv: Path, lock: Path) -> None:
    """Fill the environment with the lock file's packages, each held against its hashes: by uv, else by pip."""
    python = str(venv / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    # uv's cache of these packages takes gigabytes: beside its target it can link, and it goes afterwards.
    cache = venv / "uv-cache"
    environment = dict(os.environ, UV_CACHE_DIR=str(cache), VIRTUAL_ENV=str(venv))
    # Like pip, trust what this machine trusts: a company's proxy signs with its own authority. One switch, two names.
    environment.update(UV_SYSTEM_CERTS="1", UV_NATIVE_TLS="1")
    mirror = subprocess.run([*pip, "config", "get", "global.index-url"], capture_output=True, check=False)
    if mirror.returncode == 0:  # uv does not read pip's configuration
        environment.setdefault("UV_DEFAULT_INDEX", mirror.stdout.decode().strip())
    # Compiled once here: else each Airflow and each Spark compiles again where PYTHONDONTWRITEBYTECODE is set.
    sync = [python, "-m", "uv", "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes", str(lock)]
    done = subprocess.call([*pip, "install", UV]) == 0 and subprocess.call(sync, env=environment) == 0
    shutil.rmtree(str(cache), ignore_errors=True)
    if done:
        return
    say("uv could not do it, so pip does: this takes some minutes longer")
    # The lock is complete, and leaves out pyspark-client on purpose: hence --no-deps.
    if subprocess.call([*pip, "install", "--no-deps", "--require-hashes", "-r", str(lock)]):
        stop("the packages of " + lock.name + " could not be installed: see pip's words above")


def say(text: str) -> None:
    """Tell what is being done, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Make .venv, or the environment and by the lock file that the command line names, unless it is there already."""
    venv, lock = (ROOT / name for name in sys.argv[1:3]) if sys.argv[1:] else (VENV, LOCK)
    check_python()
    check_java()
    stamp = venv / "lock.sha256"
    now, before = fingerprint(lock), stamp.read_text().split() if stamp.exists() else []
    if now == before:
        return
    say("environment: " + venv.name + " from " + str(lock.relative_to(ROOT)) + ", one to two minutes")
    anew = now[:1] != before[:1]  # another Python, or a half-made environment
    if anew and subprocess.call([sys.executable, "-m", "venv", "--clear", str(venv)]):
        stop(sys.executable + " -m venv " + venv.name + " failed: see above")
    if stamp.exists():
        stamp.unlink()
    install(venv, lock)
    stamp.write_text(" ".join(now))


if __name__ == "__main__":
    main()
