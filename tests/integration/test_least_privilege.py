"""The jobs and verify, with exactly the rights that sql_scripts/roles gives to their roles."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import psycopg2
import pytest

from dvdrental_etl import config
from dvdrental_etl.verify import run
from tests.support.environment import Environment
from tests.support.jobs import counts, expected_counts
from tests.support.paths import SQL_SCRIPTS

PASSWORD = "of a role with few rights"


def named(role: str, env: Environment) -> str:
    """The name of a role in one test: roles are the server's, and each test creates them."""
    return f"{role}_{env.source.database}"


def roles(name: str, env: Environment) -> str:
    """A file of sql_scripts/roles, with the names of a test's roles and databases."""
    text = (SQL_SCRIPTS / "roles" / name).read_text(encoding="utf-8")
    for role in ("etl_source_reader", "etl_warehouse_writer"):
        text = re.sub(rf"\b{role}\b", named(role, env), text)
    text = re.sub(r"DATABASE dvdrental\b", f"DATABASE {env.source.database}", text)
    return re.sub(r"DATABASE warehouse\b", f"DATABASE {env.warehouse.database}", text)


@pytest.fixture
def few_rights(empty: Environment) -> Environment:
    """The same source and warehouse, reached by roles that have the rights of those files, and no others."""
    for place, name in ((empty.source, "source_postgres.sql"), (empty.warehouse, "warehouse_postgres.sql")):
        place(f"REVOKE ALL ON DATABASE {place.database} FROM PUBLIC; {roles(name, empty)}")
    document = json.loads(empty.config.read_text())
    for section, role in (("source", "etl_source_reader"), ("warehouse", "etl_warehouse_writer")):
        role = named(role, empty)
        empty.source(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")
        document[section] |= {"user": role, "password": PASSWORD}
    path = empty.config.with_name("few.json")
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return replace(empty, config=path, secrets=(*empty.secrets, PASSWORD))


def test_loads_and_verify_need_no_other_rights(few_rights: Environment) -> None:
    env = few_rights
    for kept_back in ("SELECT password FROM staff", "SELECT * FROM customer", "SELECT fulltext FROM film"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            env.source(f"SET ROLE {named('etl_source_reader', env)}; {kept_back}")
    env.load_all(as_of="2007-06-01T00:00:00")
    env.source(
        "UPDATE payment SET amount = amount + 0.01 WHERE payment_id = 17503;"
        " DELETE FROM payment WHERE payment_id = 17504"
    )
    env.source("UPDATE staff SET email = 'zoë@example.com' WHERE staff_id = 1")
    night = env.load_all("--batch-id", "night", as_of="2007-06-02T00:00:00")
    assert counts(night["fact_sales"]) == expected_counts(changed=1, deleted=1)
    for table in ("fact_sales", "dim_staff"):
        assert env.last_load(table)["is_full"] is False, env.last_load(table)["extent"]
    env.check_equals_source()
    configured = config.load(env.config, {})
    env.source(
        "UPDATE customer SET first_name = 'Later' WHERE customer_id = 3"
    )  # a row that waits for the next load
    assert run.run(configured) == []
    assert run.run(configured, "night") == []


def test_without_the_right_to_read_xmin_everything_is_compared(few_rights: Environment) -> None:
    env = few_rights
    env.load("dim_staff")
    env.source("REVOKE SELECT (xmin) ON country FROM " + named("etl_source_reader", env))
    assert counts(env.load("dim_staff")) == expected_counts()
    assert (
        "rows of country do not name the transaction that wrote them" in env.last_load("dim_staff")["extent"]
    )
    assert run.run(config.load(env.config, {})) == []
