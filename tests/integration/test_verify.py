"""verify: silent on a sound warehouse, and loud about each thing that somebody breaks in one."""

import pytest
from lab import ROOT, Lab

from dvdrental_etl import settings, verify

CORRUPTIONS = {
    "a fact is lost": ("DELETE FROM fact_sales WHERE sales_key = 17503", "fact_agrees_with_its_last_load"),
    "a cent is lost": (
        "UPDATE fact_sales SET sales_amount = sales_amount - 0.01 WHERE sales_key = 17503",
        "fact_agrees_with_its_last_load",
    ),
    "a customer is lost": (
        (
            "DELETE FROM dim_customer WHERE customer_id = (SELECT customer_id FROM dim_customer "
            "JOIN fact_sales USING (customer_key) LIMIT 1)"
        ),
        "fact_joins_every_dimension",
    ),
    "a day is lost": (
        "DELETE FROM dim_date WHERE date_key = (SELECT min(payment_date_key) FROM fact_sales)",
        "fact_joins_every_dimension",
    ),
    "a fact has the wrong day": (
        "UPDATE fact_sales SET payment_date_key = payment_date_key + 1 WHERE sales_key = 17503",
        "fact_is_keyed_by_the_version_of_its_time",
    ),
    "a fact has a version of another time": (
        "UPDATE dim_store SET valid_from = '2007-12-01' WHERE store_id = 1",
        "fact_is_keyed_by_the_version_of_its_time",
    ),
    "a first version does not reach back": (
        "UPDATE dim_staff SET valid_from = '2001-01-01' WHERE staff_id = 1",
        "versions_follow_each_other",
    ),
    "a version ends before it begins": (
        "UPDATE dim_movie SET valid_to = '1899-01-01', is_current = FALSE WHERE film_id = 1",
        "versions_follow_each_other",
    ),
    "two versions overlap": (
        (
            "INSERT INTO dim_store SELECT 99, store_id, address, address2, district, city, country, postal_code, "
            "phone, manager_staff_id, manager_first_name, manager_last_name, '2007-01-01', valid_to, "
            "FALSE, FALSE, FALSE, '', 1 FROM dim_store WHERE store_id = 1"
        ),
        "versions_follow_each_other",
    ),
    "nobody is current": (
        "UPDATE dim_movie SET is_current = FALSE WHERE film_id = 1",
        "members_have_one_current_version",
    ),
    "a key occurs twice": (
        (
            "ALTER TABLE fact_sales DROP CONSTRAINT fact_sales_pkey; INSERT INTO fact_sales SELECT * "
            "FROM fact_sales WHERE sales_key = 17503"
        ),
        "keys_are_unique",
    ),
    "member -1 is lost": ("DELETE FROM dim_movie WHERE movie_key = -1", "every_dimension_has_unknown"),
    "member -2 of the calendar is lost": (
        "DELETE FROM dim_date WHERE date_key = -2",
        "every_dimension_has_unknown",
    ),
    "a film without facts is lost": (
        (
            "DELETE FROM dim_movie WHERE movie_key = (SELECT max(movie_key) FROM dim_movie "
            "WHERE movie_key NOT IN (SELECT movie_key FROM fact_sales))"
        ),
        "dimensions_agree_with_their_last_load",
    ),
    "a row of a run that never was": (
        "UPDATE fact_sales SET batch_id = 999 WHERE sales_key = 17503",
        "rows_name_known_batches",
    ),
}


def findings(lab: Lab) -> list[str]:
    return sorted({found.check for found in verify.run(settings.load(lab.config, {}))})


@pytest.mark.parametrize("what", CORRUPTIONS)
def test_finds(lab: Lab, what: str) -> None:
    statement, check = CORRUPTIONS[what]
    lab.warehouse(statement)
    assert check in findings(lab)


def test_sound_warehouse_with_a_history(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert findings(lab) == []
    # Moves, deletions, early facts, quarantine: none of them is a fault.
    lab.source("ALTER TABLE payment ALTER amount DROP NOT NULL")
    lab.source(
        """
        UPDATE address SET district = 'Moved', last_update = '2007-06-10' WHERE address_id < 12;
        DELETE FROM customer WHERE customer_id IN (8, 9);
        INSERT INTO payment VALUES (90001, 888, 1, 1, 2.00, '2007-06-20'), (90002, 1, 1, 1, NULL, '2007-06-20');
        """
    )
    lab.load_all(as_of="2007-07-01T00:00:00")
    lab.check_invariants()
    assert findings(lab) == []
    assert verify.main([str(lab.config)]) == 0
    assert f"{len(verify.CHECKS)} checks, 0 findings" in capsys.readouterr().out
    lab.warehouse("UPDATE fact_sales SET batch_id = 999 WHERE sales_key = 17503")
    assert verify.main([str(lab.config)]) == 5
    assert "batch_id 999" in capsys.readouterr().out


def test_money_that_changes_beside_a_quarantined_payment(lab: Lab) -> None:
    lab.source("ALTER TABLE payment ALTER payment_date DROP NOT NULL")
    lab.source("INSERT INTO payment VALUES (90001, 1, 1, 1, 4.56, NULL)")
    lab.load("fact_sales")
    assert findings(lab) == []
    lab.warehouse("UPDATE fact_sales SET sales_amount = sales_amount + 0.01 WHERE sales_key = 17503")
    assert findings(lab) == ["fact_agrees_with_its_last_load"]


def test_every_check_is_run_and_every_check_is_broken_here() -> None:
    files = {path.stem for path in (ROOT / "sql_scripts" / "verify").glob("*.sql")}
    assert set(verify.CHECKS) == files
    assert {check for _, check in CORRUPTIONS.values()} == files
