"""verify of a run: after a night of changes, it finds whatever the loads of the night could have written wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dvdrental_etl import config
from dvdrental_etl.verify import run
from dvdrental_etl.verify.checks import CHECKS
from dvdrental_etl.verify.limits import DEFAULT_LIMITS, VerifyLimits
from dvdrental_etl.verify.report import Report
from dvdrental_etl.verify.tables import declared_tables
from sandbox.server import Sandbox
from tests.support.environment import TABLES, Environment
from tests.support.jobs import write_config
from tests.support.servers import MakeEnvironment

BASE, NIGHT = "base", "night"
#: The keys of payments are 37 apart, so that this small business fills 27 ranges of 1,024 keys.
PAYMENTS = {"changed": 100, "recustomered": 130, "deleted": 300, "quarantined": 350, "untouched": 500}


@dataclass(frozen=True)
class Night:
    """A warehouse after a night, and the keys of what the night brought, by name."""

    env: Environment
    keys: dict[str, int]

    def sql(self, statement: str) -> str:
        """A statement with keys in place of their names: {changed}."""
        return statement.format(**self.keys)

    def findings(self, run_id: str | None = NIGHT) -> list[str]:
        found = self.report(run_id).findings
        return [f"{one.check}: {one.detail}" for one in found]

    def report(self, run_id: str | None = NIGHT, limits: VerifyLimits = DEFAULT_LIMITS) -> Report:
        return run.examine(config.load(self.env.config, {}), run_id, limits)


#: What changed in the source: every kind of change. Most rows do not change.
HAPPENED = """
    ALTER TABLE payment ALTER amount DROP NOT NULL, ALTER rental_id DROP NOT NULL;
    UPDATE payment SET amount = amount + 1 WHERE payment_id = {changed};
    UPDATE payment SET customer_id = {moved} WHERE payment_id = {recustomered};
    DELETE FROM payment WHERE payment_id = {deleted} OR payment_id >> 10 = {emptied};
    UPDATE payment SET amount = NULL WHERE payment_id = {quarantined};
    INSERT INTO payment SELECT id, customer_id, staff_id, rental_id, 3.00, '2007-06-20'
        FROM payment, (VALUES ({new}), ({other})) AS of (id) WHERE payment_id = {untouched};
    INSERT INTO payment VALUES ({inferred}, 32000, 1, NULL, 2.00, '2007-06-20');
    UPDATE customer SET store_id = 3 - store_id, last_update = '2007-03-15' WHERE customer_id = {moved};
    UPDATE customer SET last_name = 'MARRIED' WHERE customer_id IN ({married}, {moved});
    DELETE FROM customer WHERE customer_id = {removed};
    INSERT INTO customer SELECT {inserted}, store_id, first_name, last_name, email, address_id, activebool, create_date,
        '2007-06-12', active FROM customer WHERE customer_id = {married};
    UPDATE film SET rental_rate = 9.99, last_update = '2007-06-12' WHERE film_id = {repriced};
    INSERT INTO film_category SELECT {repriced}, category_id, '2007-06-12' FROM category WHERE category_id NOT IN (
        SELECT category_id FROM film_category WHERE film_id = {repriced}) LIMIT 1;
    UPDATE staff SET email = NULL, last_update = '2007-06-12' WHERE staff_id = 2;
    UPDATE address SET phone = '1', last_update = '2007-06-12' WHERE address_id = (
        SELECT address_id FROM store WHERE store_id = 1);
