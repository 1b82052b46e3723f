"""Hostile tables of a source: missing, retyped, hidden, or something else than a table."""

from tests.support.hostile.roles import READER
from tests.support.hostile.verdicts import LOADED, LoadState, Refused

GRANT = "; GRANT SELECT ON city TO etl_reader"
TOWN = "ALTER TABLE city RENAME TO town; "
PARTS = (
    "CREATE TABLE city (LIKE town) PARTITION BY HASH (city_id);"
    " CREATE TABLE city_0 PARTITION OF city FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
    " CREATE TABLE city_1 PARTITION OF city FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
    " INSERT INTO city SELECT * FROM town"
)
ENDS_OF_TIME = f"""
    ALTER TABLE store ALTER last_update TYPE timestamptz;
    UPDATE store SET last_update = CASE store_id WHEN 1 THEN timestamptz '4714-11-24 00:00:00+00 BC'
        ELSE timestamptz '294276-12-31 23:59:59.999999+00' END;
    {READER} SET TimeZone = 'America/New_York'
"""
TWICE = """
    ALTER TABLE store DROP CONSTRAINT store_pkey CASCADE; DROP INDEX idx_unq_manager_staff_id;
    INSERT INTO store SELECT * FROM store WHERE store_id = 1
"""

REFUSED = (
    LoadState(
        "row level security hides rows",
        Refused(4, "row-level security"),
        "ALTER TABLE store ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON store USING (store_id = 1)",
        is_short=True,
    ),
    LoadState(
        "row level security without a policy",
        Refused(4, "row-level security"),
        "ALTER TABLE address ENABLE ROW LEVEL SECURITY",
    ),
    LoadState("a table is missing", Refused(4, "there is no table public.city"), TOWN),
    LoadState("a column is missing", Refused(4, "has no column city"), "ALTER TABLE city DROP city"),
    LoadState(
        "a timestamp is text",
        Refused(4, "last_update is text"),
        "ALTER TABLE staff ALTER last_update TYPE text",
    ),
    LoadState(
        "a key is text",
        Refused(4, "store_id is text"),
        "ALTER TABLE store ALTER store_id DROP DEFAULT, ALTER store_id TYPE text",
    ),
    LoadState(
        "a key is numeric", Refused(4, "store_id is numeric"), "ALTER TABLE store ALTER store_id TYPE numeric"
    ),
    *(
        LoadState(
            f"money is {kind}",
            Refused(4, words),
            f"ALTER TABLE payment ALTER amount TYPE {kind}",
            table="fact_sales",
        )
        for kind, words in {
            "float8": "amount is float8",
            "money": "amount is money",
            "numeric": "more decimals",
            "numeric(8,3)": "more decimals",
        }.items()
    ),
    LoadState(
        "the role may not read a table",
        Refused(4, "may not read public.country"),
        "REVOKE SELECT ON country FROM etl_reader",
    ),
    LoadState(
        "the role may not use the schema",
        Refused(4, "may not read"),
        "REVOKE USAGE ON SCHEMA public FROM PUBLIC, etl_reader",
    ),
    LoadState(
        "a view divides by zero",
        Refused(4, "division by zero"),
        f"{TOWN} CREATE VIEW city AS SELECT city_id / 0 AS city_id, city, country_id, last_update"
        f" FROM town {GRANT}",
    ),
    LoadState("a key occurs twice", Refused(5, "store_id 1 occurs 2 times"), TWICE),
    LoadState(
        "a member has the key of Unknown",
        Refused(5, "not -1"),
        "UPDATE store SET store_id = -1 WHERE store_id = 1",
        is_short=True,
    ),
    LoadState(
        "most rows break a rule",
        Refused(5, "rows break a rule"),
        "ALTER TABLE customer ALTER first_name TYPE text; UPDATE customer SET first_name = repeat('x', 200)",
        table="dim_customer",
    ),
)
ACCEPTED = (
    LoadState("a table is a view", LOADED, f"{TOWN} CREATE VIEW city AS SELECT * FROM town {GRANT}"),
    LoadState(
        "a table is a materialized view",
        LOADED,
        f"{TOWN} CREATE MATERIALIZED VIEW city AS SELECT * FROM town {GRANT}",
    ),
    LoadState("a table is in parts", LOADED, f"{TOWN} {PARTS} {GRANT}"),
    LoadState("a table has a child", LOADED, "CREATE TABLE town (x integer) INHERITS (city)"),
    LoadState("a table is unlogged", LOADED, "ALTER TABLE store SET UNLOGGED"),
    LoadState(
        "a table has a column of any name", LOADED, """ALTER TABLE store ADD "a""b'%s" text DEFAULT 'x'"""
    ),
    LoadState("a column was dropped", LOADED, "ALTER TABLE store ADD x text; ALTER TABLE store DROP x"),
    LoadState(
        "a column is generated",
        LOADED,
        "ALTER TABLE address DROP phone;"
        " ALTER TABLE address ADD phone text GENERATED ALWAYS AS ('+' || address_id) STORED",
    ),
    LoadState(
        "a column is of a domain",
        LOADED,
        "CREATE DOMAIN label AS varchar(50); ALTER TABLE address ALTER address TYPE label",
    ),
    LoadState("a column is char(n)", LOADED, "ALTER TABLE address ALTER district TYPE char(30)"),
    LoadState("a timestamptz is at the ends of time", LOADED, ENDS_OF_TIME),
    LoadState("a table is empty", LOADED, "DELETE FROM store"),
    LoadState("a joined table is empty", LOADED, "DELETE FROM country"),
    LoadState(
        "the schema has blanks, quotes and capitals",
        LOADED,
        """ALTER SCHEMA public RENAME TO "My ""old"" Schéma";""",
        schema='My "old" Schéma',
    ),
    LoadState(
        "the schema has 63 bytes", LOADED, f"ALTER SCHEMA public RENAME TO {'s' * 63}", schema="s" * 63
    ),
    LoadState(
        "the schema is a word of SQL", LOADED, 'ALTER SCHEMA public RENAME TO "select"', schema="select"
    ),
)
TABLES = (*REFUSED, *ACCEPTED)
