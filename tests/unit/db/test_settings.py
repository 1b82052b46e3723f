"""The settings that every transaction on PostgreSQL begins with."""

from dvdrental_etl.db import settings


def test_settings_hold_for_one_transaction_and_names_are_quoted():
    statements = settings.of_transaction(180001, ("pg_catalog", 'my "dw"'), TimeZone="O'Hare\\").split("; ")
    assert all(statement.startswith("SET LOCAL ") for statement in statements)
    assert "SET LOCAL row_security = E'off'" in statements
    assert "SET LOCAL TimeZone = E'O''Hare\\\\'" in statements
    assert 'SET LOCAL search_path = "pg_catalog", "my ""dw"""' in statements


def test_an_old_server_is_not_given_a_setting_that_it_does_not_know():
    assert "transaction_timeout" not in settings.of_transaction(160004)
    assert "transaction_timeout" in settings.of_transaction(170000)