"""


@pytest.fixture(scope="module")
def lived(make_environment: MakeEnvironment, sparse_source: str) -> Night:
    """A first load of everything, and a night of changes."""
    env = make_environment(sparse_source)
    # A version begins at the latest last_update of what it is made of.
    for table in ("address", "city", "country"):
        env.source(f"UPDATE {table} SET last_update = '2006-02-15'")
    for table in TABLES:
        env.load(table, "--batch-id", BASE, as_of="2007-06-01T00:00:00")
    payments = [key for (key,) in env.source("SELECT payment_id FROM payment ORDER BY 1")]
    keys = {name: payments[place] for name, place in PAYMENTS.items()}
    keys |= {"emptied": payments[200] >> 10, "lost": payments[200], "new": payments[-1] + 3}
    keys |= {"other": payments[-1] + 5, "inferred": 900_001, "foreign": 950_001}
    # A customer with payments before and after the start of the new version.
    keys["moved"] = env.source.value(
        "SELECT customer_id FROM payment GROUP BY 1 HAVING min(payment_date) < '2007-03-01'"
        " AND max(payment_date) > '2007-04-01' ORDER BY 1 LIMIT 1"
    )
    customers = [key for (key,) in env.source("SELECT customer_id FROM customer ORDER BY 1")]
    others = [key for key in customers if key != keys["moved"]]
    keys |= {
        "married": others[3],
        "removed": others[7],
        "inserted": customers[-1] + 1,
        "unchanged": others[11],
    }
    keys |= {"repriced": env.source.value("SELECT min(film_id) FROM film"), "first": payments[0]}
    night = Night(env, keys)
    env.source(night.sql(HAPPENED))
    for table in TABLES:
        outcome = env.load(table, "--batch-id", NIGHT, as_of="2007-07-01T00:00:00")
        assert env.last_load(table)["is_full"] is False, outcome.err
    assert env.versions("dim_customer", keys["moved"])[1][0] == "2007-03-15 00:00:00"
    keys["night"] = env.warehouse.value("SELECT batch_id FROM etl_batch WHERE run_id = %s", NIGHT)
    env.check_invariants(loads=2)
    return night


@pytest.fixture
def broken(server: Sandbox, lived: Night, tmp_path: Path) -> Iterator[Night]:
    """The same source, and a copy of the warehouse to be broken."""
    server.clone(lived.env.warehouse.database, "broken_night")
    credentials = server.credentials(lived.env.source.database, "broken_night")
    env = replace(
        lived.env,
        warehouse=replace(lived.env.warehouse, database="broken_night"),
        config=write_config(tmp_path / "credentials.json", credentials),
    )
    yield replace(lived, env=env)
    server.drop_database("broken_night")


def copied(key: str, of: str, batch: str = "batch_id") -> str:
    """A copy of a fact under another key."""
    return f"""
        INSERT INTO fact_sales SELECT {key}, payment_date_key, rental_date_key, return_date_key, customer_key,
            staff_key, store_key, movie_key, sales_amount, rental_id, payment_ts, {batch}
        FROM fact_sales WHERE sales_key = {of}
    """


def other(column: str, dimension: str, natural_key: str) -> str:
    """The changed fact gets the key of another member."""
    return f"""
        UPDATE fact_sales SET {column} = (SELECT max(o.{column}) FROM {dimension} d JOIN {dimension} o
            ON o.{natural_key} <> d.{natural_key} WHERE d.{column} = fact_sales.{column})
        WHERE sales_key = {{changed}}
    """


NO_KEY = "ALTER TABLE fact_sales DROP CONSTRAINT fact_sales_pkey;"
#: What the night could have written wrong -> (its statement, the check that finds it, text of the finding).
CORRUPTIONS = {
    "a changed fact's amount": (
        "UPDATE fact_sales SET sales_amount = sales_amount - 1 WHERE sales_key = {changed}",
        "facts",
        "sales_key {changed}: sales_amount is",
    ),
    "a new fact's amount": (
        "UPDATE fact_sales SET sales_amount = 3.01 WHERE sales_key = {new}",
        "facts",
        "sales_key {new}: sales_amount is Decimal('3.01'), in the source Decimal('3.00')",
    ),
    "two new facts swap amounts": (
        """
        UPDATE fact_sales SET sales_amount = 4.00 WHERE sales_key = {new};
        UPDATE fact_sales SET sales_amount = 2.00 WHERE sales_key = {other}
        """,
        "facts",
        "sales_key {other}: sales_amount is",
    ),
    "another customer": (
        other("customer_key", "dim_customer", "customer_id"),
        "facts",
        "{changed}: customer_id is",
    ),
    "another staff member": (other("staff_key", "dim_staff", "staff_id"), "facts", "{changed}: staff_id is"),
    "another store": (other("store_key", "dim_store", "store_id"), "facts", "{changed}: store_id is"),
    "another film": (other("movie_key", "dim_movie", "film_id"), "facts", "{changed}: film_id is"),
    "a customer that does not exist": (
        "UPDATE fact_sales SET customer_key = 99999 WHERE sales_key = {changed}",
        "fact_joins_every_dimension",
        "sales_key {changed}, unmatched_customer_key 99999",
    ),
    "the unknown customer": (
        "UPDATE fact_sales SET customer_key = -1 WHERE sales_key = {new}",
        "facts",
        "{new}: customer_id is -1",
    ),
    "the unknown customer instead of the inferred one": (
        "UPDATE fact_sales SET customer_key = -1 WHERE sales_key = {inferred}",
        "facts",
        "{inferred}: customer_id is -1, in the source 32000",
    ),
    "the version of another time": (
        """
        UPDATE fact_sales SET customer_key = (SELECT customer_key FROM dim_customer WHERE customer_id = {moved}
            AND NOT is_current) WHERE sales_key = (SELECT max(sales_key) FROM fact_sales JOIN dim_customer
            USING (customer_key) WHERE customer_id = {moved} AND is_current)
        """,
        "fact_is_keyed_by_the_version_of_its_time",
        "payment_ts 2007-",
    ),
    "an old fact does not get the key of the new version": (
        """
        UPDATE fact_sales SET batch_id = 1, customer_key = (SELECT customer_key FROM dim_customer
            WHERE customer_id = {moved} AND NOT is_current) WHERE sales_key = (SELECT max(sales_key) FROM fact_sales
            JOIN dim_customer USING (customer_key) WHERE customer_id = {moved} AND is_current)
        """,
        "fact_is_keyed_by_the_version_of_its_time",
        "payment_ts 2007-",
    ),
    "a wrong day of payment": (
        "UPDATE fact_sales SET payment_date_key = 20010101 WHERE sales_key = {changed}",
        "fact_is_keyed_by_the_version_of_its_time",
        "sales_key {changed}",
    ),
    "no day of payment": (
        "UPDATE fact_sales SET payment_date_key = -1 WHERE sales_key = {changed}",
        "facts",
        "{changed}: payment_date_key is -1",
    ),
    "a day that does not exist": (
        "UPDATE fact_sales SET rental_date_key = 20010199 WHERE sales_key = {changed}",
        "fact_joins_every_dimension",
        "unmatched_rental_date_key 20010199",
    ),
    "a wrong day of rental": (
        "UPDATE fact_sales SET rental_date_key = 20010101 WHERE sales_key = {changed}",
        "facts",
        "{changed}: rental_date_key is 20010101",
    ),
    "a wrong day of return": (
        "UPDATE fact_sales SET return_date_key = -2 WHERE sales_key = {changed}",
        "facts",
        "{changed}: return_date_key is -2",
    ),
    "a wrong timestamp": (
        "UPDATE fact_sales SET payment_ts = payment_ts + INTERVAL '1 microsecond' WHERE sales_key = {changed}",
        "facts",
        "{changed}: payment_ts is",
    ),
    "no rental": (
        "UPDATE fact_sales SET rental_id = NULL WHERE sales_key = {changed}",
        "facts",
        "{changed}: rental_id is None",
    ),
    "a new fact is missing": (
        "DELETE FROM fact_sales WHERE sales_key = {new}",
        "facts",
        "sales_key {new} is missing, the source has it",
    ),
    "a changed fact is missing": (
        "DELETE FROM fact_sales WHERE sales_key = {changed}",
        "facts_are_as_many_as_their_load_wrote",
        "rows_now",
    ),
    "an old fact was removed with a deleted one": (
        "DELETE FROM fact_sales WHERE sales_key = {deleted} + 37",
        "ranges_hold_what_their_load_counted",
        "fact_sales, range_no",
    ),
    "a deleted fact still exists": (
        copied("{deleted}", "{untouched}"),
        "facts",
        "sales_key {deleted} is not in the source",
    ),
    "a fact still exists whose whole range was deleted": (
        copied("{lost}", "{untouched}"),
        "facts",
        "sales_key {lost} is not in the source",
    ),
    "a new fact is duplicated": (
        NO_KEY + copied("{new}", "{new}"),
        "keys_are_unique",
        "fact_sales, key_value {new}, times 2",
    ),
    "a changed fact also exists as it was": (
        NO_KEY + copied("{changed}", "{changed}", "1"),
        "keys_are_unique",
        "fact_sales, key_value {changed}, times 2",
    ),
    "a changed fact is duplicated, against the source": (
        NO_KEY + copied("{changed}", "{changed}", "1"),
        "facts",
        "sales_key {changed} occurs 2 times, in the source 1",
    ),
    "a fact of the night has no payment": (
        copied("{foreign}", "{changed}"),
        "facts",
        "sales_key {foreign} is not in the source",
    ),
    "a fact changes its key": (
        "UPDATE fact_sales SET sales_key = {changed} + 1 WHERE sales_key = {changed}",
        "facts",
        "sales_key {changed} is missing, the source has it",
    ),
    "a quarantined payment is a fact as well": (
        copied("{quarantined}", "{untouched}"),
        "ranges_hold_what_their_load_counted",
        "fact_sales, range_no",
    ),
    "a quarantined payment is not recorded": (
        "DELETE FROM etl_reject WHERE natural_key = '{quarantined}'",
        "loads_count_up",
        "rejects 0",
    ),
    "a fact of an unknown run": (
        "UPDATE fact_sales SET batch_id = 999 WHERE sales_key = {new}",
        "rows_name_known_batches",
        "fact_sales, batch_id 999",
    ),
    "a member of an unknown run": (
        "UPDATE dim_customer SET batch_id = 999 WHERE customer_id = {inserted}",
        "rows_name_known_batches",
        "dim_customer, batch_id 999",
    ),
    "a wrong city in a new version": (
        "UPDATE dim_customer SET city = 'Elsewhere' WHERE customer_id = {moved} AND is_current",
        "dim_customer",
        "dim_customer: customer_id {moved}: city is 'Elsewhere', in the source '",
    ),
    "a wrong city in the version that was closed": (
        "UPDATE dim_customer SET city = 'Elsewhere' WHERE customer_id = {moved} AND NOT is_current",
        "row_hash_fits_what_is_tracked",
        "dim_customer, natural_key {moved}",
    ),
    "a wrong name on all versions": (
        "UPDATE dim_customer SET last_name = 'WRONG' WHERE customer_id = {moved}",
        "dim_customer",
        "customer_id {moved}: last_name is 'WRONG', in the source 'MARRIED'",
    ),
    "the old name on the version that was closed": (
        "UPDATE dim_customer SET last_name = 'MAIDEN' WHERE customer_id = {moved} AND NOT is_current",
        "versions_share_what_has_no_history",
        "natural_key {moved}",
    ),
    "a new member is missing": (
        "DELETE FROM dim_customer WHERE customer_id = {inserted}",
        "dim_customer",
        "customer_id {inserted} is missing, the source has it",
    ),
    "a new member is not in the range's count": (
        "DELETE FROM dim_customer WHERE customer_id = {inserted}",
        "ranges_hold_what_their_load_counted",
        "dim_customer, range_no",
    ),
    "a deleted member is not marked deleted": (
        "UPDATE dim_customer SET is_deleted = FALSE WHERE customer_id = {removed}",
        "dim_customer",
        "customer_id {removed} is not in the source",
    ),
    "an existing member is marked deleted": (
        "UPDATE dim_customer SET is_deleted = TRUE WHERE customer_id = {married}",
        "dim_customer",
        "customer_id {married} is missing, the source has it",
    ),
    "a member is deleted twice": (
        "UPDATE dim_customer SET is_deleted = TRUE WHERE customer_id = {removed}",
        "members_are_deleted_once",
        "natural_key {removed}",
    ),
    "a known member is marked inferred": (
        "UPDATE dim_customer SET is_inferred = TRUE WHERE customer_id = {inserted}",
        "dim_customer",
        "customer_id {inserted}: is_inferred is True",
    ),
    "an inferred member has a name": (
        "UPDATE dim_customer SET first_name = 'WHO' WHERE customer_id = 32000",
        "inferred_members_are_known_by_key_only",
        "natural_key 32000",
    ),
    "an inferred member is marked known": (
        "UPDATE dim_customer SET is_inferred = FALSE WHERE customer_id = 32000",
        "dim_customer",
        "customer_id 32000 is not in the source",
    ),
    "a hash is wrong": (
        "UPDATE dim_movie SET row_hash = md5('') WHERE film_id = {repriced} AND is_current",
        "row_hash_fits_what_is_tracked",
        "dim_movie, natural_key {repriced}",
    ),
    "a price is wrong": (
        "UPDATE dim_movie SET rental_rate = 3.99 WHERE film_id = {repriced} AND is_current",
        "dim_movie",
        "film_id {repriced}: rental_rate is Decimal('3.99')",
    ),
    "a film does not have its new category": (
        "UPDATE dim_movie SET category = split_part(category, ', ', 1) WHERE film_id = {repriced} AND is_current",
        "dim_movie.category",
        "film_id {repriced}: category is",
    ),
    "NULL becomes empty": (
        "UPDATE dim_staff SET email = '' WHERE staff_id = 2",
        "dim_staff",
        "staff_id 2: email is '', in the source None",
    ),
    "a store's phone": (
        "UPDATE dim_store SET phone = '2' WHERE store_id = 1 AND is_current",
        "dim_store",
        "store_id 1: phone is '2', in the source '1'",
    ),
    "two versions are current": (
        """
        DROP INDEX dim_customer_current_version;
        UPDATE dim_customer SET is_current = TRUE WHERE customer_id = {moved}
        """,
        "members_have_one_current_version",
        "natural_key {moved}, current_versions 2",
    ),
    "no version is current": (
        "UPDATE dim_movie SET is_current = FALSE WHERE film_id = {repriced}",
        "members_have_one_current_version",
        "natural_key {repriced}, current_versions 0",
    ),
    "two versions overlap": (
        "UPDATE dim_customer SET valid_to = valid_to + INTERVAL '1 s' WHERE customer_id = {moved} AND NOT is_current",
        "versions_follow_each_other",
        "dim_customer, natural_key {moved}",
    ),
    "a gap between two versions": (
        "UPDATE dim_movie SET valid_to = valid_to - INTERVAL '1 s' WHERE film_id = {repriced} AND NOT is_current",
        "versions_follow_each_other",
        "dim_movie, natural_key {repriced}",
    ),
    "a new member does not reach back": (
        "UPDATE dim_customer SET valid_from = '2007-06-12' WHERE customer_id = {inserted}",
        "versions_follow_each_other",
        "dim_customer, natural_key {inserted}",
    ),
    "a key leaves a gap": (
        "UPDATE dim_customer SET customer_key = customer_key + 100 WHERE customer_id = {inserted}",
        "keys_are_dense",
        "dim_customer, versions",
    ),
    "a new version has the key of another member": (
        """
        ALTER TABLE dim_customer DROP CONSTRAINT dim_customer_pkey CASCADE;
        UPDATE dim_customer SET customer_key = 1 WHERE customer_id = {inserted}
        """,
        "keys_are_unique",
        "dim_customer, key_value 1, times 2",
    ),
    "a load's rows do not add up": (
        "UPDATE etl_load SET warehouse_rows = warehouse_rows - 1 WHERE batch_id = {night} AND table_name = 'dim_movie'",
        "loads_count_up",
        "dim_movie",
    ),
    "a load is not recorded": (
        "DELETE FROM etl_load WHERE table_name = 'dim_staff'",
        "tables_name_their_last_load",
        "dim_staff",
    ),
}
#: Corruptions of rows that the loads of the night did not write.
NOT_WRITTEN = (
    "UPDATE fact_sales SET sales_amount = sales_amount - 0.01 WHERE sales_key = {untouched}",
    "DELETE FROM fact_sales WHERE sales_key = {untouched}",
    copied("{untouched} + 1", "{untouched}"),
    "UPDATE fact_sales SET customer_key = 99999 WHERE sales_key = {untouched}",
    "UPDATE fact_sales SET batch_id = -7 WHERE sales_key = {untouched}",
    "UPDATE dim_customer SET city = 'Elsewhere' WHERE customer_id = {unchanged}",
    "UPDATE dim_customer SET is_deleted = TRUE WHERE customer_id = {unchanged}",
    "UPDATE dim_customer SET valid_from = '2001-01-01' WHERE customer_id = {unchanged}",
)


def test_a_correct_night(lived: Night) -> None:
    night, everything = lived.report(), lived.report(None)
    assert (night.findings, night.waiting) == ([], 0)
    assert (everything.findings, everything.waiting) == ([], 0)
    # The totals of facts, and amounts by day, need all facts.
    assert everything.checks - night.checks == 2


@pytest.mark.parametrize("what", CORRUPTIONS)
def test_finds(broken: Night, what: str) -> None:
    statement, check, expected = (broken.sql(text) for text in CORRUPTIONS[what])
    broken.env.warehouse(statement)
    found = broken.findings()
    assert any(line.startswith(f"{check}: ") and expected in line for line in found), found


def test_every_restricted_check_finds_a_corruption_here() -> None:
    of_members = {query for dimension in declared_tables().dimensions for query in dimension.queries}
    never = {"fact_agrees_with_its_last_load", "dimensions_agree_with_their_last_load"}
    always = {"calendar_is_right", "every_dimension_has_unknown"}
    found = {check for _, check, _ in CORRUPTIONS.values()}
    assert found - of_members == {*CHECKS, run.ROWS} - never - always


@pytest.mark.parametrize("statement", NOT_WRITTEN)
def test_rows_that_were_not_written_are_checked_weekly(broken: Night, statement: str) -> None:
    broken.env.warehouse(broken.sql(statement))
    assert broken.findings() == []
    assert broken.findings(None)


@pytest.mark.parametrize("run_id", [BASE, "an unknown run"])
def test_a_run_that_compared_everything_is_checked_in_full(broken: Night, run_id: str) -> None:
    assert broken.report(run_id).checks == broken.report(None).checks
    broken.env.warehouse(broken.sql(NOT_WRITTEN[0]))
    assert broken.findings(run_id) == broken.findings(None)


def test_each_table_is_checked_in_full_where_its_load_was_full(broken: Night) -> None:
    broken.env.warehouse(
        broken.sql(
            "UPDATE etl_load SET is_full = TRUE WHERE table_name = 'dim_customer' AND batch_id = {night};"
            + NOT_WRITTEN[0]
        )
    )
    broken.env.warehouse(broken.sql(NOT_WRITTEN[5]))
    found = broken.findings()
    assert any("dim_customer: customer_id" in line for line in found), found
    assert not any(line.startswith("facts: ") for line in found), found


def test_where_much_was_written_everything_is_checked(broken: Night) -> None:
    broken.env.warehouse(broken.sql(NOT_WRITTEN[0]))
    report = broken.report(NIGHT, VerifyLimits(few_rows=1, few_share=0.0))
    assert report.checks == broken.report(None).checks
    assert any(finding.check == "facts" for finding in report.findings)


@pytest.mark.parametrize(("status", "is_seen"), [("failed", True), ("running", True), ("done", False)])
def test_what_a_failed_run_wrote_is_checked_again(broken: Night, status: str, is_seen: bool) -> None:
    broken.env.warehouse(
        f"""
        UPDATE etl_batch SET status = '{status}' WHERE run_id = '{NIGHT}';
        INSERT INTO etl_batch SELECT batch_id + 1, 'next', as_of, 'running', started_by, code_version, started_at, NULL
        FROM etl_batch WHERE run_id = '{NIGHT}';
        {broken.sql(CORRUPTIONS["a new fact's amount"][0])}
        """
    )
    assert bool(broken.findings("next")) is is_seen


def test_changes_of_the_source_after_the_night_are_no_findings(
    make_environment: MakeEnvironment, lived: Night
) -> None:
    env = make_environment(lived.env.source.database, lived.env.warehouse.database)
    night = replace(lived, env=env)
    for happened in (
        "UPDATE payment SET amount = amount + 1 WHERE payment_id IN ({changed}, {new}, {untouched})",
        "DELETE FROM payment WHERE payment_id IN ({other}, {recustomered})",
        """
        INSERT INTO payment SELECT {new} + 30, customer_id, staff_id, rental_id, 3.00, '2007-06-20'
        FROM payment WHERE payment_id = {untouched}
        """,
        "UPDATE payment SET amount = 1.00 WHERE payment_id = {quarantined}",
        "UPDATE customer SET last_name = 'AGAIN' WHERE customer_id IN ({married}, {inserted})",
        "DELETE FROM customer WHERE customer_id = {inserted}",
        """
        INSERT INTO customer SELECT 32000, store_id, first_name, last_name, email, address_id, activebool,
            create_date, '2007-06-12', active FROM customer WHERE customer_id = {married}
        """,
        "DELETE FROM film_category WHERE film_id = {repriced}",
    ):
        env.source(night.sql(happened))
        assert (happened, night.findings()) == (happened, [])
        assert (happened, night.findings(None)) == (happened, [])
    assert night.report().waiting > 0
    env.warehouse(night.sql("UPDATE fact_sales SET rental_date_key = 20010101 WHERE sales_key = {inferred}"))
    assert any("{inferred}: rental_date_key".format(**night.keys) in line for line in night.findings())
