"""The address, city and country that customers, stores and staff share."""

from typing import TYPE_CHECKING

from dvdrental_etl.model.source_tables import SourceTable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LOCATION = ("address", "address2", "district", "city", "country", "postal_code", "phone")


def location_of(table: str) -> tuple[SourceTable, ...]:
    """The source tables of a location, joined to a table by its column address_id."""
    return (
        SourceTable(
            "address",
            "address_id bigint, address string, address2 string, district string, city_id bigint, postal_code string,"
            " phone string, last_update timestamp",
            key="address_id",
            joined_on=f"{table}.address_id",
        ),
        SourceTable(
            "city",
            "city_id bigint, city string, country_id bigint, last_update timestamp",
            key="city_id",
            joined_on="address.city_id",
        ),
        SourceTable(
            "country",
            "country_id bigint, country string, last_update timestamp",
            key="country_id",
            joined_on="city.country_id",
        ),
    )


def locations(address: "DataFrame", city: "DataFrame", country: "DataFrame") -> "DataFrame":
    """One row per address_id: the columns of LOCATION, and located_at, when any of them last changed.

    Left joins, so that an address without a city stays.
    """
    from pyspark.sql import functions as F

    cities = city.withColumnRenamed("last_update", "city_updated")
    countries = country.withColumnRenamed("last_update", "country_updated")
    return (
        address.join(cities, "city_id", how="left")
        .join(countries, "country_id", how="left")
        .select(
            "address_id",
            *LOCATION,
            F.greatest("last_update", "city_updated", "country_updated").alias("located_at"),
        )
    )
