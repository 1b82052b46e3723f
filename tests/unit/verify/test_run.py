"""verify shares no code with the loads, and says a few findings of many."""

import ast

import pytest

from dvdrental_etl.verify.run import Finding, Report
from tests.support.paths import PACKAGE


def imported(name):
    """The modules that a module of the package imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{name}.py").read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "dvdrental_etl":
            found |= {f"dvdrental_etl.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_verify_shares_no_code_with_the_loads():
    seen, waiting = set(), {"verify"}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        modules = imported(name)
        assert not any(module.startswith("pyspark") for module in modules), name
        waiting |= {
            m.removeprefix("dvdrental_etl.") for m in modules if m.startswith("dvdrental_etl.")
        } - seen
    assert seen == {
        *("verify", "checks", "pairs", "written", "since", "compare"),
        *("moment", "driver", "contract", "settings", "errors"),
    }


@pytest.mark.parametrize("number", [0, 1, 5, 6, 1000])
def test_a_few_of_many_are_shown_and_all_are_counted(number):
    report = Report()
    report.add("some_check", (f"row {n}" for n in range(number)))
    shown = [Finding("some_check", f"row {n}") for n in range(min(number, 5))]
    more = [Finding("some_check", f"these are the first 5 of {number} differences")] if number > 5 else []
    assert (report.findings, report.checks) == (shown + more, 1)


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (Report(checks=25), ["verify: 25 checks, 0 findings"]),
        (
            Report([Finding("some_check", "row 1")], 25, {("dim_film", key) for key in range(12)}),
            [
                "12 rows changed at the source since the load; the next load brings them",
                "verify: 25 checks, 1 findings",
            ],
        ),
    ],
)
def test_the_end_is_one_line_and_one_on_what_waits(report, said):
    assert report.summary() == said
