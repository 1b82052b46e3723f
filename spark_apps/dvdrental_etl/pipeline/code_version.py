"""Which code loads a table: the version for people, and a digest of what shapes the table's rows."""

import ast
import hashlib
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from pathlib import Path

import dvdrental_etl
from dvdrental_etl.config import ROOT
from dvdrental_etl.errors import ConfigError
from dvdrental_etl.model.contract import script

#: The rooms of the package that shape rows.
ROOMS = ("model", "transforms", "engine", "extract", "staging", "publish")


@cache
def code_version() -> str:
    """The version and, in a checkout, the commit of this suite."""
    head = ROOT / ".git" / "HEAD"
    try:
        reference = head.read_text().strip()
        if reference.startswith("ref: "):
            reference = (ROOT / ".git" / reference[5:]).read_text().strip()
        return f"{dvdrental_etl.__version__}+{reference[:12]}"
    except OSError:
        return dvdrental_etl.__version__


def code_digest(table: str, transform: Callable[..., object]) -> str:
    """md5 of a table's script, its DDL and the rooms of the package that shape rows.

    Comments, docstrings and layout do not count. With another digest, the next load compares everything. The same in a
    checkout and in the zip. Raises ConfigError when the file of transform() cannot be read.
    """
    path = Path(inspect.getfile(transform))
    try:
        parts = [_statements(path.read_text(encoding="utf-8")), _plain_sql(script(f"create_{table}.sql"))]
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", "run the script from a file that the driver can read"
        ) from None
    text = "\n".join([*parts, *_room_statements()])
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@cache
def _room_statements() -> tuple[str, ...]:
    return tuple(_statements(text) for room in ROOMS for text in _modules(room))


def _modules(room: str) -> Iterator[str]:
    folder = resources.files("dvdrental_etl").joinpath(room)
    for module in sorted(folder.iterdir(), key=lambda path: path.name):
        if module.name.endswith(".py"):
            yield module.read_text(encoding="utf-8")


def _statements(source: str) -> str:
    """The code without comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body[0] = ast.Pass()
    return ast.unparse(tree)


def _plain_sql(text: str) -> str:
    return " ".join(re.sub(r"--.*", "", text).split())
