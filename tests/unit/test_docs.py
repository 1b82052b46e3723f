"""The documentation points to what is there: names of functions, files and headings."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "jars" / "README.md"])
ARCHITECTURE = ROOT / "docs" / "architecture.md"
FENCED = re.compile(r"^```.*?^```", re.M | re.S)


def shown(path):
    return path.relative_to(ROOT).as_posix()


def defined(path):
    """The names that a module defines: functions, classes, their methods and attributes, constants."""

    def of(body, prefix=""):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from of(node.body, f"{node.name}.")
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))

    return set(of(ast.parse(path.read_text(encoding="utf-8")).body))


def where():
    """(file, name) of each row of the table "Where is what?"."""
    section = ARCHITECTURE.read_text(encoding="utf-8").split("\n## Where is what?")[1].split("\n## ")[0]
    for _, path, names in re.findall(r"^\| (.+?) \| `(.+?)` \| (.+?) \|$", section, re.M):
        home = ROOT if path.startswith("dags/") else ROOT / "spark_apps" / "dvdrental_etl"
        yield from ((home / path, name) for name in re.findall(r"`(.+?)`", names))


WHERE = sorted(where())


def test_the_table_answers_many_questions():
    assert len(WHERE) > 30


@pytest.mark.parametrize(("path", "name"), WHERE, ids=lambda part: getattr(part, "name", part))
def test_what_the_architecture_names_is_there(path, name):
    assert path.is_file(), shown(path)
    assert name in defined(path)


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page):
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("https://"):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(Path(target))):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "data-dictionary.md"], ids=shown)
def test_a_page_can_be_read_in_one_sitting(page):
    assert len(page.read_text(encoding="utf-8").splitlines()) < 200


def test_a_decision_is_short_numbered_and_listed():
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert f"({record.name})" in index
        assert text.startswith(f"# {record.name[:4]} ")
        assert len(text.splitlines()) < 50
        assert "\n## Context\n" in text
        assert "\n## Consequences\n" in text
