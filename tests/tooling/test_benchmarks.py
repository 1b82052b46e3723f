"""The benchmark itself, small: this suite and PostgreSQL alone; and its check, which a wrong table must not pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import __main__ as command
from benchmarks.check import EXPECTED, expected, require_dimensions, require_fact
from benchmarks.errors import BenchError
from benchmarks.fixtures import DatabasePair, Fixtures
from benchmarks.nights import SOURCE, Nights
from benchmarks.results import DONE
from sandbox.fill import Content
from sandbox.server import Sandbox
from tests.support.environment import Environment
from tests.support.waiting import long_running

SCALE = 0.05
PAYMENTS = 730


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the benchmark keeps its sandboxes."""
    made = tmp_path_factory.mktemp("bench")
    yield made
    Sandbox(made / f"scale-{SCALE}").down(purge=True)


@long_running
def test_suite_and_copy_load_the_same_table(folder: Path) -> None:
    options = command.parser().parse_args(["--scale", str(SCALE), "--rounds", "1", "--only", "suite,copy"])
    result = command.measure(options, Console(quiet=True), folder)
    assert [(run.contender, run.ended) for run in result.runs] == [("suite", DONE), ("copy", DONE)]
    assert result.rows == PAYMENTS
    for one in result.summaries():
        assert one.fastest == one.seconds == one.slowest, "of one round"
        assert all((one.seconds, one.cpu, one.peak_bytes)), "all were measured"
    assert result.ratio("copy") == result.runs[1].seconds / result.runs[0].seconds
    assert Sandbox(folder / f"scale-{SCALE}").port is None, "who was down is stopped"


def test_a_night_changes_so_many_facts(folder: Path) -> None:
    with Fixtures(folder, Content(scale=SCALE), lambda _: None).up() as fixtures:
        nights = Nights(fixtures)
        nights.begin(fixtures.empty_template())
        facts = EXPECTED[EXPECTED.index("FROM (") + 6 : EXPECTED.rindex(")")]
        before = set(fixtures.rows(facts, SOURCE))
        nights.pass_night()
        after = set(fixtures.rows(facts, SOURCE))
        assert len(after - before) == nights.changed == 3
        assert len(after) == PAYMENTS + 1
        assert nights.expectation() == expected(fixtures, SOURCE)
        nights.end()
        assert SOURCE not in fixtures.sandbox.databases()


@pytest.fixture
def loaded(server: Sandbox, env: Environment, tmp_path: Path) -> tuple[Fixtures, DatabasePair]:
    """A warehouse that the suite has loaded, as the benchmark sees it."""
    fixtures = Fixtures(tmp_path, Content(scale=SCALE), lambda _: None)
    fixtures.sandbox = server
    fixtures.empty_template()
    return fixtures, DatabasePair(server, env.source.database, env.warehouse.database, env.config)


def test_a_contender_gets_an_empty_table_without_partitions(loaded: tuple[Fixtures, DatabasePair]) -> None:
    fixtures, pair = loaded
    given = fixtures.clone_unpartitioned(pair.warehouse)
    assert fixtures.rows("SELECT count(*) FROM dw.fact_sales", given.warehouse) == [(0,)]
    kind = "SELECT relkind FROM pg_class WHERE oid = 'dw.fact_sales'::regclass"
    assert fixtures.rows(kind, given.warehouse) == [("r",)]


def test_a_right_table_passes(loaded: tuple[Fixtures, DatabasePair]) -> None:
    fixtures, pair = loaded
    expected_content = expected(fixtures, pair.source)
    assert expected_content.rows == PAYMENTS
    require_fact(fixtures, pair, expected_content, "suite")
    require_dimensions(fixtures, pair, "suite")


@pytest.mark.parametrize(
    "corruption",
    [
        "UPDATE fact_sales SET sales_amount = sales_amount + 0.01 WHERE {first}",
        # Sums and counts stay: two payments change places.
        """UPDATE fact_sales SET sales_amount = CASE sales_amount WHEN 4.99 THEN 2.99 ELSE 4.99 END
        WHERE sales_key IN (
            (SELECT MIN(sales_key) FROM fact_sales WHERE sales_amount = 4.99),
            (SELECT MIN(sales_key) FROM fact_sales WHERE sales_amount = 2.99))""",
        "UPDATE fact_sales SET customer_key = customer_key % 30 + 1 WHERE {first}",
        "UPDATE fact_sales SET store_key = 3 - store_key WHERE {first}",
        "UPDATE fact_sales SET movie_key = -1 WHERE {first}",
        "UPDATE fact_sales SET movie_key = 999999 WHERE {first}",
        "UPDATE fact_sales SET return_date_key = -1 WHERE {first}",
        "UPDATE fact_sales SET payment_ts = payment_ts + interval '1 microsecond' WHERE {first}",
        "UPDATE fact_sales SET rental_id = NULL WHERE {first}",
        "DELETE FROM fact_sales WHERE {first}",
        "UPDATE dim_customer SET valid_to = '2000-01-01' WHERE customer_key = 5",
        "ALTER TABLE fact_sales DROP CONSTRAINT fact_sales_pkey",
        "DROP INDEX fact_sales_payment_date",
        "DROP VIEW v_sales; ALTER TABLE fact_sales ALTER sales_amount TYPE numeric",
        "ALTER TABLE fact_sales ALTER rental_id SET NOT NULL",
        # Of whatever the table lies in.
        """DO $$ BEGIN EXECUTE (
            SELECT 'ALTER TABLE ' || oid::regclass || ' SET UNLOGGED' FROM pg_class
            WHERE relkind = 'r' AND relname LIKE 'fact_sales%'
        ); END $$""",
    ],
)
def test_a_wrong_table_does_not_pass(
    loaded: tuple[Fixtures, DatabasePair], env: Environment, corruption: str
) -> None:
    fixtures, pair = loaded
    expected_content = expected(fixtures, pair.source)
    require_fact(fixtures, pair, expected_content, "plain")
    env.warehouse(corruption.format(first="sales_key = (SELECT MIN(sales_key) FROM fact_sales)"))
    with pytest.raises(BenchError, match="plain: fact_sales is"):
        require_fact(fixtures, pair, expected_content, "plain")


@pytest.mark.parametrize(
    ("table", "corruption"),
    [
        ("dim_customer", "UPDATE dim_customer SET email = 'x' WHERE customer_key = 1"),
        # Two cities change places.
        (
            "dim_customer",
            """UPDATE dim_customer c SET city = o.city FROM dim_customer o
            WHERE c.customer_key IN (1, 2) AND o.customer_key = 3 - c.customer_key""",
        ),
        ("dim_movie", "UPDATE dim_movie SET length = 1 WHERE movie_key = 1"),
        ("dim_movie.category", "UPDATE dim_movie SET category = NULL WHERE movie_key = 1"),
        ("dim_staff", "DELETE FROM dim_staff WHERE staff_key = 1"),
        ("dim_store", "UPDATE dim_store SET manager_first_name = manager_last_name WHERE store_key = 1"),
    ],
)
def test_a_wrong_dimension_does_not_pass(
    loaded: tuple[Fixtures, DatabasePair], env: Environment, table: str, corruption: str
) -> None:
    fixtures, pair = loaded
    env.warehouse(corruption)
    with pytest.raises(BenchError, match=f"plain: {table} is wrong"):
        require_dimensions(fixtures, pair, "plain")
