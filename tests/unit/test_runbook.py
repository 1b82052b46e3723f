"""The runbook explains each exit code, alert and finding, and every error leads to its heading."""

import ast
import re

import pytest

from dvdrental_etl import errors
from dvdrental_etl.verify import checks, run
from dvdrental_etl.verify.tables import declared_tables
from tests.support.paths import ROOT

TEXT = (ROOT / errors.RUNBOOK).read_text(encoding="utf-8")
SECTIONS = {
    re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-"): body
    for title, body in re.findall(r"^#{2,3} (.+?)\n(.*?)(?=^#{2,3} |\Z)", TEXT, re.M | re.S)
}

EXITS = [name for name in SECTIONS if re.match(r"exit-\d", name)]


def descendants(kind):
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


def alerts():
    """The kinds of alerts, by the syntax tree of their module: importing it would start Airflow."""
    module = ast.parse((ROOT / "dags" / "dvdrental" / "alerts.py").read_text(encoding="utf-8"))
    values = {
        ast.unparse(node.targets[0]): node.value for node in module.body if isinstance(node, ast.Assign)
    }
    return ast.literal_eval(values["KINDS"])


@pytest.mark.parametrize("kind", [*descendants(errors.EtlError)], ids=lambda kind: kind.__name__)
def test_an_error_leads_to_its_heading(kind):
    told = str(kind("what is wrong", "what to do"))
    assert told == f"what is wrong -> what to do (docs/runbook.md#{kind.runbook})"
    assert str(kind("alone")) == f"alone (docs/runbook.md#{kind.runbook})"
    assert kind.runbook.startswith(f"exit-{kind.exit_code}-")
    assert kind.runbook in SECTIONS


def test_every_exit_code_of_the_command_line_is_explained():
    codes = {kind.exit_code for kind in descendants(errors.EtlError)}
    assert codes == {*range(2, 8)}
    assert {int(name.split("-")[1]) for name in EXITS} == {1, *codes}


@pytest.mark.parametrize("name", [*EXITS, *alerts()])
def test_a_heading_says_what_it_means_and_what_to_do(name):
    body = SECTIONS[name].lower()
    assert "**meaning**" in body
    assert "remedy**" in body


def test_every_finding_is_explained():
    rows = re.findall(r"^\| (`.+?) \| .+ \| .+ \|$", SECTIONS["verify-findings"], re.M)
    explained = {name for row in rows for name in re.findall(r"`(.+?)`", row)}
    pairs = {query for dimension in declared_tables().dimensions for query in dimension.queries}
    assert explained == {*checks.CHECKS, *run.FACT_QUERIES, *pairs}
