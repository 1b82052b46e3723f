"""sql_scripts/roles: the rights on the source follow from SOURCES, and Redshift's statements are in its grammar."""

import re

from sqlfluff.core import FluffConfig, Linter

from tests.support.paths import SQL_SCRIPTS
from tools.generate_roles import FILE, columns_read, grants


def test_generating_again_changes_nothing():
    assert FILE.read_text(encoding="utf-8") == grants(), "run `make generate` and commit sql_scripts/roles"


def test_what_stays_in_the_source_is_not_granted():
    granted = columns_read()
    assert {"username", "password", "picture"} & set(granted["staff"]) == set()
    assert "fulltext" not in granted["film"]
    assert not re.search(r"GRANT (ALL|SELECT ON)", grants())


def test_redshifts_statements_are_in_its_grammar():
    text = (SQL_SCRIPTS / "roles" / "warehouse_redshift.sql").read_text(encoding="utf-8")
    parsed = Linter(config=FluffConfig(overrides={"dialect": "redshift"})).parse_string(text)
    trees = [variant.tree for variant in parsed.parsed_variants if variant.tree]
    assert trees
    assert [part.raw for tree in trees for part in tree.recursive_crawl("unparsable")] == []
