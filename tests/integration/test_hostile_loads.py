"""Every hostile source or warehouse of tests/support/hostile gets its verdict, from the load and from verify."""

import json
from urllib.parse import quote

import pytest
from psycopg2 import sql

from dvdrental_etl import config
from dvdrental_etl.verify import run
from dvdrental_etl.warehouse.postgres import Postgres
from sandbox.access import WRITER
from sandbox.fill import Content
from sandbox.server import Sandbox
from tests.support.environment import Environment
from tests.support.hostile.databases import DATABASES
from tests.support.hostile.roles import ROLES
from tests.support.hostile.tables import TABLES
from tests.support.hostile.verdicts import DatabaseState, LoadState, Refused
from tests.support.servers import SCALE, MakeEnvironment, drop
from tests.support.waiting import long_running

Capture = pytest.CaptureFixture[str]


def _params(states: tuple[LoadState | DatabaseState, ...]) -> list[object]:
    return [pytest.param(s, id=s.title, marks=() if s.is_short else long_running) for s in states]


@pytest.mark.parametrize("state", _params((*ROLES, *TABLES)))
def test_a_hostile_state_gets_its_verdict(
    make_environment: MakeEnvironment,
    source_template: str,
    server: Sandbox,
    state: LoadState,
    capsys: Capture,
) -> None:
    env = make_environment(source_template)
    try:
        names = {"source": env.source.database, "warehouse": env.warehouse.database}
        for place, statements in ((env.source, state.source), (env.warehouse, state.warehouse)):
            if statements:
                place(
                    statements.replace("{source}", names["source"]).replace("{warehouse}", names["warehouse"])
                )
        _change_source(env, schema=state.schema)
        _hold_to_verdict(env, state, capsys)
        if state in ROLES and not isinstance(state.verdict, Refused):
            assert env.current_members(state.table) == env.source_members(state.table)
    finally:
        drop(server, env)


@pytest.mark.parametrize("state", _params(DATABASES))
def test_a_hostile_database_gets_its_verdict(
    make_environment: MakeEnvironment,
    source_template: str,
    server: Sandbox,
    state: DatabaseState,
    capsys: Capture,
) -> None:
    env = make_environment(source_template)
    original = env.source.database
    try:
        with server.superuser() as connection, connection.cursor() as cursor:
            if state.name:
                new, old = sql.Identifier(state.name), sql.Identifier(original)
                cursor.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(old, new))
        if state.name:
            document = json.loads(env.config.read_text())
            url = document["source"]["url"].replace(original, quote(state.name, safe=""))
            _change_source(env, url=url)
        if state.source_encoding != "UTF8":
            _create_again(server, original, state.source_encoding)
            server.fill(original, Content(scale=SCALE))
            env.source(
                "UPDATE address SET address = convert_from(decode(%s, 'hex'), %s)",
                *(state.text.hex(), state.source_encoding),
            )
        if state.warehouse_encoding != "UTF8":
            _create_again(server, env.warehouse.database, state.warehouse_encoding)
        _hold_to_verdict(env, state, capsys)
        if state.source_encoding != "UTF8" and not isinstance(state.verdict, Refused):
            loaded = env.warehouse("SELECT DISTINCT address FROM dim_store WHERE store_key > 0")
            assert loaded == [(state.loaded_text,)]
    finally:
        server.drop_database(state.name or original)
        server.drop_database(env.warehouse.database)


def test_how_a_role_writes_days_and_intervals_does_not_count(env: Environment) -> None:
    """Drivers set a part of it by themselves, today: not the order of day and month, and no interval's style."""
    writer = f"ALTER ROLE etl_writer IN DATABASE {env.warehouse.database}"
    env.warehouse(f"{writer} SET DateStyle = 'SQL, DMY'; {writer} SET IntervalStyle = 'sql_standard'")
    with Postgres(config.load(env.config, {})) as warehouse, warehouse.transaction() as cursor:
        cursor.execute(
            "SELECT CAST(CAST('07-05-06' AS date) AS text), CAST(interval '1 day 2 hours' AS text)"
        )
        assert cursor.fetchone() == ("2007-05-06", "1 day 02:00:00")


def test_verify_says_that_rows_are_hidden_from_it(env: Environment, capsys: Capture) -> None:
    env.source("ALTER TABLE store ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON store USING (store_id = 1)")
    assert run.main([str(env.config)]) == 4
    assert "row-level security" in capsys.readouterr().err


def test_the_encoding_of_the_environment_does_not_count(
    empty: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty.source("UPDATE address SET address = 'Zürich'")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    empty.load("dim_store")
    assert run.examine(config.load(empty.config, {})).findings == []
    monkeypatch.delenv("PGCLIENTENCODING")
    assert empty.current_members("dim_store") == empty.source_members("dim_store")


def test_verify_names_a_text_that_is_not_utf8(empty: Environment, server: Sandbox, capsys: Capture) -> None:
    """A source in SQL_ASCII takes any bytes, also after a load."""
    _create_again(server, empty.source.database, "SQL_ASCII")
    server.fill(empty.source.database, Content(scale=SCALE))
    empty.load("dim_store")
    empty.source(r"UPDATE address SET address = E'Z\xfcrich'")
    assert run.main([str(empty.config)]) == 4
    assert "verify: error: source " in capsys.readouterr().err


def _hold_to_verdict(env: Environment, state: LoadState | DatabaseState, capsys: Capture) -> None:
    table = state.table if isinstance(state, LoadState) else "dim_store"
    if isinstance(state.verdict, Refused):
        assert state.verdict.words in env.load(table, code=state.verdict.code).error
        assert run.main([str(env.config)]) in (0, 4, 7)
        assert "Traceback" not in capsys.readouterr().err
        return
    env.load(table)
    assert run.examine(config.load(env.config, {})).findings == []
    env.load(table)


def _change_source(env: Environment, **changes: str) -> None:
    document = json.loads(env.config.read_text())
    document["source"] |= changes
    env.config.write_text(json.dumps(document))


def _create_again(server: Sandbox, database: str, encoding: str) -> None:
    """The database, empty, in another encoding; owned by the role that loads."""
    server.drop_database(database)
    with server.superuser() as connection, connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} ENCODING {} LOCALE 'C' TEMPLATE template0").format(
                sql.Identifier(database), sql.Identifier(WRITER), sql.Literal(encoding)
            )
        )
