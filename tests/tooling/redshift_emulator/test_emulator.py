"""The Redshift emulator, by the unmodified driver: what it refuses, what it takes, and that transactions are real."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redshift_connector

from redshift_emulator import certificate
from redshift_emulator.emulator import Emulator
from tests.support.redshift import ask, connect, error_of
from tests.support.waiting import until


@pytest.fixture
def connection(emulator: Emulator) -> Iterator[Any]:
    with connect(emulator) as made:
        yield made
        made.rollback()


@pytest.fixture
def other(emulator: Emulator) -> Iterator[Any]:
    with connect(emulator) as made:
        yield made
        made.rollback()


@pytest.fixture
def table(emulator: Emulator, request: pytest.FixtureRequest) -> str:
    """A table of a test's own: id, v of 5 bytes, n. It stays: its database goes with the server."""
    name = "t_" + re.sub(r"\W", "_", request.node.name)[:60].lower()
    with connect(emulator) as made:
        ask(made, f"CREATE TABLE {name} (id integer PRIMARY KEY, v varchar(5), n numeric(5,2) NOT NULL)")
        made.commit()
    return name


# Getting in.


def test_the_certificate_is_verified_with_the_name(emulator):
    with connect(emulator, host="localhost") as made:
        assert ask(made, "SELECT 1") == [[1]]


def test_another_authority_is_not_trusted(emulator, tmp_path, monkeypatch):
    foreign, _ = certificate.make(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(foreign))
    with pytest.raises(redshift_connector.InterfaceError, match="certificate verify failed"):
        connect(emulator)
    assert until(lambda: True, "the emulator lives")


def test_a_connection_without_tls_is_refused(emulator):
    with pytest.raises(redshift_connector.InterfaceError, match="SSL off"):
        connect(emulator, ssl=False)


@pytest.mark.parametrize(
    ("changes", "sqlstate"),
    [({"password": "wrong"}, "28000"), ({"user": "nobody"}, "28000"), ({"database": "nowhere"}, "3D000")],
)
def test_a_refused_connection_gets_a_reason(emulator, changes, sqlstate):
    with pytest.raises(redshift_connector.Error) as caught:
        connect(emulator, **changes)
    assert caught.value.args[0]["C"] == sqlstate
    assert emulator.password not in str(caught.value)


def test_a_client_of_another_protocol_harms_no_session(emulator, connection):
    with socket.create_connection((emulator.host, emulator.port)) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert stranger.recv(100) == b""
    assert ask(connection, "SELECT 1") == [[1]]


# Types and transactions.


def test_values_come_as_the_driver_takes_them(connection):
    row = ask(
        connection,
        "SELECT %s, %s, %s, CAST('1.50' AS numeric(5,2)), DATE '2020-02-29', TIMESTAMP '2020-01-01 12:00:00.123456',"
        " TRUE, CAST(NULL AS integer)",
        1,
        "é",
        2.5,
    )
    assert [str(value) for value in row[0]] == [
        *("1", "é", "2.5", "1.50", "2020-02-29", "2020-01-01 12:00:00.123456", "True", "None")
    ]


def test_a_rollback_undoes_rows_and_tables(connection, table):
    ask(connection, f"INSERT INTO {table} VALUES (1, 'a', 1)")
    ask(connection, f"CREATE TABLE {table}_more (a integer)")
    connection.rollback()
    assert ask(connection, f"SELECT COUNT(*) FROM {table}") == [[0]]
    assert error_of(connection, f"SELECT * FROM {table}_more")["C"] == "42P01"


def test_uncommitted_rows_are_invisible(connection, other, table):
    ask(connection, f"INSERT INTO {table} VALUES (1, 'a', 1)")
    assert ask(other, f"SELECT COUNT(*) FROM {table}") == [[0]]
    other.rollback()
    connection.commit()
    assert ask(other, f"SELECT COUNT(*) FROM {table}") == [[1]]


def test_a_transaction_sees_its_snapshot(connection, other, table):
    ask(connection, f"SELECT COUNT(*) FROM {table}")
    ask(other, f"INSERT INTO {table} VALUES (1, 'a', 1)")
    other.commit()
    assert ask(connection, f"SELECT COUNT(*) FROM {table}") == [[0]]


