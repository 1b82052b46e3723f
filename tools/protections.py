"""Remove each protection by itself, and see its test turn red: `python -m tools.protections [WORDS]`.

tests/protections.toml lists the protections. Each is removed in a copy of the project, so the checkout stays as it is.
The tests are run once with all protections first: they must be green then. WORDS: only protections whose line has them.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import copy_project

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "protections.toml"
#: A test that has not ended by then shows nothing.
SECONDS = 300
ALL_TESTS_SECONDS = 1800
#: Errors of a product that cannot even be imported: no test was asked.
UNUSABLE = re.compile(r"\b(SyntaxError|IndentationError|NameError|ImportError|ModuleNotFoundError)\b")


@dataclass(frozen=True)
class Protection:
    """line: what is protected. file: where `new` takes the place of `old`. test: the tests that must turn red."""

    line: str
    file: str
    old: str
    new: str
    test: Sequence[str]


def listed(path: Path = LIST) -> list[Protection]:
    """The protections of the list."""
    return [Protection(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["protection"]]


def without(protection: Protection, text: str) -> str:
    """The text of the file without the protection. Raises ValueError unless `old` occurs once."""
    if text.count(protection.old) != 1:
        raise ValueError(f"{protection.line}: {text.count(protection.old)} times in {protection.file}")
    return text.replace(protection.old, protection.new)


def verdict(code: int | None, output: str) -> tuple[bool, str]:
    """Whether the test is red, and in words. code: pytest's; None if it did not end."""
    if code is None:
        return False, f"STILL GREEN: it did not end within {SECONDS} s"
    reason = next(iter(re.findall(r"^(?:FAILED|ERROR) (?:[^\s\[]+|.*?\]) - (.+)$", output, re.MULTILINE)), "")
    if code == 1 and not UNUSABLE.search(reason):
        return True, f"red: {reason}"
    if code == 0:
        return False, "STILL GREEN"
    return False, f"STILL GREEN: pytest ended with {code}: {reason or output[-500:]}"


def run(folder: Path, tests: Iterable[str], *flags: str, seconds: int = SECONDS) -> tuple[int | None, str]:
    """Run tests in a copy of the project: pytest's exit code, None if they did not end, and their output."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *flags, *tests]
    # A compiled module of the same size and second would hide a change; and the long tests are wanted, too.
    more = {"PYTHONDONTWRITEBYTECODE": "1", "DVDRENTAL_ALL": "1", "COLUMNS": "250"}
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryFile("w+") as output:
        pytest = subprocess.Popen(
            command, cwd=folder, env=kept | more, stdout=output, stderr=subprocess.STDOUT
        )
        code = _ended(pytest, seconds)
        output.seek(0)
        return code, output.read()


def _ended(process: "subprocess.Popen[bytes]", seconds: float) -> int | None:
    """The exit code; None if the process had to be ended: first in a way that lets it stop its servers."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return None


def tried(folder: Path, protection: Protection) -> tuple[bool, str]:
    """Run the tests of a protection without it, in a copy of the project. The copy is whole again afterwards."""
    path = folder / protection.file
    whole = path.read_bytes()
    path.write_text(without(protection, whole.decode()), encoding="utf-8")
    try:
        return verdict(*run(folder, protection.test, "-x"))
    finally:
        path.write_bytes(whole)


def main(argv: Sequence[str]) -> int:
    """0; 1 if a test stayed green; 2 if tests are not green to begin with, or no line has the words."""
    chosen = [one for one in listed() if " ".join(argv).lower() in one.line.lower()]
    if not chosen:
        print(f"error: no protection has '{' '.join(argv)}' in its line", file=sys.stderr)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dvdrental-protections-") as made:
        folder = Path(made)
        copy_project(folder)
        tests = dict.fromkeys(test for one in chosen for test in one.test)
        print(f"{len(tests)} tests, with every protection ...", flush=True)
        code, output = run(folder, tests, seconds=ALL_TESTS_SECONDS)
        print(output[-3000:] if code else f"green, {time.monotonic() - began:.0f} s", flush=True)
        if code != 0:
            return 2
        green = 0
        for number, protection in enumerate(chosen, 1):
            start = time.monotonic()
            is_red, words = tried(folder, protection)
            green += not is_red
            seconds = time.monotonic() - start
            print(
                f"{number} of {len(chosen)}: {protection.line}: {words[:200]} ({seconds:.0f} s)", flush=True
            )
    print(f"{len(chosen) - green} red, {green} still green, {time.monotonic() - began:.0f} s")
    return 1 if green else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
