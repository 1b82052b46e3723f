"""row_hash: the same from the loads, from SQL and by hand; and a warehouse with the JSON hash of the version before."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal

import pytest

import load_dim_customer
import load_dim_movie
import load_dim_staff
from dvdrental_etl import config
from dvdrental_etl.verify import run
from redshift_emulator.emulator import Emulator
from sandbox.server import Sandbox
from tests.support.engines import give_workers
from tests.support.environment import DIMENSIONS, Environment
from tests.support.jobs import counts, expected_counts
from tests.support.redshift import to_redshift
from tests.support.servers import LOADED_AT

TRACKED = {
    module.TARGET.table: module.TARGET.tracked
    for module in (load_dim_customer, load_dim_movie, load_dim_staff)
}
DAY_1, DAY_2 = "2007-07-01T00:00:00", "2007-08-01T00:00:00"
#: Text that engines, or JSON, print in different ways, and text that looks like the marks of the hash.
UNUSUAL = (
    "tab\tline\r\nbell\x07unit\x1fdelete\x7f",
    "\U0001f4bf \u00e9 e\u0301 \u2028 \u00a0",
    'a "quoted" \\ and /',
    "~|~0~1||",
    "~",
    " spaces ",
    "",
)
Values = tuple[object, ...]


def by_hand(values: Values) -> str:
    """row_hash as docs/decisions describes it."""

    def text(value: object) -> str:
        if value is None:
            return "~"
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value).replace("~", "~0").replace("|", "~1")

    return hashlib.md5("|".join(map(text, values)).encode()).hexdigest()


def as_json(table: str, values: Values) -> str:
    """row_hash as the version before this one had it: Spark's JSON, NULLs included."""
    row = dict(zip(TRACKED[table], values, strict=True))
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=lambda d: f"<{d}>")
    return hashlib.md5(text.replace('"<', "").replace('>"', "").encode()).hexdigest()


def members(env: Environment, table: str) -> list[tuple[int, str, Values]]:
    """Surrogate key, row_hash and tracked values of every version."""
    key = DIMENSIONS[table][0]
    rows = env.warehouse(
        f"SELECT {key}, row_hash, {', '.join(TRACKED[table])} FROM {table} "
        f"WHERE {key} > 0 AND NOT is_inferred ORDER BY 1"
    )
    return [(row[0], row[1], row[2:]) for row in rows]


def unusual(env: Environment) -> None:
    """Let unusual text, NULLs, money and both booleans into the source, and history with them."""
    for number, text in enumerate(UNUSUAL, 1):
        env.source(
            "UPDATE address SET address2 = %s, district = %s, last_update = '2007-06-10' WHERE address_id = %s",
            *(text, text[:20], number),
        )
    env.source("UPDATE staff SET active = staff_id = 1, last_update = '2007-06-11'")
    env.source("UPDATE film SET rental_rate = 0, rating = NULL, last_update = '2007-06-12' WHERE film_id = 3")
    env.source("UPDATE film SET replacement_cost = 100.50, last_update = '2007-06-12' WHERE film_id = 4")
    env.source("DELETE FROM customer WHERE customer_id = 9")


#: The dimensions that are loaded into each kind of warehouse: together they have every type that is tracked.
LOADED = {"postgres": ("dim_customer", "dim_movie", "dim_staff"), "redshift": ("dim_movie", "dim_staff")}


@pytest.fixture(params=LOADED)
def loaded(
    request: pytest.FixtureRequest, empty: Environment, emulator: Emulator, server: Sandbox
) -> tuple[Environment, tuple[str, ...]]:
    """A warehouse of either kind, with history, and with text that hashes could differ on; what is loaded into it."""
    env, tables = empty, LOADED[request.param]
    if request.param == "redshift":
        give_workers(request.getfixturevalue("spark"), emulator.environment())
        env = to_redshift(empty, emulator, server)
    for table in tables:
        env.load(table, as_of=LOADED_AT)
    unusual(env)
    for table in tables:
        assert counts(env.load(table, as_of=DAY_1))["expired"] > 0, table
    return env, tables


def test_every_side_computes_the_same_and_an_older_hash_is_replaced_once(
    loaded: tuple[Environment, tuple[str, ...]],
) -> None:
    env, tables = loaded
    for table in tables:
        found = members(env, table)
        assert [row_hash for _, row_hash, _ in found] == [by_hand(values) for *_, values in found], table
    assert findings(env) == []
    before = env.content()

    for table in tables:
        for key, _, values in members(env, table):
            update = f"UPDATE {table} SET row_hash = %s WHERE {DIMENSIONS[table][0]} = %s"
            env.warehouse(update, as_json(table, values), key)
    env.warehouse("UPDATE etl_load SET code_digest = 'the version before'")
    assert findings(env) == ["row_hash_fits_what_is_tracked"]

    for table in tables:
        assert counts(env.load(table, "--dry-run", as_of=DAY_2)) == expected_counts(), table
        assert counts(env.load(table, as_of=DAY_2)) == expected_counts(), table
    assert env.content() == before
    written = env.warehouse("SELECT xmin::text, ctid::text FROM dim_movie ORDER BY 2")
    env.load("dim_movie", "--full-refresh", as_of=DAY_2)
    assert env.warehouse("SELECT xmin::text, ctid::text FROM dim_movie ORDER BY 2") == written


def findings(env: Environment) -> list[str]:
    """What verify finds by itself: no facts are loaded here."""
    return sorted({found.check for found in run.run(config.load(env.config, {})) if "hash" in found.check})


def test_the_json_of_before_is_what_the_version_before_wrote() -> None:
    """By hand, from a warehouse of that version: dim_movie of the film ACADEMY DINOSAUR in dvdrental."""
    values = (6, Decimal("0.99"), Decimal("20.99"), "PG", "Documentary")
    text = '{"rental_duration":6,"rental_rate":0.99,"replacement_cost":20.99,"rating":"PG","category":"Documentary"}'
    assert as_json("dim_movie", values) == hashlib.md5(text.encode()).hexdigest()
