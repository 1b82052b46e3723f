"""verify: no finding on a correct warehouse, and a finding for each corruption of one."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dvdrental_etl import config
from dvdrental_etl.verify import run
from dvdrental_etl.verify.checks import CHECKS
from dvdrental_etl.verify.limits import VerifyLimits
from dvdrental_etl.verify.report import Report
from dvdrental_etl.verify.tables import Dimension, declared_tables
from sandbox.server import Sandbox
from tests.support.environment import Environment
from tests.support.jobs import Outcome, write_config
from tests.support.servers import MakeEnvironment

#: What happened to the business between loads: by night, and the flags of its load.
NIGHTS = {
    "2007-07-01T00:00:00": (
        """
        ALTER TABLE payment ALTER amount DROP NOT NULL, ALTER rental_id DROP NOT NULL;
        UPDATE address SET district = 'Moved', address2 = '', last_update = '2007-06-10' WHERE address_id < 12;
        UPDATE customer SET active = 1 - active, last_update = '2007-06-11' WHERE customer_id IN (3, 4, 5);
        DELETE FROM customer WHERE customer_id IN (8, 9);
        UPDATE film SET rental_rate = 9.99, last_update = '2007-06-12' WHERE film_id IN (1, 2);
        UPDATE film SET rental_rate = -1, last_update = '2007-06-12' WHERE film_id = 7;
        INSERT INTO payment VALUES (90001, 888, 1, 1, 2.00, '2007-06-20'), (90002, 1, 1, 1, NULL, '2007-06-20'),
            (90003, 1, 1, NULL, 3.00, '2007-06-20');
        """,
        (),
    ),
    "2007-08-01T00:00:00": (
        """
        INSERT INTO customer SELECT 8, store_id, first_name, last_name, email, address_id, activebool, create_date,
            '2007-07-05', active FROM customer WHERE customer_id = 1;
        UPDATE customer SET last_name = 'ODD "NAME"', last_update = '2007-07-06' WHERE customer_id = 3;
        UPDATE address SET city_id = city_id + 1, last_update = '2007-07-07' WHERE address_id BETWEEN 8 AND 20;
        UPDATE staff SET email = NULL, active = FALSE, last_update = '2007-07-08' WHERE staff_id = 2;
        DELETE FROM payment WHERE payment_id IN (17504, 17505);
        UPDATE payment SET amount = amount + 1 WHERE payment_id = 17506;
        """,
        ("--full-refresh",),
    ),
    "2007-09-01T00:00:00": (
        """
        UPDATE address SET address = 'Back \\ "there"', last_update = '2007-08-05' WHERE address_id = 9;
        UPDATE film SET rental_rate = 4.99, special_features = NULL, last_update = '2007-08-06' WHERE film_id = 2;
        INSERT INTO film_category SELECT 4, category_id, '2007-08-07' FROM category
            WHERE category_id NOT IN (SELECT category_id FROM film_category WHERE film_id = 4) LIMIT 2;
        DELETE FROM film_category WHERE film_id = 5;
        DELETE FROM customer WHERE customer_id = 10;
        """,
        (),
    ),
}


def swapped(column: str) -> str:
    """Two facts change places in one column: every sum of it stays the same."""
    return f"""
        UPDATE fact_sales f SET {column} = o.{column} FROM fact_sales o
        WHERE (f.sales_key, o.sales_key) IN (
            SELECT a.sales_key, b.sales_key FROM (
                SELECT a.sales_key AS one, b.sales_key AS two FROM fact_sales a JOIN fact_sales b
                    ON b.sales_key > a.sales_key AND a.sales_key >> 10 = b.sales_key >> 10
                    AND a.{column} <> b.{column}
                WHERE a.sales_key BETWEEN 17510 AND 17540 ORDER BY 1, 2 LIMIT 1
            ) pair
            JOIN fact_sales a ON a.sales_key IN (one, two)
            JOIN fact_sales b ON b.sales_key IN (one, two) AND b.sales_key <> a.sales_key
        )
    """


#: Corruption -> (its statement, the check that finds it, text of the finding).
CORRUPTIONS = {
    "a cent is lost": (
        "UPDATE fact_sales SET sales_amount = sales_amount - 0.01 WHERE sales_key = 17503",
        "facts",
        "sales_key 17503: sales_amount is",
    ),
    "the money of a day is not the source's": (
        "UPDATE fact_sales SET sales_amount = sales_amount - 0.01 WHERE sales_key = 90001",
        "payments_per_day",
        "day 2007-06-20: amount is",
    ),
    "the money is not what the load counted": (
        "UPDATE fact_sales SET sales_amount = sales_amount - 0.01 WHERE sales_key = 17503",
        "fact_agrees_with_its_last_load",
        "amount_now",
    ),
    "a cent moves from one fact to another": (
        """
        UPDATE fact_sales SET sales_amount = sales_amount + CASE sales_key WHEN 17510 THEN 0.01 ELSE -0.01 END
        WHERE sales_key IN (17510, 17511)
        """,
        "facts",
        "sales_key 17511: sales_amount is",
    ),
    "a fact claims to be of the last load": (
        """
        UPDATE fact_sales SET batch_id = (
            SELECT batch_id FROM etl_load WHERE table_name = 'fact_sales' ORDER BY load_id DESC LIMIT 1
        ) WHERE sales_key = 17503
        """,
        "facts_are_as_many_as_their_load_wrote",
        "rows_written 0, rows_now 1",
    ),
    "a fact is lost": ("DELETE FROM fact_sales WHERE sales_key = 17503", "facts", "17503 is missing"),
    "a fact is duplicated": (
        (
            "ALTER TABLE fact_sales DROP CONSTRAINT fact_sales_pkey; INSERT INTO fact_sales SELECT * "
            "FROM fact_sales WHERE sales_key = 17503"
        ),
        "keys_are_unique",
        "key_value 17503, times 2",
    ),
    "a fact is duplicated, against the source": (
        (
            "ALTER TABLE fact_sales DROP CONSTRAINT fact_sales_pkey; INSERT INTO fact_sales SELECT * "
            "FROM fact_sales WHERE sales_key = 17503"
        ),
        "facts",
        "sales_key 17503 occurs 2 times, in the source 1",
    ),
    "a fact has no payment": (
        """
        INSERT INTO fact_sales SELECT 17504, payment_date_key, rental_date_key, return_date_key, customer_key,
            staff_key, store_key, movie_key, sales_amount, rental_id, payment_ts, batch_id
        FROM fact_sales WHERE sales_key = 17503
        """,
        "facts",
        "sales_key 17504 is not in the source",
    ),
    "a fact of a range that the source does not have": (
        """
        INSERT INTO fact_sales SELECT 990001, payment_date_key, rental_date_key, return_date_key, customer_key,
            staff_key, store_key, movie_key, sales_amount, rental_id, payment_ts, batch_id
        FROM fact_sales WHERE sales_key = 17503
        """,
        "facts",
        "sales_key 990001 is not in the source",
    ),
    "a fact changes its key": (
        "UPDATE fact_sales SET sales_key = 17504 WHERE sales_key = 17503",
        "facts",
        "17504 is not in the source",
    ),
    "a quarantined payment is a fact as well": (
        """
        INSERT INTO fact_sales SELECT 90002, payment_date_key, rental_date_key, return_date_key, customer_key,
            staff_key, store_key, movie_key, sales_amount, rental_id, payment_ts, batch_id
        FROM fact_sales WHERE sales_key = 17503
        """,
        "ranges_hold_what_their_load_counted",
        "fact_sales, range_no 87, rows_then 3, rows_now 4",
    ),
    "two facts swap customers": (swapped("customer_key"), "facts", "customer_id is"),
    "two facts swap staff": (swapped("staff_key"), "facts", "staff_id is"),
    "two facts swap stores": (swapped("store_key"), "facts", "store_id is"),
    "two facts swap films": (swapped("movie_key"), "facts", "film_id is"),
    "two facts swap amounts": (swapped("sales_amount"), "facts", "sales_amount is"),
    "two facts swap rentals": (swapped("rental_id"), "facts", "rental_id is"),
    "two facts swap days of rental": (swapped("rental_date_key"), "facts", "rental_date_key is"),
    "a fact has the wrong customer": (
        "UPDATE fact_sales SET customer_key = -1 WHERE sales_key = 17503",
        "facts",
        "customer_id is -1, in the source",
    ),
    "a fact has the wrong day": (
        "UPDATE fact_sales SET payment_date_key = payment_date_key + 1 WHERE sales_key = 17503",
        "fact_is_keyed_by_the_version_of_its_time",
        "sales_key 17503",
    ),
    "a fact has no day": (
        "UPDATE fact_sales SET payment_date_key = -1 WHERE sales_key = 17503",
        "facts",
        "17503: payment_date_key is -1",
    ),
    "a fact has the wrong day of rental": (
        "UPDATE fact_sales SET rental_date_key = 20010101 WHERE sales_key = 17503",
        "facts",
        "17503: rental_date_key is 20010101",
    ),
    "a fact has the wrong day of return": (
        "UPDATE fact_sales SET return_date_key = 20010101 WHERE sales_key = 17503",
        "facts",
        "17503: return_date_key is 20010101",
    ),
    "an unknown return becomes an open rental": (
        "UPDATE fact_sales SET return_date_key = -2 WHERE sales_key = 90003",
        "facts",
        "90003: return_date_key is -2, in the source -1",
    ),
    "a fact is a second late": (
        "UPDATE fact_sales SET payment_ts = payment_ts - INTERVAL '1 second' WHERE sales_key = 17503",
        "facts",
        "17503: payment_ts is",
    ),
    "a fact loses its rental": (
        "UPDATE fact_sales SET rental_id = NULL WHERE sales_key = 17503",
        "facts",
        "17503: rental_id is None",
    ),
    "a fact has a version of another time": (
        """
        UPDATE fact_sales f SET customer_key = d.customer_key
        FROM dim_customer o JOIN dim_customer d USING (customer_id)
        WHERE f.customer_key = o.customer_key AND d.valid_from > o.valid_from AND d.is_current
        """,
        "fact_is_keyed_by_the_version_of_its_time",
        "sales_key",
    ),
    "a fact's customer is lost": (
        "DELETE FROM dim_customer WHERE customer_id = 1",
        "fact_joins_every_dimension",
        "unmatched_customer_key",
    ),
    "a fact's day is lost": (
        "DELETE FROM dim_date WHERE date_key = (SELECT min(payment_date_key) FROM fact_sales)",
        "fact_joins_every_dimension",
        "unmatched_payment_date_key 2",
    ),
    "a wrong city in a current member": (
        "UPDATE dim_customer SET city = 'Elsewhere' WHERE customer_id = 20 AND is_current",
        "dim_customer",
        "dim_customer: customer_id 20: city is 'Elsewhere', in the source '",
    ),
    "a wrong city in an old version": (
        "UPDATE dim_customer SET city = 'Elsewhere' WHERE customer_id = 3 AND valid_from < '1900-01-02'",
        "row_hash_fits_what_is_tracked",
        "dim_customer, natural_key 3",
    ),
    "NULL becomes empty": (
        "UPDATE dim_staff SET email = '' WHERE staff_id = 2",
        "dim_staff",
        "staff_id 2: email is '', in the source None",
    ),
    "empty becomes NULL": (
        "UPDATE dim_store SET address2 = NULL WHERE is_current",
        "dim_store",
        "address2 is None, in the source ''",
    ),
    "a wrong name on an old version": (
        "UPDATE dim_customer SET last_name = 'WRONG' WHERE customer_id = 3 AND NOT is_current",
        "versions_share_what_has_no_history",
        "natural_key 3, version_key 3, column_names last_name",
    ),
    "a wrong name on all versions": (
        "UPDATE dim_customer SET last_name = 'WRONG' WHERE customer_id = 3",
        "dim_customer",
        "last_name is 'WRONG', in the source 'ODD \"NAME\"'",
    ),
    "a wrong date of a customer": (
        "UPDATE dim_customer SET create_date = create_date + 1 WHERE customer_id = 20",
        "dim_customer",
        "customer_id 20: create_date is",
    ),
    "a member that exists is marked deleted": (
        "UPDATE dim_customer SET is_deleted = TRUE WHERE customer_id = 20",
        "dim_customer",
        "customer_id 20 is missing, the source has it",
    ),
    "a deleted member is not marked deleted": (
        "UPDATE dim_customer SET is_deleted = FALSE WHERE customer_id = 9 AND is_current",
        "dim_customer",
        "customer_id 9 is not in the source",
    ),
    "a known member is marked inferred": (
        "UPDATE dim_customer SET is_inferred = TRUE WHERE customer_id = 20",
        "dim_customer",
        "customer_id 20: is_inferred is True, in the source False",
    ),
    "an inferred member has a name": (
        "UPDATE dim_customer SET first_name = 'WHO' WHERE customer_id = 888",
        "inferred_members_are_known_by_key_only",
        "dim_customer, natural_key 888",
    ),
    "an inferred member is marked known": (
        "UPDATE dim_customer SET is_inferred = FALSE WHERE customer_id = 888",
        "dim_customer",
        "customer_id 888 is not in the source",
    ),
    "a hash is wrong": (
        "UPDATE dim_movie SET row_hash = md5('something') WHERE film_id = 30",
        "row_hash_fits_what_is_tracked",
        "dim_movie, natural_key 30",
    ),
    "a hash of a store is wrong": (
        "UPDATE dim_store SET row_hash = md5('something') WHERE store_id = 2",
        "row_hash_fits_what_is_tracked",
        "dim_store, natural_key 2",
    ),
    "a price is wrong": (
        "UPDATE dim_movie SET rental_rate = 3.99 WHERE film_id = 30 AND is_current",
        "dim_movie",
        "film_id 30: rental_rate is Decimal('3.99')",
    ),
    "a film loses a category": (
        "UPDATE dim_movie SET category = split_part(category, ', ', 1) WHERE film_id = 4 AND is_current",
        "dim_movie.category",
        "film_id 4: category is",
    ),
    "a film's features lose their order": (
        """
        UPDATE dim_movie SET special_features = split_part(special_features, ', ', 2) || ', '
            || split_part(special_features, ', ', 1) WHERE special_features LIKE '%, %'
        """,
        "dim_movie",
        "special_features is",
    ),
    "a film without facts is lost": (
        """
        DELETE FROM dim_movie WHERE movie_key = (SELECT max(movie_key) FROM dim_movie
            WHERE movie_key NOT IN (SELECT movie_key FROM fact_sales)
            AND film_id IN (SELECT film_id FROM dim_movie GROUP BY 1 HAVING count(*) = 1))
        """,
        "dimensions_agree_with_their_last_load",
        "dim_movie",
    ),
    "a store has another's manager": (
        "UPDATE dim_store SET manager_first_name = 'Nobody' WHERE store_id = 1",
        "dim_store",
        "store_id 1: manager_first_name is 'Nobody'",
    ),
    "a staff member is active": (
        "UPDATE dim_staff SET active = TRUE WHERE staff_id = 2 AND is_current",
        "dim_staff",
        "staff_id 2: active is True, in the source False",
    ),
    "two versions are current": (
        "DROP INDEX dim_customer_current_version; UPDATE dim_customer SET is_current = TRUE WHERE customer_id = 3",
        "members_have_one_current_version",
        "natural_key 3, current_versions",
    ),
    "no version is current": (
        "UPDATE dim_movie SET is_current = FALSE WHERE film_id = 1",
        "members_have_one_current_version",
        "natural_key 1, current_versions 0",
    ),
    "two versions overlap": (
        (
            "UPDATE dim_customer SET valid_to = valid_to + INTERVAL '1 second' WHERE customer_id = 3 "
            "AND valid_from < '1900-01-02'"
        ),
        "versions_follow_each_other",
        "dim_customer, natural_key 3",
    ),
    "a gap between two versions": (
        (
            "UPDATE dim_customer SET valid_to = valid_to - INTERVAL '1 second' WHERE customer_id = 3 "
            "AND valid_from < '1900-01-02'"
        ),
        "versions_follow_each_other",
        "dim_customer, natural_key 3",
    ),
    "a first version does not reach back": (
        "UPDATE dim_staff SET valid_from = '2001-01-01' WHERE staff_id = 1 AND valid_from < '1900-01-02'",
        "versions_follow_each_other",
        "dim_staff, natural_key 1",
    ),
    "a version ends before it begins": (
        "UPDATE dim_movie SET valid_to = '1899-01-01', is_current = FALSE WHERE film_id = 30",
        "versions_follow_each_other",
        "dim_movie, natural_key 30",
    ),
    "a member is deleted twice": (
        "UPDATE dim_customer SET is_deleted = TRUE WHERE customer_id = 9",
        "members_are_deleted_once",
        "natural_key 9",
    ),
    "an old version is lost": (
        "DELETE FROM dim_movie WHERE film_id = 2 AND NOT is_current",
        "keys_are_dense",
        "dim_movie, versions",
    ),
    "a key is negative": (
        "UPDATE dim_movie SET movie_key = -5 WHERE film_id = 30",
        "keys_are_dense",
        "dim_movie, versions",
    ),
    "member -1 is lost": (
        "DELETE FROM dim_movie WHERE movie_key = -1",
        "every_dimension_has_unknown",
        "dim_movie",
    ),
    "member -2 of the calendar is lost": (
        "DELETE FROM dim_date WHERE date_key = -2",
        "every_dimension_has_unknown",
        "dim_date, member_key -2",
    ),
    "a day without facts is lost": (
        "DELETE FROM dim_date WHERE date_key = 20500101",
        "calendar_is_right",
        "date_key 36524",
    ),
    "a day of the week is wrong": (
        "UPDATE dim_date SET iso_weekday = 3 WHERE date_key = 20240226",
        "calendar_is_right",
        "date_key 20240226",
    ),
    "a row of an unknown run": (
        "UPDATE fact_sales SET batch_id = 999 WHERE sales_key = 17503",
        "rows_name_known_batches",
        "batch_id 999",
    ),
    "the loads of a table are not recorded": (
        "DELETE FROM etl_load WHERE table_name = 'dim_staff'",
        "tables_name_their_last_load",
        "dim_staff",
    ),
    "a load's rows do not add up": (
        "UPDATE etl_load SET rows_read = rows_read - 1 WHERE table_name = 'dim_movie' AND is_full",
        "loads_count_up",
        "dim_movie",
    ),
    "a load's money does not add up": (
        "UPDATE etl_load SET warehouse_amount = warehouse_amount - 0.01 WHERE table_name = 'fact_sales'",
        "loads_count_up",
        "fact_sales",
    ),
    "a quarantined payment is not recorded": (
        "DELETE FROM etl_reject WHERE natural_key = '90002'",
        "facts",
        "90002 is missing, the source has it",
    ),
    "a quarantined film is not recorded": (
        "DELETE FROM etl_reject WHERE natural_key = '7'",
        "dim_movie",
        "film_id 7: rental_rate is",
    ),
    "a range is not recorded": (
        "DELETE FROM etl_range WHERE table_name = 'dim_customer' AND source_name = 'customer'",
        "ranges_hold_what_their_load_counted",
        "dim_customer, range_no 0, rows_then 0",
    ),
}


def report(env: Environment) -> Report:
    return run.examine(config.load(env.config, {}))


def findings(env: Environment) -> list[str]:
    return [f"{found.check}: {found.detail}" for found in report(env).findings]


@pytest.fixture(scope="module")
def lived(make_environment: MakeEnvironment, source_template: str, warehouse_template: str) -> Environment:
    """A source and a warehouse with a history: moves, deletions, returns, inferred members, quarantine."""
    env = make_environment(source_template, warehouse_template)
    env.check_invariants()
    for as_of, (happened, flags) in NIGHTS.items():
        env.source(happened)
        outcomes = env.load_all(*flags, as_of=as_of)
        assert_quarantined(outcomes)
        env.check_invariants()
        assert findings(env) == [], as_of
    return env


def assert_quarantined(outcomes: dict[str, Outcome]) -> None:
    for table in ("dim_movie", "fact_sales"):
        assert "1 quarantined" in outcomes[table].out


@pytest.fixture
def broken(server: Sandbox, lived: Environment, tmp_path: Path) -> Iterator[Environment]:
    """The same source, and a copy of the warehouse to be broken."""
    server.clone(lived.warehouse.database, "broken")
    credentials = server.credentials(lived.source.database, "broken")
    yield replace(
        lived,
        warehouse=replace(lived.warehouse, database="broken"),
        config=write_config(tmp_path / "credentials.json", credentials),
    )
    server.drop_database("broken")


@pytest.fixture
def live(make_environment: MakeEnvironment, lived: Environment) -> Environment:
    """A copy of both sides, to be changed."""
    return make_environment(lived.source.database, lived.warehouse.database)


@pytest.mark.parametrize("what", CORRUPTIONS)
def test_finds(broken: Environment, what: str) -> None:
    statement, check, text = CORRUPTIONS[what]
    broken.warehouse(statement)
    found = findings(broken)
    assert any(line.startswith(f"{check}: ") and text in line for line in found), found


@pytest.mark.parametrize(
    ("dimension", "query"), [(d, query) for d in declared_tables().dimensions for query in d.queries]
)
def test_finds_a_missing_member(broken: Environment, dimension: Dimension, query: str) -> None:
    table, key = dimension.name, dimension.natural_key
    member = broken.warehouse.value(
        f"""
        UPDATE {table} SET is_deleted = TRUE WHERE {dimension.key} = (
            SELECT max({dimension.key}) FROM {table} WHERE is_current AND NOT is_deleted AND NOT is_inferred
        ) RETURNING {key}
        """
    )
    assert f"{query}: {table}: {key} {member} is missing, the source has it" in findings(broken)


def test_every_other_check_finds_a_corruption_here() -> None:
    of_members = {query for dimension in declared_tables().dimensions for query in dimension.queries}
    # The sums of ranges only decide which rows are compared.
    others = {*CHECKS} | {*run.FACT_QUERIES} - {run.RANGES}
    assert {check for _, check, _ in CORRUPTIONS.values()} - of_members == others


#: Changes of the source after the load: statement -> how many rows of the star are then waiting.
AFTERWARDS = {
    # Payments: inserts, one in the range of the quarantined payment; updates; deletions.
    """
    INSERT INTO payment VALUES (90004, 1, 1, 1, 5.00, '2007-09-02'), (95000, 1, 1, 1, 5.00, '2007-09-02');
    UPDATE payment SET amount = amount + 0.01 WHERE payment_id = 17512;
    UPDATE payment SET customer_id = 2 WHERE payment_id = 17513 AND customer_id <> 2;
    DELETE FROM payment WHERE payment_id IN (17514, 17515, 17516);
    """: 7,
    # A quarantined payment is corrected, and a loaded one becomes invalid.
    "UPDATE payment SET amount = 7.00 WHERE payment_id = 90002": 1,
    "UPDATE payment SET amount = NULL WHERE payment_id = 90001": 1,
    # Rentals: one is returned, one is deleted, a copy moves to the other store.
    "UPDATE rental SET return_date = '2007-09-03' WHERE rental_id = (SELECT rental_id FROM payment"
    " WHERE payment_id = 17520)": None,
    "DELETE FROM rental WHERE rental_id = (SELECT rental_id FROM payment WHERE payment_id = 17521)": None,
    "UPDATE inventory SET store_id = 3 - store_id WHERE inventory_id = (SELECT inventory_id FROM rental JOIN payment"
    " USING (rental_id) WHERE payment_id = 17522)": None,
    # Customers: an insert, a move, a deletion, the inferred one arrives; a city is deleted.
    """
    INSERT INTO customer SELECT id, store_id, first_name, last_name, email, address_id, activebool, create_date,
        '2007-09-02', active FROM customer, (VALUES (700), (888)) AS new (id) WHERE customer_id = 1;
    UPDATE customer SET store_id = 3 - store_id WHERE customer_id = 11;
    DELETE FROM customer WHERE customer_id = 12;
    """: 4,
    "DELETE FROM city WHERE city_id = (SELECT city_id FROM address JOIN customer USING (address_id)"
    " WHERE customer_id = 13)": None,
    # Films: an insert, an update, a deletion, a category is removed, and the quarantined film is corrected.
    """
    INSERT INTO film (film_id, title, language_id, last_update, fulltext) VALUES (5001, 'NEW', 1, '2007-09-02', '');
    UPDATE film SET rental_rate = 1.23 WHERE film_id = 11;
    DELETE FROM film WHERE film_id = 12;
    DELETE FROM film_category WHERE film_id = 13;
    UPDATE film SET rental_rate = 1.23 WHERE film_id = 7;
    """: 5,
    "UPDATE staff SET last_name = 'Married' WHERE staff_id = 1": None,
}


def test_source_changes_are_waiting_and_corruptions_are_found(
    live: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = 0
    for happened, rows in AFTERWARDS.items():
        live.source(happened)
        found = report(live)
        assert (happened, found.findings) == (happened, [])
        assert found.waiting == waiting + rows if rows else found.waiting > waiting, happened
        waiting = found.waiting
    assert run.main([str(live.config)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{waiting} rows changed in the source since the load; the next load will bring them",
        "verify: 26 checks, 0 findings",
    ]
    # Each of these is in a range with rows that changed in the source.
    live.warehouse(
        """
        UPDATE fact_sales SET sales_amount = sales_amount - 0.01 WHERE sales_key = 17530;
        UPDATE fact_sales SET sales_amount = sales_amount + 0.01 WHERE sales_key = 17531;
        UPDATE fact_sales SET rental_date_key = 20010101 WHERE sales_key = 17532;
        UPDATE dim_customer SET city = 'Elsewhere' WHERE customer_id = 20;
        UPDATE dim_movie SET category = 'Wrong' WHERE film_id = 30;
        UPDATE dim_movie SET language = '' WHERE film_id = 31;
        """
    )
    assert run.main([str(live.config)]) == 5
    out = capsys.readouterr().out
    for text in (
        "facts: fact_sales: sales_key 17530: sales_amount is",
        "facts: fact_sales: sales_key 17531: sales_amount is",
        "facts: fact_sales: sales_key 17532: rental_date_key is",
        "dim_customer: dim_customer: customer_id 20: city is",
        "dim_movie: dim_movie: film_id 31: language is",
        "payments_per_day: ",
    ):
        assert text in out, out
    live.warehouse("DELETE FROM fact_sales WHERE sales_key = 17533")
    assert "facts: fact_sales: sales_key 17533 is missing, the source has it" in findings(live)


def test_a_wrong_category_where_no_category_was_removed(live: Environment) -> None:
    live.source("UPDATE film SET rental_rate = 1.23 WHERE film_id = 11; DELETE FROM film WHERE film_id = 12")
    live.warehouse("UPDATE dim_movie SET category = 'Wrong' WHERE film_id = 30")
    assert any("film_id 30: category is 'Wrong'" in line for line in findings(live))


def test_an_extra_fact_among_deleted_payments(live: Environment) -> None:
    live.source("DELETE FROM payment WHERE payment_id IN (17514, 17515)")
    live.warehouse("UPDATE fact_sales SET sales_key = 17504 WHERE sales_key = 17530")
    found = findings(live)
    assert "facts: fact_sales: sales_key 17504 is not in the source" in found
    assert "facts: fact_sales: sales_key 17530 is missing, the source has it" in found


def test_the_next_load_brings_waiting_rows(live: Environment) -> None:
    live.source(next(iter(AFTERWARDS)))
    assert report(live).waiting
    live.load("fact_sales", as_of="2007-10-01T00:00:00")
    assert (report(live).findings, report(live).waiting) == ([], 0)


def test_a_film_that_was_always_in_quarantine_and_its_rentals(live: Environment) -> None:
    live.source(
        """
        INSERT INTO film (film_id, title, language_id, rental_rate, last_update, fulltext)
            VALUES (5001, 'NEW', 1, -1, '2007-09-02', '');
        INSERT INTO inventory VALUES (90001, 5001, 1, '2007-09-02');
        INSERT INTO rental VALUES (90001, '2007-09-02', 90001, 1, NULL, 1, '2007-09-02');
        INSERT INTO payment VALUES (90010, 1, 1, 90001, 1.00, '2007-09-02');
        """
    )
    live.load_all(as_of="2007-10-01T00:00:00")
    assert (report(live).findings, report(live).waiting) == ([], 0)
    live.warehouse("UPDATE fact_sales SET movie_key = -1 WHERE sales_key = 90010")
    assert findings(live) == ["facts: fact_sales: sales_key 90010: film_id is -1, in the source 5001"]


def test_another_source_is_compared_and_no_difference_is_excused(live: Environment) -> None:
    assert findings(live) == []
    live.source("UPDATE customer SET store_id = 3 - store_id WHERE customer_id = 11")
    assert findings(live) == []
    live.warehouse(
        "UPDATE etl_load SET source_identity = replace(source_identity, 'database ', 'database 1')"
    )
    (found,) = findings(live)
    assert found.startswith("dim_customer: dim_customer: customer_id 11: store_id is")


def test_many_findings_are_counted(live: Environment) -> None:
    live.warehouse("UPDATE fact_sales SET rental_date_key = 20010101")
    limits = VerifyLimits(findings_shown=2)
    found = [
        f.detail
        for f in run.examine(config.load(live.config, {}), None, limits).findings
        if f.check == "facts"
    ]
    assert len(found) == 2 + 1
    facts = live.warehouse.value("SELECT count(*) FROM fact_sales")
    assert found[-1] == f"these are the first 2 of {facts} differences"


def test_a_source_of_views_is_compared(live: Environment) -> None:
    live.source(
        """
        ALTER TABLE language RENAME TO language_stored;
        CREATE VIEW language AS SELECT * FROM language_stored;
        GRANT SELECT ON language TO etl_reader;
        """
    )
    live.load("dim_movie", as_of="2007-10-01T00:00:00")
    assert findings(live) == []
    live.warehouse("UPDATE dim_movie SET language = 'None' WHERE film_id = 30")
    assert any("film_id 30: language is 'None'" in line for line in findings(live))


def test_only_what_was_loaded_is_compared(empty: Environment) -> None:
    empty.load("dim_staff")
    found = report(empty)
    assert (found.findings, found.checks) == ([], len(CHECKS) + 1)


@pytest.mark.parametrize(("side", "code"), [("source", 4), ("warehouse", 7)])
def test_a_side_that_cannot_be_reached(
    broken: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str], side: str, code: int
) -> None:
    credentials = json.loads(broken.config.read_text())
    config = write_config(tmp_path / "wrong.json", credentials, **{side: {"password": "wrong"}})
    assert run.main([str(config)]) == code
    out = capsys.readouterr().err
    assert out.startswith(f"verify: error: {side} 127.0.0.1:")
    assert "cannot be reached" in out
    config = write_config(tmp_path / "empty.json", credentials, **{side: {"schema": "nothing"}})
    assert run.main([str(config)]) == code
    assert "does not exist" in capsys.readouterr().err
