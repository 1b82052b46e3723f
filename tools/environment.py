"""Check Python and Java, and create the virtual environment from the lock file.

It runs before anything is installed: standard library only, and syntax that Python 3.6 parses, so that it can
report a version that is too old.
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
    """Exit with one line for a person."""
    sys.exit("error: " + message)


def java_version(text: str) -> Optional[int]:  # noqa: UP045 - Python 3.6 parses this
    """The major version in the output of `java -version`: 17 of 17.0.15, 8 of 1.8.0_402; None if there is none."""
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found.group(1)) if found else None


def check_python() -> None:
    """Check the version of Python, and that it can create virtual environments."""
    if sys.version_info < PYTHON:
        stop(
            f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}: install one "
            "(apt install python3.11-venv, brew install python@3.12) and give its name, PYTHON=python3.11"
        )
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        stop("this Python cannot create virtual environments: apt install python3-venv")


def check_java() -> None:
    """Check the version of the Java that Spark will use."""
    advice = "install one (apt install openjdk-17-jre-headless, brew install openjdk@17) or set JAVA_HOME"
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if not java or not Path(java).exists():
        where = f"JAVA_HOME={home} has no bin/java" if home else "no java is on the PATH"
        stop(f"Java {JAVA} or newer is needed and {where}: {advice}")
    output = subprocess.run([java, "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    version = java_version(output.stdout.decode(errors="replace"))
    if version is None or version < JAVA:
        stop(f"Java {JAVA} or newer is needed, {java} is {version or 'of an unknown version'}: {advice}")


def fingerprint(lock: Path) -> List[str]:  # noqa: UP006
    """The inputs of the environment: version of Python and hash of the lock file."""
    return [sys.version.split()[0], hashlib.sha256(lock.read_bytes()).hexdigest()]


def install(venv: Path, lock: Path) -> None:
    """Install the packages of the lock file, with verified hashes: by uv, or by pip if uv fails."""
    python = str(venv / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    # uv's cache takes gigabytes. Beside its target uv can link files, and the cache is deleted afterwards.
    cache = venv / "uv-cache"
    environment = dict(os.environ, UV_CACHE_DIR=str(cache), VIRTUAL_ENV=str(venv))
    # Trust the machine's certificates, as pip does: a company's proxy may have its own authority. Old and new name.
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
    say("uv failed, so pip installs the packages: this takes some minutes longer")
    # --no-deps: the lock file is complete, and omits pyspark-client on purpose.
    if subprocess.call([*pip, "install", "--no-deps", "--require-hashes", "-r", str(lock)]):
        stop("the packages of " + lock.name + " could not be installed: see pip's messages above")


def say(text: str) -> None:
    """Print a line of progress at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Create .venv from requirements.lock, or what the command line names, unless it is current."""
    venv, lock = (ROOT / name for name in sys.argv[1:3]) if sys.argv[1:] else (VENV, LOCK)
    check_python()
    check_java()
    stamp = venv / "lock.sha256"
    now, before = fingerprint(lock), stamp.read_text().split() if stamp.exists() else []
    if now == before:
        return
    say("environment: " + venv.name + " from " + str(lock.relative_to(ROOT)) + ", one to two minutes")
    is_new = now[:1] != before[:1]  # another Python, or an incomplete environment
    if is_new and subprocess.call([sys.executable, "-m", "venv", "--clear", str(venv)]):
        stop(sys.executable + " -m venv " + venv.name + " failed: see above")
    if stamp.exists():
        stamp.unlink()
    install(venv, lock)
    stamp.write_text(" ".join(now))


if __name__ == "__main__":
    main()
