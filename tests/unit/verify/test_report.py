"""A report lists a few findings of many, and ends with what to do."""

import subprocess
import sys

import pytest

from dvdrental_etl.verify.report import Finding, Report
from tests.support.paths import SPARK_APPS

#: What verify may import of the package, besides itself.
ALLOWED = {
    *("dvdrental_etl", "dvdrental_etl.config", "dvdrental_etl.errors", "dvdrental_etl.limits"),
    *("dvdrental_etl.config_file", "dvdrental_etl.jdbc_url", "dvdrental_etl.secrets_manager"),
    *("dvdrental_etl.model", "dvdrental_etl.model.contract"),
}


def test_verify_shares_no_code_with_the_loads() -> None:
    program = "import sys; import dvdrental_etl.verify.run; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=SPARK_APPS, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.splitlines()
    ours = {name for name in loaded if name.split(".")[0] == "dvdrental_etl"}
    others = {name for name in ours if not name.startswith(("dvdrental_etl.verify", "dvdrental_etl.db"))}
    assert others == ALLOWED
    assert "pyspark" not in loaded


@pytest.mark.parametrize("number", [0, 1, 5, 6, 1000])
def test_the_first_findings_are_listed_and_all_are_counted(number: int) -> None:
    report = Report()
    report.add("some_check", (f"row {n}" for n in range(number)))
    listed = [Finding("some_check", f"row {n}") for n in range(min(number, 5))]
    more = [Finding("some_check", f"these are the first 5 of {number} differences")] if number > 5 else []
    assert (report.findings, report.checks) == (listed + more, 1)


@pytest.mark.parametrize(
    ("report", "lines"),
    [
        (Report(checks=25), ["verify: 25 checks, 0 findings"]),
        (
            Report([Finding("some_check", "row 1")], 25, {("dim_film", key) for key in range(12)}),
            [
                "12 rows changed in the source since the load; the next load will bring them",
                "to repair: load the tables that are named above with --full-refresh, then run verify again",
                "verify: 25 checks, 1 findings",
            ],
        ),
    ],
)
def test_the_summary_ends_with_totals(report: Report, lines: list[str]) -> None:
    assert report.summary() == lines
