"""Spark and Sail load the same rows: row for row, key for key, and each goes on where the other one stopped."""

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

from sandbox.server import Sandbox
from sandbox.simulator.days import Business
from tests.integration.test_sibling import PASSWORD, READER, make_sibling
from tests.support.engines import ON_SAIL, PYTHON, about_spark, on_sail_too
from tests.support.environment import TABLES, Environment
from tests.support.hostile.rows import make_hostile
from tests.support.jobs import Outcome, counts, expected_counts, job_environment, write_config
from tests.support.paths import SPARK_APPS
from tests.support.servers import MakeEnvironment
from tests.support.waiting import long_running

#: After all payments, before the last_update of most rows.
FIRST_NIGHT = date(2007, 6, 1)
#: What happens between the two nights: new rows, changes on every way to each dimension, deletions, bad rows.
DAY = """
    INSERT INTO payment SELECT payment_id + 500000, customer_id, staff_id, rental_id, amount + 1,
        payment_date + interval '1 day' FROM payment WHERE payment_id % 10 = 0;
    UPDATE payment SET amount = amount + 1 WHERE payment_id % 7 = 0;
    DELETE FROM payment WHERE payment_id % 31 = 0;
    UPDATE rental SET return_date = '2007-05-30 12:34:56.789' WHERE return_date IS NULL;
    UPDATE country SET country = country || ' Ñ🎬', last_update = '2007-06-01 08:00' WHERE country_id % 2 = 0;
    UPDATE customer SET store_id = 3 - store_id, last_update = '2007-06-01 09:00' WHERE customer_id % 5 = 0;
    DELETE FROM customer WHERE customer_id = 7;
    UPDATE film SET rental_rate = rental_rate + 1,
        description = E'tab\\t line\\n quote" back\\\\slash' WHERE film_id % 4 = 0;
    UPDATE film SET special_features = ARRAY['b', 'a', NULL, 'ä'] WHERE film_id % 9 = 0;
    UPDATE film SET special_features = ARRAY[['a', 'b'], ['c', 'd']] WHERE film_id % 10 = 0;
    UPDATE payment SET amount = 'NaN' WHERE payment_id IN (SELECT min(payment_id) FROM payment);
    UPDATE staff SET active = NOT active, last_update = '2007-06-01 10:00' WHERE staff_id = 2;
    UPDATE store SET address_id = address_id + 2, last_update = '2007-06-01 11:00' WHERE store_id = 1;
"""

pytestmark = [
    about_spark,
    on_sail_too,
]


#: One process for all five: they share one start of Sail.
ALL = """
import importlib, sys
for table in sys.argv[1].split():
    importlib.import_module(f"load_{table}").main(sys.argv[2:])
"""


def on_sail(env: Environment, *flags: str, tables: Sequence[str] = TABLES) -> dict[str, Outcome]:
    """The scripts of these tables by Sail."""
    done = subprocess.run(
        [PYTHON, "-c", ALL, " ".join(tables), "--config", env.config, *flags],
        env=job_environment(PYTHONPATH=str(SPARK_APPS), **ON_SAIL),
        capture_output=True,
        text=True,
        check=False,
        timeout=480,
    )
    env.check_output(Outcome(done.returncode, done.stdout, done.stderr))
    assert done.returncode == 0, done.stderr[-3000:]
    lines = done.stdout.splitlines()
    assert [line.split(": published: ")[0] for line in lines] == [*tables]
    return {table: Outcome(0, line, "") for table, line in zip(tables, lines, strict=True)}


def on_spark(env: Environment, *flags: str) -> dict[str, Outcome]:
    return env.load_all(*flags)


def record(env: Environment) -> dict[str, list[tuple[object, ...]]]:
    """What the loads recorded: counts, money, quarantine, ranges of keys."""
    return {
        "etl_load": env.warehouse(
            "SELECT load_id, table_name, status, as_of, is_full, extent, code_digest, rows_read, rows_new,"
            " rows_changed, rows_expired, rows_deleted, rows_quarantined, rows_warned, source_rows, source_amount,"
            " warehouse_rows, warehouse_amount, quarantined_amount, reason FROM etl_load ORDER BY 1"
        ),
        "etl_reject": sorted(env.warehouse("SELECT * FROM etl_reject"), key=repr),
        "etl_range": env.warehouse("SELECT * FROM etl_range ORDER BY 1, 2, 3"),
    }