def test_after_an_error_only_a_rollback_helps(connection, table):
    for bad in (
        "SELECT 1 / 0",
        "SAVEPOINT s",
        f"INSERT INTO {table} VALUES (1, 'a', 1) ON CONFLICT DO NOTHING",
    ):
        ask(connection, f"INSERT INTO {table} VALUES (1, 'a', 1)")
        with pytest.raises(redshift_connector.Error):
            ask(connection, bad)
        with pytest.raises(redshift_connector.Error, match="25P02"):
            ask(connection, f"SELECT COUNT(*) FROM {table}")
        connection.rollback()
        assert ask(connection, f"SELECT COUNT(*) FROM {table}") == [[0]], bad


def test_a_client_that_disconnects_leaves_nothing(emulator, connection, table):
    gone = connect(emulator)
    ask(gone, f"INSERT INTO {table} VALUES (1, 'a', 1)")
    gone.close()
    assert ask(connection, f"SELECT COUNT(*) FROM {table}") == [[0]]
    connection.rollback()
    ask(connection, f"LOCK TABLE {table}")  # and its lock is gone


def test_autocommit_commits_each_statement(emulator, other, table):
    with connect(emulator) as made:
        made.autocommit = True
        ask(made, f"INSERT INTO {table} VALUES (1, 'a', 1)")
        assert ask(other, f"SELECT COUNT(*) FROM {table}") == [[1]]


def test_many_rows_in_one_insert_and_more_than_16_mb_refused(connection, table):
    rows = ", ".join(f"({n}, 'v', 1.5)" for n in range(20_000))
    ask(connection, f"INSERT INTO {table} VALUES {rows}")
    assert ask(connection, f"SELECT COUNT(*) FROM {table}") == [[20_000]]
    connection.rollback()
    error = error_of(connection, f"SELECT 'x' -- {'x' * (16 * 1024 * 1024)}")
    assert "Statement is too large" in error["M"]


# What is not as in PostgreSQL.


def test_keys_are_known_and_not_enforced(connection, table):
    ask(connection, f"INSERT INTO {table} VALUES (1, 'a', 1), (1, 'b', 2)")
    assert ask(connection, f"SELECT COUNT(*) FROM {table} WHERE id = 1") == [[2]]
    ask(connection, f"ALTER TABLE {table} ADD PRIMARY KEY (id)")
    # A primary key's columns are not null all the same.
    assert error_of(connection, f"INSERT INTO {table} VALUES (NULL, 'a', 1)")["C"] == "23502"


@pytest.mark.parametrize("value", ["ééé", "abcdef", "😀😀"])
def test_varchar_counts_bytes(connection, table, value):
    ask(connection, f"INSERT INTO {table} VALUES (1, %s, 1), (2, %s, 1)", "ééa", "abcde")
    error = error_of(connection, f"INSERT INTO {table} VALUES (1, %s, 1)", value)
    assert (error["C"], error["M"]) == ("22001", "Value too long for character type")


def test_bytes_count_in_every_table_however_it_was_made(connection, table):
    ask(connection, f"CREATE TEMP TABLE copied AS SELECT v FROM {table}")
    ask(connection, f"CREATE TEMP TABLE liked (LIKE {table})")
    ask(connection, f"SELECT v INTO TEMP TABLE selected FROM {table}")
    ask(connection, "CREATE TEMP TABLE added (a integer)")
    ask(connection, "ALTER TABLE added ADD COLUMN v varchar(5)")
    ask(connection, "COMMIT")
    for name, column in (("copied", "(v)"), ("selected", "(v)"), ("liked", "(v, n, id)"), ("added", "(v)")):
        more = ", 1, 1" if name == "liked" else ""
        ask(connection, f"INSERT INTO {name} {column} VALUES ('ééa'{more})")
        assert error_of(connection, f"INSERT INTO {name} {column} VALUES ('ééé'{more})")["C"] == "22001"


