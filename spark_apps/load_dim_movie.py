"""Load dim_movie. Grain: one row per version of a film (SCD2)."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dvdrental_etl.model.rules import Rule, warn
from dvdrental_etl.model.sentinels import NESTED
from dvdrental_etl.model.source_tables import SourceTable
from dvdrental_etl.model.targets import Scd2Dimension
from dvdrental_etl.pipeline import job

SOURCES = (
    SourceTable(
        "film",
        "film_id bigint, title string, description string, release_year int, language_id bigint,"
        " rental_duration smallint, rental_rate decimal(4,2), length smallint, replacement_cost decimal(5,2),"
        " rating string, special_features array<string>, last_update timestamp",
        key="film_id",
    ),
    SourceTable(
        "language",
        "language_id bigint, name string, last_update timestamp",
        key="language_id",
        joined_on="film.language_id",
    ),
    SourceTable(
        "film_category",
        "film_id bigint, category_id bigint, last_update timestamp",
        key="film_id",
        joined_on="film.film_id",
    ),
    SourceTable(
        "category",
        "category_id bigint, name string, last_update timestamp",
        key="category_id",
        joined_on="film_category.category_id",
    ),
)

TARGET = Scd2Dimension(
    table="dim_movie",
    natural_key="film_id",
    # What changes a report: the terms of rental, and how films are grouped.
    tracked=("rental_duration", "rental_rate", "replacement_cost", "rating", "category"),
    rules=(
        warn("rating", "one of G, PG, PG-13, R, NC-17", "rating NOT IN ('G', 'PG', 'PG-13', 'R', 'NC-17')"),
        warn("release_year", "1901 to 2155", "release_year NOT BETWEEN 1901 AND 2155"),
        warn("rental_duration", "1 day or more", "rental_duration < 1"),
        warn("length", "1 minute or more", "length < 1"),
        Rule("special_features", "one list", f"special_features LIKE '{NESTED}%'"),
        Rule("rental_rate", "0.00 or more", "rental_rate < 0"),
        Rule("replacement_cost", "0.00 or more", "replacement_cost < 0"),
    ),
)


def transform(
    film: DataFrame, language: DataFrame, film_category: DataFrame, category: DataFrame
) -> DataFrame:
    """Give each film its language and its categories.

    A film may have several categories or none, so they are joined to one text per film first: no film multiplies.
    """
    categories = (
        film_category.withColumnRenamed("last_update", "assigned_at")
        .join(category, "category_id", how="left")
        .groupBy("film_id")
        .agg(
            # Without a name to join, the text would be empty, not missing.
            F.when(F.count("name") > 0, F.array_join(F.array_sort(F.collect_list("name")), ", ")).alias(
                "category"
            ),
            F.greatest(F.max("assigned_at"), F.max("last_update")).alias("categorized_at"),
        )
    )
    languages = language.select(
        "language_id", F.col("name").alias("language"), F.col("last_update").alias("named_at")
    )
    return (
        film.join(languages, "language_id", how="left")
        .join(categories, "film_id", how="left")
        .select(
            "film_id",
            "title",
            "description",
            "release_year",
            "language",
            "rental_duration",
            "rental_rate",
            "length",
            "replacement_cost",
            "rating",
            "category",
            F.array_join(F.array_sort("special_features"), ", ").alias("special_features"),
            F.greatest("last_update", "named_at", "categorized_at").alias("changed_at"),
        )
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the load; an error ends the process with its exit code."""
    with job.start(TARGET, __doc__, argv) as run:
        run.load(SOURCES, transform)


if __name__ == "__main__":
    main()
