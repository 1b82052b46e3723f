"""PostgreSQL alone: the join in the source, its rows piped from COPY to COPY, one stream per core.

Surrogate keys are copied to the source first, into temporary tables.
"""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import psycopg2

from benchmarks.contenders.star import (
    COLUMNS,
    CREATE_KEYS,
    NATURAL_KEYS,
    REPLACE_TABLE,
    Database,
    databases,
    execute,
)
from sandbox.binaries import client_environment, wheel_install

PSQL = str(wheel_install() / "bin" / "psql")
#: Dimension, its natural key, and the alias of the source table that has it: payment or inventory.
LOOKUPS = tuple(
    (name, key, "p" if name in ("customer", "staff") else "i") for name, key in NATURAL_KEYS.items()
)
#: The key of a day, by its position in an array of all days: cheaper than date arithmetic.
DAY = "(CAST(:'days' AS integer[]))[CAST({} AS date) - DATE '1969-12-31']"


def psql(database: Database, home: Path, *arguments: str) -> list[str]:
    """psql's command line for a database; the password is in a file."""
    parts = database.libpq()
    address = f"host={parts['host']} port={parts['port']} dbname={parts['dbname']} user={database.user}"
    options = f"passfile={home / 'pgpass'} options='-c search_path={database.schema}'"
    return [PSQL, "-qX", "-v", "ON_ERROR_STOP=1", "-d", f"{address} {options}", *arguments]


def write_keys(script: BinaryIO, warehouse: Database) -> None:
    """Write the psql script that copies the dimensions' keys into the source."""
    with closing(psycopg2.connect(**warehouse.libpq())) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(date_key ORDER BY date) FROM dim_date WHERE date IS NOT NULL")
        ((days,),) = cursor.fetchall()
        script.write(f"SET work_mem = '512MB';\n\\set days '{{{','.join(map(str, days))}}}'\n".encode())
        for name, natural, _ in LOOKUPS:
            script.write(
                f"CREATE TEMP TABLE bench_{name}"
                f" ({name}_key bigint, {natural} integer, valid_from timestamp, valid_to timestamp);\n"
                f"COPY bench_{name} FROM STDIN;\n".encode()
            )
            query = f"SELECT {name}_key, {natural}, valid_from, valid_to FROM dim_{name}"
            cursor.copy_expert(f"COPY ({query}) TO STDOUT", script)
            script.write(f"\\.\nANALYZE bench_{name};\n".encode())


def join(first: int, last: int) -> str:
    """The facts of a range of payments, in the columns' order and types."""
    lookups = "\n".join(
        f"LEFT JOIN bench_{name} {name} ON {name}.{natural} = {owner}.{natural}"
        f" AND p.payment_date >= {name}.valid_from AND p.payment_date < {name}.valid_to"
        for name, natural, owner in LOOKUPS
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
{lookups}
WHERE p.payment_id BETWEEN {first} AND {last}"""


def ranges(source: Database, count: int) -> list[tuple[int, int]]:
    """The range of payment keys, in parts of about the same size."""
    ((lowest, highest),) = execute(source, "SELECT min(payment_id), max(payment_id) FROM payment")
    bounds = [lowest + (highest + 1 - lowest) * part // count for part in range(count + 1)]
    return [(low, following - 1) for low, following in pairwise(bounds)]


def copy(source: Database, warehouse: Database, home: Path, parts: Sequence[tuple[int, int]]) -> None:
    """Run two psql for each part: one writes the rows to a pipe, the other reads them."""
    with (home / "keys.sql").open("wb") as keys:
        write_keys(keys, warehouse)
    into = f"COPY fact_sales ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"
    running = []
    for first, last in parts:
        script = home / f"{first}.sql"
        script.write_text(f"COPY ({join(first, last)}) TO STDOUT (FORMAT binary);\n")
        sender_command = psql(source, home, "-f", str(home / "keys.sql"), "-f", str(script))
        sender = subprocess.Popen(sender_command, stdout=subprocess.PIPE, env=client_environment())
        assert sender.stdout
        with sender.stdout as rows:  # closed here, so that the sender notices when the receiver ends
            running += [
                sender,
                subprocess.Popen(psql(warehouse, home, "-c", into), stdin=rows, env=client_environment()),
            ]
    codes = [process.wait() for process in running]
    if any(codes):
        raise SystemExit("psql failed")


def main() -> None:
    """Load the table."""
    source, warehouse = databases()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "pgpass").touch(mode=0o600)
        (home / "pgpass").write_text(
            "".join(f"*:*:*:{one.user}:{one.password}\n" for one in (source, warehouse))
        )
        execute(warehouse, *REPLACE_TABLE)
        copy(source, warehouse, home, ranges(source, os.cpu_count() or 1))
        execute(warehouse, "SET maintenance_work_mem = '512MB'", *CREATE_KEYS)


if __name__ == "__main__":
    main()
