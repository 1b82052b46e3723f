"""Hostile settings and rights of the two roles, and hostile warehouses."""

from tests.support.hostile.verdicts import LoadState, Refused

#: Functions that a search path can put before those of PostgreSQL.
EVIL = """
    CREATE SCHEMA evil;
    CREATE FUNCTION evil.octet_length(text) RETURNS integer LANGUAGE sql AS 'SELECT 1000000';
    CREATE FUNCTION evil.to_char(date, text) RETURNS text LANGUAGE sql AS $$SELECT '0'$$;
    CREATE FUNCTION evil."left"(text, integer) RETURNS text LANGUAGE sql AS $$SELECT 'evil'$$;
    GRANT USAGE ON SCHEMA evil TO PUBLIC;
"""
NAMES = "UPDATE address SET address = 'Zürich, 東京 😀', district = 'Ñuñoa'; "
READER, WRITER = "ALTER ROLE etl_reader IN DATABASE {source}", "ALTER ROLE etl_writer IN DATABASE {warehouse}"

#: Settings that an administrator may have given a role.
SETTINGS = {
    "DateStyle": "'SQL, DMY'",
    "IntervalStyle": "'sql_standard'",
    "client_encoding": "'LATIN1'",
    "TimeZone": "'Asia/Kathmandu'",
    "standard_conforming_strings": "off",
    "row_security": "on",
    "search_path": "evil, pg_catalog",
    "array_nulls": "off",
    "bytea_output": "escape",
    "extra_float_digits": "'-15'",
    "transform_null_equals": "on",
    "enable_seqscan": "off",
    "plan_cache_mode": "force_generic_plan",
    "default_transaction_isolation": "'serializable'",
    "default_transaction_deferrable": "on",
    "statement_timeout": "'2s'",
    "lock_timeout": "'1ms'",
    "idle_in_transaction_session_timeout": "'500ms'",
    "idle_session_timeout": "'1s'",
    "transaction_timeout": "'1s'",
}
SOURCE_ROLES = (
    *(
        LoadState(
            f"the source's role has {name} = {value}",
            source=f"{EVIL} {NAMES} {READER} SET {name} = {value}",
            is_short=name in ("client_encoding", "transaction_timeout"),
        )
        for name, value in SETTINGS.items()
    ),
    LoadState("the source's role is read-only", source=f"{READER} SET default_transaction_read_only = on"),
)
WAREHOUSE_ROLES = (
    *(
        LoadState(
            f"the warehouse's role has {name} = {value}",
            source=NAMES,
            warehouse=f"{EVIL} {WRITER} SET {name} = {value}",
            is_short=name in ("client_encoding", "idle_session_timeout"),
        )
        for name, value in SETTINGS.items()
    ),
    LoadState(
        "the warehouse's role is read-only",
        Refused(7, "read-only transaction"),
        warehouse=f"{WRITER} SET default_transaction_read_only = on",
    ),
    LoadState(
        "the warehouse's role may not create a schema",
        Refused(7, "permission denied"),
        warehouse="ALTER DATABASE {warehouse} OWNER TO CURRENT_USER;"
        " GRANT CONNECT ON DATABASE {warehouse} TO etl_writer",
    ),
    LoadState(
        "the warehouse's role may not connect",
        Refused(7, "permission denied"),
        warehouse="ALTER DATABASE {warehouse} OWNER TO CURRENT_USER;"
        " REVOKE CONNECT ON DATABASE {warehouse} FROM PUBLIC, etl_writer",
    ),
)
OWN_SCHEMA = "CREATE SCHEMA dw AUTHORIZATION etl_writer;"
WAREHOUSES = (
    LoadState(
        "the warehouse's schema belongs to somebody else",
        Refused(7, "no schema has been selected"),
        warehouse="CREATE SCHEMA dw",
    ),
    LoadState(
        "a table of the warehouse is somebody else's",
        Refused(7, 'column "store_id" of relation "dim_store" does not exist'),
        warehouse=f"{OWN_SCHEMA} CREATE TABLE dw.dim_store (store_key bigint);"
        " ALTER TABLE dw.dim_store OWNER TO etl_writer",
    ),
    LoadState(
        "a table of the warehouse is a view",
        Refused(7, "warehouse "),
        warehouse=f"{OWN_SCHEMA} CREATE VIEW dw.dim_store AS SELECT 1 AS store_key;"
        " ALTER VIEW dw.dim_store OWNER TO etl_writer",
    ),
)
ROLES = (*SOURCE_ROLES, *WAREHOUSE_ROLES, *WAREHOUSES)
