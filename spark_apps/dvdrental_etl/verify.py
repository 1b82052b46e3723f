"""Run sql_scripts/verify against the warehouse: plain SQL that shares no code with the loads.

Every file is one query whose first line, a comment, says what must hold. Its rows are what breaks that: none on a
sound warehouse.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dvdrental_etl import settings
from dvdrental_etl.contract import script
from dvdrental_etl.errors import EtlError
from dvdrental_etl.settings import Settings
from dvdrental_etl.warehouse import Warehouse

CHECKS = (
    "fact_joins_every_dimension",
    "fact_is_keyed_by_the_version_of_its_time",
    "fact_agrees_with_its_last_load",
    "rows_name_known_batches",
    "members_have_one_current_version",
    "versions_follow_each_other",
    "every_dimension_has_unknown",
    "keys_are_unique",
    "dimensions_agree_with_their_last_load",
)
SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """What must hold, and a row that breaks it."""

    check: str
    detail: str


def run(configured: Settings) -> list[Finding]:
    """All findings, at most SHOWN for each check; an empty list is a sound warehouse."""
    findings = []
    with Warehouse(configured.warehouse) as warehouse, warehouse.transaction(keep=False) as cursor:
        for check in CHECKS:
            text = script(f"verify/{check}.sql")
            promise = text.splitlines()[0].removeprefix("-- ")
            cursor.execute(text)
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchmany(SHOWN):
                broken = ", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True))
                findings.append(Finding(check, f"{promise} But: {broken}"))
    return findings


def main(argv: Sequence[str]) -> int:
    """`python -m dvdrental_etl.verify [CONFIG]`: print findings; exit code 5 if there are any."""
    import os

    try:
        findings = run(settings.load(Path(argv[0]) if argv else None, os.environ))
    except EtlError as error:
        print(f"verify: error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    for finding in findings:
        print(f"{finding.check}: {finding.detail}")  # noqa: T201
    print(f"verify: {len(CHECKS)} checks, {len(findings)} findings")  # noqa: T201
    return 5 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
