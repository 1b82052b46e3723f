"""The plain design's dim_movie."""

from pyspark.sql import functions as F

from benchmarks.contenders.plain import Plain

TRACKED = ("rental_duration", "rental_rate", "replacement_cost", "rating", "category")


def main() -> None:
    """Load the table."""
    plain = Plain("dim_movie")
    languages = plain.extract("language").select("language_id", F.trim("name").alias("language"))
    categories = (
        plain.extract("film_category")
        .join(plain.extract("category").select("category_id", "name"), "category_id", how="left")
        .groupBy("film_id")
        .agg(F.array_join(F.array_sort(F.collect_list("name")), ", ").alias("category"))
    )
    movies = (
        plain.extract("film")
        .join(languages, "language_id", how="left")
        .join(categories, "film_id", how="left")
        .select(
            *(
                "film_id",
                "title",
                "description",
                "release_year",
                "language",
                "rental_duration",
                "rental_rate",
            ),
            *("length", "replacement_cost", "rating", "category"),
            F.array_join(F.array_sort("special_features"), ", ").alias("special_features"),
        )
    )
    plain.append_members(movies, "dim_movie", "film_id", TRACKED)
    plain.spark.stop()


if __name__ == "__main__":
    main()
