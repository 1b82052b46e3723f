"""The commands that pages show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path


def commands(pages: Iterable[Path]) -> Iterator[str]:
    """The lines of shell blocks, and what is shown in the text as `make ...` or `... -m sandbox ...`."""
    for page in pages:
        text = page.read_text(encoding="utf-8")
        blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)).splitlines()
        shown = re.findall(
            r"`((?:make [a-z]|\S*python -m sandbox [a-z]).*?)`", re.sub(r"```.*?```", "", text, flags=re.S)
        )
        for command in (*blocks, *shown):
            plain = command.split(" #")[0].strip()
            if (
                plain
                and "\\|" not in plain
                and "..." not in plain
                and "[" not in plain
                and not plain.endswith(("simulate", "sandbox up"))
            ):
                yield plain


def queries(page: Path) -> list[str]:
    """The SQL blocks of a page, and the queries that its text shows in one line."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```sql\n(.*?)^```", text, re.M | re.S)
    shown = re.findall(r"`(SELECT [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    return [query.strip().rstrip(";") + ";" for query in (*blocks, *shown)]
