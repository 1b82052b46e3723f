"""The adapter of a configured warehouse."""

from dvdrental_etl.config import Settings
from dvdrental_etl.warehouse.base import Warehouse


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse by its kind, not connected yet. Each adapter's drivers are imported only where it is used."""
    if settings.warehouse.kind == "redshift":
        from dvdrental_etl.warehouse.redshift import Redshift

        return Redshift(settings)
    from dvdrental_etl.warehouse.postgres import Postgres

    return Postgres(settings)
