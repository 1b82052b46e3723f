"""The page of a report: one file that needs nothing else, that people on phones and with screen readers can read."""

import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from dvdrental_etl.report import page
from dvdrental_etl.report.run_report import Sales, TableLoad
from tests.support.reports import REPORT, report

VOID = {"meta", "link", "br"}
DRAWN = ("Duration", "Rows written", "By month", "By store", "By category", "Top ten films")


class Elements(HTMLParser):
    """The elements of a page with their attributes; fails if one is not closed."""

    def __init__(self, text):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def text():
    return page.html(report())


@pytest.fixture(scope="module")
def elements(text):
    return Elements(text)


def test_it_needs_nothing_else(text, elements):
    assert not elements.of("script")
    assert not elements.of("img")
    assert [link["href"] for link in elements.of("link")] == ["data:,"]
    names = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink", "http://pygal.org"}
    assert {found.rstrip("-./") for found in re.findall(r"https?://[^\"'\s<>]+", text)} <= names
    assert "@import" not in text
    assert "url(" not in text


def test_what_comes_from_the_data_is_escaped(text):
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "Woodridge &amp; Sons" in text


def test_it_says_what_matters(text):
    plain = re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<[^>]+>", " ", text, flags=re.S))
    for part in (
        "3 rows in quarantine; 1 row with warnings; 2 tables published, 8 rows written.",
        "dim_movie 0.00 or more 3 rental_rate -0.99",
        "difference 0 0.00",
        "4 keys: films changed",
        "Took 1 min 15 s",
        "2007-04",
    ):
        assert part in plain, part


def test_it_can_be_read_without_eyes_and_on_a_phone(elements):
    assert elements.of("html") == [{"lang": "en"}]
    viewports = [meta["content"] for meta in elements.of("meta") if meta.get("name") == "viewport"]
    assert viewports == ["width=device-width, initial-scale=1"]
    charts = [entry["aria-label"] for entry in elements.of("div") if entry.get("role") == "img"]
    assert [label.split(".")[0] for label in charts] == [*DRAWN]
    assert all("scope" in heading for heading in elements.of("th"))
    scrolled = [entry for entry in elements.of("div") if entry.get("class") == "scroll"]
    assert len(scrolled) == 3
    assert all(entry["tabindex"] == "0" and entry["aria-label"] for entry in scrolled)


@pytest.mark.parametrize(
    ("loads", "tone"), [((), "good"), ((TableLoad("dim_staff", "failed", reason="lost"),), "bad")]
)
def test_a_run_without_rows_has_a_page_of_its_tone(loads, tone):
    told = report(loads=loads, rejects=(), money=None, past=(), freshness=(), sales=())
    text = page.html(told)
    assert Elements(text).of("body") == [{"class": tone}]
    assert ("What went wrong" in text) == (tone == "bad")


def test_the_page_of_a_dry_run_says_that_it_is_a_plan():
    plan = TableLoad("dim_movie", "planned", 1000, 1, 2, 1, 0, 0)
    told = report(loads=(plan,), run=replace(REPORT.run, status="dry run"), rejects=(), findings=None)
    text = page.html(told)
    assert Elements(text).of("body") == [{"class": "good plan"}]
    plain = re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<[^>]+>", " ", text, flags=re.S))
    for part in (
        "Dry run: what a run would do",
        "Dry run, nothing was written; 1 table planned, 3 rows to write.",
        "dim_movie planned 1,000 1 2 1 0 0 ",
        "3 rows to write",
        "Money, as a run would leave it",
    ):
        assert part in plain, part
    assert "rows written" not in plain.replace("New, changed", "").partition("The last runs")[0]
    assert not [
        word for word in ("verify", "warned", "seconds") if word in plain.partition("The last runs")[0]
    ]


def test_a_page_is_written_whole(tmp_path):
    target = tmp_path / "new" / "run.html"
    page.write(report(), target)
    assert [path.name for path in target.parent.iterdir()] == ["run.html"]
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_total_is_of_all_months_and_the_chart_of_the_last_ones():
    months = [
        Sales(
            "month", f"{2001 + n // 12}{n % 12 + 1:02}", (2001 + n // 12) * 100 + n % 12 + 1, 1, Decimal(100)
        )
        for n in range(36)
    ]
    unknown = Sales("month", "Unknown", 0, 1, Decimal("0.50"))
    found = page.html(report(sales=(unknown, *months)))
    assert "Sales of 3,600.50 " in found
    assert "2003-12" in found
    assert "2001-12" not in found
    few = page.html(report(sales=(unknown, *months[:2])))
    assert "Unknown" in few
    assert "Unkn-own" not in few