def test_text_is_varchar_256(connection):
    ask(connection, "CREATE TEMP TABLE texts (a text, b varchar)")
    ask(connection, "INSERT INTO texts VALUES (%s, %s)", "x" * 256, "x" * 256)
    assert error_of(connection, "INSERT INTO texts VALUES (%s, 'b')", "x" * 257)["C"] == "22001"


def test_truncate_commits(connection, other, table):
    ask(connection, f"INSERT INTO {table} VALUES (1, 'a', 1)")
    connection.commit()
    ask(connection, "CREATE TABLE IF NOT EXISTS truncate_witness (a integer)")
    ask(connection, f"TRUNCATE TABLE {table}")
    connection.rollback()
    assert ask(other, f"SELECT COUNT(*) FROM {table}") == [[0]]
    assert ask(other, "SELECT COUNT(*) FROM truncate_witness") == [[0]]


def test_a_backslash_in_a_literal_is_an_escape(connection):
    assert ask(connection, r"SELECT 'a\\b', LEN('\'')") == [["a\\b", 1]]


def test_what_is_designed_can_be_asked(connection):
    ask(
        connection,
        "CREATE TABLE designed (a integer ENCODE raw, b varchar(9) ENCODE zstd) DISTKEY (a) SORTKEY (b, a)",
    )
    assert ask(
        connection,
        'SELECT diststyle, sortkey1, sortkey_num FROM svv_table_info WHERE "table" = %s',
        "designed",
    ) == [["KEY(a)", "b", 2]]
    ask(connection, "ALTER TABLE designed ALTER DISTSTYLE ALL")
    ask(connection, "ALTER TABLE designed ALTER SORTKEY (a)")
    assert ask(connection, "SELECT diststyle, sortkey1 FROM svv_table_info WHERE \"table\" = 'designed'") == [
        ["ALL", "a"]
    ]
    rows = ask(
        connection,
        "SELECT \"column\", type, encoding, sortkey FROM pg_table_def WHERE tablename = 'designed'",
    )
    assert rows == [["a", "integer", "raw", 1], ["b", "character varying(9)", "zstd", 0]]
    assert error_of(connection, "ALTER TABLE designed ALTER DISTKEY nothing")["C"] == "42703"


def test_alter_table_append_moves_rows(emulator, table):
    with connect(emulator) as made:
        made.autocommit = True
        ask(made, f"CREATE TABLE {table}_from (LIKE {table})")
        ask(made, f"INSERT INTO {table}_from VALUES (1, 'a', 1), (2, 'b', 1)")
        ask(made, f"ALTER TABLE {table} APPEND FROM {table}_from")
        counted = f"SELECT (SELECT COUNT(*) FROM {table}), (SELECT COUNT(*) FROM {table}_from)"
        assert ask(made, counted) == [[2, 0]]
        ask(made, f"DROP TABLE {table}_from")


def test_functions_of_redshift(connection):
    row = ask(
        connection,
        "SELECT NVL(NULL, 2), ISNULL(NULL, 3), LEN('äb'), STRTOL('ff', 16), DECODE(1, 1, 'a', 'b'),"
        " CONVERT(integer, '7'), CAST(DATEADD(month, 1, DATE '2020-01-31') AS varchar(19)),"
        " DATEDIFF(month, DATE '2020-01-31', DATE '2020-02-01'), DATEDIFF(day, DATE '2020-01-01', DATE '2021-01-01'),"
        " MD5('a'), TO_CHAR(DATE '2020-03-04', 'YYYYMMDD'), GETDATE() > DATE '2020-01-01', SYSDATE > DATE '2020-01-01'",
    )
    assert row == [
        [
            2,
            3,
            2,
            255,
            "a",
            7,
            "2020-02-29 00:00:00",
            1,
            366,
            "0cc175b9c0f1b6a831c399e269772661",
            "20200304",
            True,
            True,
        ]
    ]
    assert ask(
        connection,
        "SELECT LISTAGG(v, ', ') WITHIN GROUP (ORDER BY v DESC) FROM (SELECT 'a' AS v UNION ALL SELECT 'b') AS s",
    ) == [["b, a"]]


