"""Which columns each column of the star is made of: the generated file."""

import json

import pytest
from pyspark.sql import functions as F

from dvdrental_etl.model.source_tables import SourceTable
from tools.generate_lineage import FILE, origins, source_frame, text


def test_the_file_is_current(spark):
    assert FILE.read_text(encoding="utf-8") == text(spark), "run `make generate`"


def test_the_tables_that_a_load_reads_and_writes():
    tables = json.loads(FILE.read_text(encoding="utf-8"))
    assert set(tables["dim_store"]["source"]) == {"store", "staff", "address", "city", "country"}
    assert set(tables["dim_store"]["warehouse"]) == {"dim_store"}
    assert set(tables["fact_sales"]["source"]) == {"payment", "rental", "inventory"}
    dimensions = {"dim_customer", "dim_movie", "dim_staff", "dim_store"}
    assert set(tables["fact_sales"]["warehouse"]) == {"fact_sales"} | dimensions
    assert tables["fact_sales"]["warehouse"]["fact_sales"]["sales_amount"] == "numeric(5,2)"
    assert "picture" not in tables["dim_staff"]["source"]["staff"]


SAME, MADE = "IDENTITY", "TRANSFORMATION"


@pytest.mark.parametrize(
    ("table", "column", "expected"),
    [
        ("dim_customer", "city", {"source.city.city": SAME}),
        ("dim_customer", "customer_key", {}),
        ("dim_movie", "language", {"source.language.name": SAME}),
        ("dim_movie", "category", {"source.category.name": MADE}),
        ("dim_store", "manager_last_name", {"source.staff.last_name": SAME}),
        (
            "dim_movie",
            "valid_from",
            {
                f"source.{name}.last_update": MADE
                for name in ("film", "language", "film_category", "category")
            },
        ),
        ("fact_sales", "sales_amount", {"source.payment.amount": SAME}),
        ("fact_sales", "return_date_key", {"source.rental.return_date": MADE}),
        (
            "fact_sales",
            "movie_key",
            {
                "source.inventory.film_id": MADE,
                "warehouse.dim_movie.film_id": MADE,
                "warehouse.dim_movie.movie_key": SAME,
            },
        ),
    ],
)
def test_where_a_column_comes_from(table, column, expected):
    assert json.loads(FILE.read_text(encoding="utf-8"))[table]["origins"][column] == expected


def test_a_table_that_is_joined_twice_and_a_column_made_in_two_steps(spark):
    staff = source_frame(
        spark, SourceTable("staff", "staff_id bigint, boss_id bigint, name string", key="staff_id")
    )
    bosses = staff.select(F.col("staff_id").alias("boss_id"), F.upper("name").alias("boss"))
    frame = staff.join(bosses, "boss_id", how="left").select(
        F.col("name").alias("employee"), F.concat("boss", F.lit("!")).alias("boss"), F.lit(1).alias("one")
    )
    assert origins(frame) == {
        "employee": {"source.staff.name": SAME},
        "boss": {"source.staff.name": MADE},
        "one": {},
    }
