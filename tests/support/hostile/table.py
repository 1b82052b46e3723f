"""docs/reliability.md's table of hostile states, from their data: `python -m tests.support.hostile.table` writes it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Protocol

from tests.support.hostile.configurations import CONFIGURATIONS
from tests.support.hostile.databases import DATABASES
from tests.support.hostile.roles import ROLES
from tests.support.hostile.rows import ROWS
from tests.support.hostile.tables import TABLES
from tests.support.hostile.verdicts import Verdict
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- hostile states: begin -->\n", "<!-- hostile states: end -->\n"


class State(Protocol):
    """What all kinds of states have."""

    @property
    def title(self) -> str:
        """The state in words."""

    @property
    def verdict(self) -> Verdict:
        """What must become of it."""


PARTS: dict[str, Iterable[State]] = {
    "Rows of the source": ROWS,
    "Roles and warehouses": ROLES,
    "Tables of the source": TABLES,
    "Databases": DATABASES,
    "Configurations and command lines": CONFIGURATIONS,
}


def table() -> str:
    """How many states get which verdict, and all states by their verdict."""
    counted = Counter(type(state.verdict).__name__.lower() for states in PARTS.values() for state in states)
    total = f"{counted.total()} states: " + ", ".join(f"{counted[kind]} {kind}" for kind in sorted(counted))
    return "\n".join([f"{total}.", *_parts(), ""])


def _parts() -> Iterator[str]:
    for title, states in PARTS.items():
        by_verdict: dict[str, list[str]] = {}
        for state in states:
            by_verdict.setdefault(str(state.verdict), []).append(_cell(state.title))
        yield from ("", f"### {title}", "", "| verdict | number | states |", "|---|---|---|")
        yield from (
            f"| {_cell(verdict)} | {len(titles)} | {' · '.join(titles)} |"
            for verdict, titles in by_verdict.items()
        )


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


def written(page: str) -> str:
    """The page with the table of today."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
