"""sql_scripts/roles: the rights on the source follow from SOURCES."""

import re

from tools.generate_roles import FILE, columns_read, grants


def test_generating_again_changes_nothing():
    assert FILE.read_text(encoding="utf-8") == grants(), "run `make generate` and commit sql_scripts/roles"


def test_what_stays_in_the_source_is_not_granted():
    granted = columns_read()
    assert {"username", "password", "picture"} & set(granted["staff"]) == set()
    assert "fulltext" not in granted["film"]
    assert not re.search(r"GRANT (ALL|SELECT ON)", grants())
