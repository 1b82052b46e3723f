#!/usr/bin/env python3
"""spark-submit for Sail: takes its flags, and runs the script by the Python of .venv-sail.

What the flags say is about a JVM or a cluster, and there is none. DVDRENTAL_SAIL_PYTHON names another Python with Sail.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[1] / ".venv-sail" / "bin" / "python"
#: Flags of spark-submit that no value follows.
ALONE = ("--verbose", "-v", "--supervise")


def application(argv: Sequence[str]) -> list[str]:
    """The script and its own arguments: what comes after spark-submit's flags."""
    words = list(argv)
    while words and words[0].startswith("-"):
        flag = words.pop(0)
        if flag not in ALONE and "=" not in flag:
            del words[:1]
    return words


def main(argv: Sequence[str]) -> None:
    """Become the script's process. Exit codes: 2 for no script, 3 for no Python, else the script's."""
    words = application(argv)
    if not words:
        sys.stderr.write("sail_submit: error: there is no script -> give one, after the flags\n")
        raise SystemExit(2)
    python = os.environ.get("DVDRENTAL_SAIL_PYTHON") or str(PYTHON)
    if not os.access(python, os.X_OK):
        name = Path(words[0]).stem
        sys.stderr.write(f"{name}: error: there is no {python} -> make sail, or set DVDRENTAL_SAIL_PYTHON\n")
        raise SystemExit(3)
    os.execve(python, [python, *words], os.environ | {"DVDRENTAL_ENGINE_KIND": "sail"})  # noqa: S606 - it replaces us


if __name__ == "__main__":
    main(sys.argv[1:])
