"""DuckDB with its postgres extension: both databases attached, one INSERT ... SELECT, binary COPY on both sides."""

from pathlib import Path

import duckdb
import duckdb_extension_postgres_scanner

from benchmarks.contenders.star import COLUMNS, CREATE_KEYS, NATURAL_KEYS, REPLACE_TABLE, Database, databases

EXTENSION = next(Path(duckdb_extension_postgres_scanner.__path__[0]).rglob("*.duckdb_extension"))
DAY = "CAST(year({0}) * 10000 + month({0}) * 100 + day({0}) AS INTEGER)"
#: Dimension, its natural key, and the alias of the source table that has it: payment or inventory.
LOOKUPS = tuple(
    (name, key, "p" if name in ("customer", "staff") else "i") for name, key in NATURAL_KEYS.items()
)


def attach(connection: duckdb.DuckDBPyConnection, name: str, database: Database, options: str) -> None:
    """Attach a database; its password is a secret of this process."""
    parts = database.libpq()
    connection.execute(
        f"CREATE SECRET {name}_secret (TYPE postgres, HOST '{parts['host']}', PORT {parts['port']},"
        f" DATABASE '{parts['dbname']}', USER '{parts['user']}', PASSWORD '{parts['password']}')"
    )
    connection.execute(f"ATTACH '' AS {name} (TYPE postgres, SECRET {name}_secret{options})")


def select(source: Database, warehouse: Database) -> str:
    """The query for the facts, in the order and types of the columns."""
    lookups = "\n".join(
        f"LEFT JOIN warehouse.{warehouse.schema}.dim_{name} {name} ON {name}.{natural} = {owner}.{natural}"
        f" AND p.payment_date >= {name}.valid_from AND p.payment_date < {name}.valid_to"
        for name, natural, owner in LOOKUPS
    )
    return f"""
SELECT
    p.payment_id, COALESCE({DAY.format("p.payment_date")}, -1), COALESCE({DAY.format("r.rental_date")}, -1),
    CASE WHEN r.rental_id IS NOT NULL AND r.return_date IS NULL THEN -2
        ELSE COALESCE({DAY.format("r.return_date")}, -1) END,
    COALESCE(customer_key, -1), COALESCE(staff_key, -1), COALESCE(store_key, -1), COALESCE(movie_key, -1),
    p.amount, p.rental_id, p.payment_date, 1
FROM source.{source.schema}.payment p
LEFT JOIN source.{source.schema}.rental r ON r.rental_id = p.rental_id
LEFT JOIN source.{source.schema}.inventory i ON i.inventory_id = r.inventory_id
{lookups}"""


def main() -> None:
    """Load the table."""
    source, warehouse = databases()
    with duckdb.connect() as connection:
        connection.execute(f"LOAD '{EXTENSION}'")
        connection.execute("SET preserve_insertion_order = false")
        attach(connection, "source", source, ", READ_ONLY")
        attach(connection, "warehouse", warehouse, "")

        def in_warehouse(*statements: str) -> None:
            text = "; ".join((f"SET search_path TO {warehouse.schema}", *statements)).replace("'", "''")
            connection.execute(f"CALL postgres_execute('warehouse', '{text}')")

        in_warehouse(*REPLACE_TABLE)
        connection.execute(
            f"INSERT INTO warehouse.{warehouse.schema}.fact_sales ({', '.join(COLUMNS)}) {select(source, warehouse)}"
        )
        in_warehouse(*CREATE_KEYS)


if __name__ == "__main__":
    main()