def test_settings_of_redshift_are_kept(connection):
    ask(connection, "SET query_group TO 'etl'")
    assert ask(connection, "SHOW query_group") == [["etl"]]
    ask(connection, "SET enable_result_cache_for_session TO off")
    ask(connection, "SET statement_timeout TO 200")
    ask(connection, "SET search_path TO dw, public")
    connection.commit()
    assert ask(connection, "SHOW search_path") == [["dw, public"]]
    ask(connection, "RESET search_path")


# Isolation.


def test_two_that_read_and_write_a_table_do_not_both_commit(connection, other, table):
    ask(connection, f"INSERT INTO {table} VALUES (1, 'a', 1), (2, 'b', 1)")
    connection.commit()
    for one in (connection, other):
        ask(one, f"SELECT COUNT(*) FROM {table}")
    ask(connection, f"UPDATE {table} SET v = 'x' WHERE id = 1")
    connection.commit()
    # Other rows, the same table: Redshift's serializable isolation is by table.
    error = error_of(other, f"UPDATE {table} SET v = 'y' WHERE id = 2")
    assert (error["C"], error["M"]) == ("XX000", "1023")
    oid = ask(connection, f"SELECT table_id FROM svv_table_info WHERE \"table\" = '{table[:63]}'")
    assert error["D"].startswith(
        f"Serializable isolation violation on table - {oid[0][0]}, transactions forming the cycle"
    )
    connection.rollback()
    assert ask(connection, f"SELECT v FROM {table} ORDER BY id") == [["x"], ["b"]]


def test_a_cycle_over_two_tables_is_refused(connection, other, table):
    ask(connection, f"CREATE TABLE {table}_2 (id integer)")
    connection.commit()
    ask(connection, f"SELECT COUNT(*) FROM {table}")
    ask(other, f"SELECT COUNT(*) FROM {table}_2")
    ask(connection, f"INSERT INTO {table}_2 VALUES (1)")
    ask(other, f"INSERT INTO {table} VALUES (1, 'a', 1)")
    connection.commit()
    with pytest.raises(redshift_connector.Error, match="1023"):
        other.commit()
    other.rollback()
    ask(connection, f"DROP TABLE {table}_2")
    connection.commit()


def test_a_writer_waits_for_the_writer_before_it(connection, other, table):
    ask(connection, f"INSERT INTO {table} VALUES (1, 'a', 1)")
    is_done = threading.Event()

    def insert() -> None:
        ask(other, f"INSERT INTO {table} VALUES (2, 'b', 1)")
        other.commit()
        is_done.set()

    beside = threading.Thread(target=insert)
    beside.start()
    assert not is_done.wait(0.5)
    connection.commit()
    beside.join(30)
    assert is_done.is_set()
    assert ask(connection, f"SELECT COUNT(*) FROM {table}") == [[2]]


def test_who_waited_to_change_a_table_did_not_see_what_came_before(emulator, connection, other, table):
    # The snapshot is of the moment that UPDATE began, and not of the moment that it stopped waiting.
    ask(connection, f"INSERT INTO {table} VALUES (1, 'a', 1), (2, 'b', 1)")
    connection.commit()
    ask(connection, f"UPDATE {table} SET v = 'x' WHERE id = 1")
    errors: list[dict[str, str]] = []
    beside = threading.Thread(
        target=lambda: errors.append(error_of(other, f"UPDATE {table} SET v = 'y' WHERE id = 2"))
    )
    beside.start()
    waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted"
    with connect(emulator) as third:
        third.autocommit = True
        until(lambda: ask(third, waiting) != [[0]], "UPDATE waits")
    connection.commit()
    beside.join(30)
    assert [error["M"] for error in errors] == ["1023"]


def test_lock_keeps_readers_out_as_well(connection, other, table):
    ask(connection, f"LOCK TABLE {table}")
    ask(other, "SET statement_timeout TO 300")
    assert error_of(other, f"SELECT COUNT(*) FROM {table}")["C"] == "57014"
    ask(other, "SET statement_timeout TO 0")


