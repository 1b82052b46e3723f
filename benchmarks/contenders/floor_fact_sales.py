"""The floor: the join in the source itself, its rows piped from COPY to COPY. Surrogate keys are brought there first."""

import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import psycopg2

from benchmarks.contenders.star import COLUMNS, FRESH, KEYS, Database, databases
from sandbox.binaries import client_environment, wheel_install

PSQL = str(wheel_install() / "bin" / "psql")
MEMBERS = (
    ("customer", "customer_id"),
    ("staff", "staff_id"),
    ("store", "store_id"),
    ("movie", "film_id"),
)
DAY = "CAST(date_part('year', {0}) * 10000 + date_part('month', {0}) * 100 + date_part('day', {0}) AS integer)"


def psql(database: Database, home: Path, *arguments: str) -> list[str]:
    """psql's command line for a database; the password is in a file."""
    parts = database.libpq()
    place = f"host={parts['host']} port={parts['port']} dbname={parts['dbname']} user={database.user}"
    options = f"passfile={home / 'pgpass'} options='-c search_path={database.schema}'"
    return [PSQL, "-qX", "-v", "ON_ERROR_STOP=1", "-d", f"{place} {options}", *arguments]


def write_source_script(script: BinaryIO, warehouse: Database) -> None:
    """Bring the dimensions' keys, then join and give out."""
    script.write(b"SET work_mem = '512MB';\n")
    with closing(psycopg2.connect(**warehouse.libpq())) as connection, connection.cursor() as cursor:
        for name, natural in MEMBERS:
            script.write(
                f"CREATE TEMP TABLE bench_{name}"
                f" ({name}_key bigint, {natural} integer, valid_from timestamp, valid_to timestamp);\n"
                f"COPY bench_{name} FROM STDIN;\n".encode()
            )
            query = f"SELECT {name}_key, {natural}, valid_from, valid_to FROM dim_{name}"
            cursor.copy_expert(f"COPY ({query}) TO STDOUT", script)
            script.write(f"\\.\nANALYZE bench_{name};\n".encode())
    script.write(f"COPY ({join()}) TO STDOUT (FORMAT binary);\n".encode())


def join() -> str:
    """The facts, in the columns' order and types."""
    lookups = "\n".join(
        f"LEFT JOIN bench_{name} {name} ON {name}.{natural} = {owner}.{natural}"
        f" AND p.payment_date >= {name}.valid_from AND p.payment_date < {name}.valid_to"
        for (name, natural), owner in zip(MEMBERS, ("p", "p", "i", "i"), strict=True)
    )
    return f"""
SELECT
    CAST(p.payment_id AS bigint), COALESCE({DAY.format("p.payment_date")}, -1),
    COALESCE({DAY.format("r.rental_date")}, -1),
    CASE WHEN r.rental_id IS NOT NULL AND r.return_date IS NULL THEN -2
        ELSE COALESCE({DAY.format("r.return_date")}, -1) END,
    COALESCE(customer_key, -1), COALESCE(staff_key, -1), COALESCE(store_key, -1), COALESCE(movie_key, -1),
    p.amount, CAST(p.rental_id AS bigint), p.payment_date, CAST(1 AS bigint)
FROM payment p
LEFT JOIN rental r ON r.rental_id = p.rental_id
LEFT JOIN inventory i ON i.inventory_id = r.inventory_id
{lookups}"""  # noqa: S608 - our own text


def main() -> None:
    source, warehouse = databases()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "pgpass").touch(mode=0o600)
        (home / "pgpass").write_text(f"*:*:*:{source.user}:{source.password}\n*:*:*:{warehouse.user}:{warehouse.password}\n")
        script = home / "source.sql"
        with script.open("wb") as file:
            write_source_script(file, warehouse)
        # One transaction: rows that enter a table of its own need no log, and no second look at who wrote them.
        copy = f"\\copy fact_sales ({', '.join(COLUMNS)}) FROM pstdin (FORMAT binary, FREEZE)"
        statements = ("BEGIN", *FRESH, copy, "SET maintenance_work_mem = '512MB'", *KEYS, "COMMIT")
        target = psql(warehouse, home, *(word for text in statements for word in ("-c", text)))
        giver = subprocess.Popen(psql(source, home, "-f", str(script)), stdout=subprocess.PIPE, env=client_environment())
        taker = subprocess.run(target, stdin=giver.stdout, env=client_environment(), check=False)
        if giver.wait() or taker.returncode:
            raise SystemExit("psql failed")


if __name__ == "__main__":
    main()
