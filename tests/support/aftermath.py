"""What must be true after a fault, once a load has made all right."""

from __future__ import annotations

from contextlib import suppress

import psycopg2

from dvdrental_etl import config
from dvdrental_etl.verify import run as verify
from sandbox.access import WRITER
from sandbox.server import Sandbox
from tests.support.database import DatabaseClient
from tests.support.environment import DIMENSIONS, Environment
from tests.support.waiting import until

SESSIONS = "SELECT pid, application_name FROM pg_stat_activity WHERE application_name LIKE 'dvdrental-etl%'"


def wait_for_sessions_to_end(env: Environment) -> None:
    """No job is connected any more."""
    until(lambda: not env.warehouse(SESSIONS), "no session is left", 60)


def check_clean(env: Environment) -> None:
    """The star is right, and nothing is left behind."""
    assert env.staging_tables() == []
    env.check_equals_source()
    env.check_invariants(loads=2)
    assert env.warehouse("SELECT table_name, reason FROM etl_load WHERE status = 'running'") == []
    findings = verify.run(config.load(env.config, {}))
    assert findings == [], findings[:5]


def check_equals_undisturbed(env: Environment, fresh: Environment) -> None:
    """The disturbed warehouse has what a first load into an empty one has."""
    fresh.load_all()
    assert env.facts() == fresh.facts()
    for table in DIMENSIONS:
        assert env.current_members(table) == fresh.current_members(table), table


def undisturbed(env: Environment, server: Sandbox, number: int) -> Environment:
    """An empty warehouse for the same source."""
    name = f"undisturbed_{number}"
    server.create_database(name, owner=WRITER)
    return env.with_warehouse(DatabaseClient(env.source.port, env.warehouse.password, name, "dw"))


def wait_for_the_server(env: Environment) -> None:
    """It may be recovering from the fault."""

    def answers() -> bool:
        with suppress(psycopg2.OperationalError):
            return bool(env.warehouse("SELECT 1"))
        return False

    until(answers, "the server is up", 60)