def test_lock_takes_no_snapshot(connection, other, table):
    ask(other, f"INSERT INTO {table} VALUES (1, 'a', 1)")
    is_locked = threading.Event()

    def lock() -> None:
        ask(connection, f"LOCK TABLE {table}")
        is_locked.set()

    beside = threading.Thread(target=lock)
    beside.start()
    assert not is_locked.wait(0.5)
    other.commit()
    beside.join(30)
    ask(connection, f"UPDATE {table} SET v = 'b'")
    connection.commit()
    assert ask(connection, f"SELECT v FROM {table}") == [["b"]]


def test_snapshot_isolation_lets_writers_of_other_rows_pass(server, emulator, tmp_path, monkeypatch):
    with Emulator(server, "redshift", tmp_path / "em", isolation="repeatable read") as relaxed:
        monkeypatch.setenv("SSL_CERT_FILE", str(relaxed.ca_file))
        with connect(relaxed) as one, connect(relaxed) as two:
            ask(one, "CREATE TABLE relaxed (id integer, v integer)")
            ask(one, "INSERT INTO relaxed VALUES (1, 1), (2, 1)")
            one.commit()
            for connection in (one, two):
                ask(connection, "SELECT COUNT(*) FROM relaxed")
            ask(one, "UPDATE relaxed SET v = 2 WHERE id = 1")
            ask(two, "UPDATE relaxed SET v = 2 WHERE id = 2")
            one.commit()
            two.commit()
            ask(one, "SELECT 1")
            ask(two, "SELECT 1")
            ask(one, "UPDATE relaxed SET v = 3 WHERE id = 1")
            one.commit()
            assert error_of(two, "UPDATE relaxed SET v = 4 WHERE id = 1")["M"] == "1023"
            ask(one, "DROP TABLE relaxed")
            one.commit()


# Mishaps.


def test_a_cut_before_commit_loses_all_and_one_after_it_nothing(emulator, connection, table):
    for order, rows in ((emulator.faults.cut_before_commit, 0), (emulator.faults.cut_after_commit, 1)):
        broken = connect(emulator)
        ask(broken, f"INSERT INTO {table} VALUES (1, 'a', 1)")
        order()
        with pytest.raises(redshift_connector.InterfaceError):
            broken.commit()
        assert ask(connection, f"SELECT COUNT(*) FROM {table}") == [[rows]]
        connection.rollback()


def test_a_conflict_can_be_ordered(emulator, connection, table):
    ask(connection, f"INSERT INTO {table} VALUES (1, 'a', 1)")
    emulator.faults.conflict_at_commit()
    with pytest.raises(redshift_connector.Error, match="1023"):
        connection.commit()
    connection.rollback()
    assert ask(connection, f"SELECT COUNT(*) FROM {table}") == [[0]]


def test_other_databases_and_clones_are_served(server, emulator, tmp_path):
    emulator.serve("redshift_template")
    with connect(emulator, database="redshift_template") as made:
        ask(made, "CREATE TABLE kept (v varchar(3)) DISTSTYLE ALL")
        made.commit()
    until(lambda: _backends(server, "redshift_template") == 0, "its session is gone")
    server.clone("redshift_template", "redshift_clone")
    emulator.serve("redshift_clone")
    with connect(emulator, database="redshift_clone") as made:
        assert ask(made, "SELECT diststyle FROM svv_table_info WHERE \"table\" = 'kept'") == [["ALL"]]
        assert error_of(made, "INSERT INTO kept VALUES ('éé')")["C"] == "22001"
    assert emulator.credentials("redshift_clone")["warehouse"]["url"].endswith("/redshift_clone")


def _backends(server, database: str) -> int:
    with server.superuser() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = %s", (database,))
        return cursor.fetchone()[0]


def test_connections_are_closed_at_the_end(server, tmp_path, monkeypatch):
    with Emulator(server, "redshift", tmp_path / "em") as short:
        monkeypatch.setenv("SSL_CERT_FILE", str(short.ca_file))
        left = connect(short)
        ask(left, "SELECT 1")
    with pytest.raises(redshift_connector.InterfaceError):
        ask(left, "SELECT 2")
    with pytest.raises(redshift_connector.InterfaceError):
        connect(short)


def test_statements_are_captured(emulator, connection):
    begin = len(emulator.statements)
    ask(connection, "SELECT %s AS captured", 1)
    assert "SELECT $1 AS captured" in emulator.statements[begin:]
