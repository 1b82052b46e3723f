"""What Redshift gets to create its tables, compared with the design that a DBA reads."""

import re

from dvdrental_etl.warehouse.redshift_design import statements

EXPECTED = {
    "dim_customer": "DISTKEY (customer_key) SORTKEY (customer_key)",
    "dim_date": "DISTSTYLE ALL SORTKEY (date_key)",
    "dim_movie": "DISTSTYLE ALL SORTKEY (movie_key)",
    "dim_staff": "DISTSTYLE ALL SORTKEY (staff_key)",
    "dim_store": "DISTSTYLE ALL SORTKEY (store_key)",
    "etl_batch": "DISTSTYLE ALL",
    "etl_load": "DISTSTYLE ALL",
    "etl_lock": "",
    "etl_range": "SORTKEY (table_name, source_name, range_no)",
    "etl_reject": "",
    "fact_sales": "DISTKEY (customer_key) SORTKEY (payment_date_key)",
}


def test_a_table_is_created_with_its_design_and_never_altered():
    created = {}
    for statement in statements():
        assert not statement.startswith("ALTER")
        if found := re.match(r"CREATE TABLE IF NOT EXISTS (\w+) \(\n.*\n\)(.*)$", statement, re.S):
            created[found[1]] = found[2].strip()
    assert created == EXPECTED