def assert_equal(one: Environment, other: Environment) -> None:
    for ours, theirs in ((one.content(), other.content()), (record(one), record(other))):
        assert ours.keys() == theirs.keys()
        for table, rows in ours.items():
            differ = [pair for pair in zip(rows, theirs[table], strict=False) if pair[0] != pair[1]]
            assert not differ, f"{table}: {len(differ)} rows differ, the first: {differ[0]}"
            assert len(rows) == len(theirs[table]), table


def alternate(first: Environment, second: Environment, days: Sequence[Callable[[], object]]) -> None:
    """A night before the first day, and one after each: by Spark on one warehouse and Sail on the other, in turn."""
    pair = first, second
    for night, day in enumerate((lambda: None, *days)):
        day()
        flags = "--as-of", f"{FIRST_NIGHT + timedelta(night)}T00:00:00", "--batch-id", f"night {night}"
        first_by_spark = night % 2 == 0
        on_spark(pair[not first_by_spark], *flags)
        on_sail(pair[first_by_spark], *flags)
        assert_equal(first, second)
    before = second.content()
    for table, outcome in on_sail(second, "--full-refresh").items():
        found = counts(outcome)
        assert found == expected_counts(quarantined=found["quarantined"]), table
    assert second.content() == before


def test_two_nights_by_either_engine(make_environment: MakeEnvironment, source_template: str) -> None:
    """With every odd value that the tests know."""
    env = make_environment(source_template)
    env.limit(quarantined_rows=10_000)
    make_hostile(env.source)
    other = env.with_warehouse(make_environment(source_template).warehouse)
    alternate(env, other, [lambda: env.source(DAY)])
    query = "SELECT table_name FROM etl_reject WHERE load_id > 5 GROUP BY 1 ORDER BY 1"
    assert env.warehouse(query) == [("dim_customer",), ("dim_movie",), ("fact_sales",)]


def test_long_rows_come_back_to_the_driver(empty: Environment) -> None:
    """In one message, of which gRPC takes 128 MB by default."""
    empty.source(
        "INSERT INTO film (film_id, title, description, language_id, fulltext)"
        " SELECT 10000 + n, 'long', repeat('x', 65000), 1, '' FROM generate_series(1, 5000) AS n"
    )
    films = empty.source.value("SELECT count(*) FROM film")
    assert counts(on_sail(empty, tables=["dim_movie"])["dim_movie"]) == expected_counts(new=films)
    length = "SELECT sum(length(description)) FROM dim_movie WHERE film_id > 10000"
    assert empty.warehouse.value(length) == 325_000_000


@long_running
def test_the_real_business_night_after_night(
    make_environment: MakeEnvironment, real_source: str, server: Sandbox
) -> None:
    env = make_environment(real_source)
    other = env.with_warehouse(make_environment(real_source).warehouse)
    seed = int(os.environ.get("DVDRENTAL_SEED", "17"))
    with Business(partial(server.connect, env.source.database), seed, FIRST_NIGHT) as business:
        alternate(env, other, [business.day] * 3)
        env.check_equals_source()  # here: its end commits what it had still open


@long_running
def test_a_sibling(make_environment: MakeEnvironment, source_template: str) -> None:
    """Another schema, partitions, timestamps with zone, a role that may only read."""
    env = make_environment(source_template)
    make_sibling(env.source)
    source = {"user": READER, "password": PASSWORD, "schema": "Rental"}
    write_config(env.config, json.loads(env.config.read_text()), source=source)
    env = replace(env, source=replace(env.source, schema="Rental"), secrets=(*env.secrets, PASSWORD))
    other = env.with_warehouse(make_environment(source_template).warehouse)
    change = "UPDATE payment SET amount = amount + 1 WHERE payment_id % 7 = 0"
    alternate(env, other, [lambda: env.source(change)])
    env.check_equals_source()
