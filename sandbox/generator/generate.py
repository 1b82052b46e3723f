"""Generate schema and data of a rental business like dvdrental, at any scale; the same for the same seed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from string import Template

import pyarrow as pa
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from sandbox.generator import catalogue, people, trade, words
from sandbox.generator.arrow import row_ranges, to_csv
from sandbox.generator.draw import Draw, Ints
from sandbox.generator.sizes import CITIES, COUNTRIES, Sizes
from sandbox.progress import Progress

SCHEMA = Path(__file__).parents[1] / "schema"
CHUNK_ROWS = 200_000

MakeRows = Callable[[Sizes, Draw, Ints], pa.Table]


def tables(sizes: Sizes) -> dict[str, tuple[MakeRows, int]]:
    """For each table the function that makes its rows, and the number of rows (for film_actor: of films)."""
    return {
        "language": (catalogue.language, len(words.LANGUAGES)),
        "category": (catalogue.category, len(words.CATEGORIES)),
        "actor": (catalogue.actor, sizes.actors),
        "film": (catalogue.film, sizes.films),
        "film_actor": (catalogue.film_actor, sizes.films),
        "film_category": (catalogue.film_category, sizes.films),
        "country": (people.country, COUNTRIES),
        "city": (people.city, CITIES),
        "address": (people.address, sizes.addresses),
        "store": (people.store, sizes.stores),
        "staff": (people.staff, sizes.staff),
        "customer": (people.customer, sizes.customers),
        "inventory": (catalogue.inventory, sizes.inventory),
        "rental": (trade.rental, sizes.rentals),
        "payment": (trade.payment, sizes.payments),
    }


def generate(connection: Connection, sizes: Sizes, seed: int, progress: Progress) -> None:
    """Create schema and data in the connected, empty database, in one transaction.

    The connection must be in autocommit mode: the transaction begins and ends here.
    """
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SET LOCAL search_path = public")
        cursor.execute(Template((SCHEMA / "tables.sql").read_text()).substitute(sizes.key_types))
        for table, (make_rows, count) in tables(sizes).items():
            with progress.step(table) as add_rows:
                for chunk in chunks(make_rows, count, sizes, Draw(seed)):
                    add_rows(copy(cursor, table, chunk))
        with progress.step("keys and indexes"):
            cursor.execute((SCHEMA / "keys.sql").read_text())
        cursor.execute("COMMIT")


def chunks(
    make_rows: MakeRows, count: int, sizes: Sizes, draw: Draw, size: int = CHUNK_ROWS
) -> Iterator[tuple[list[str], bytes]]:
    """Column names and CSV of each chunk of rows. A chunk is made while the server loads the one before."""

    def make(rows: Ints) -> tuple[list[str], bytes]:
        table = make_rows(sizes, draw, rows)
        return table.column_names, to_csv(table)

    with ThreadPoolExecutor(max_workers=1) as ahead:
        waiting = None
        for rows in row_ranges(count, size):
            following = ahead.submit(make, rows)
            if waiting:
                yield waiting.result()
            waiting = following
        if waiting:
            yield waiting.result()


def copy(cursor: Cursor, table: str, chunk: tuple[list[str], bytes]) -> int:
    """COPY one chunk into `table`; the number of its rows. FREEZE: the table was created in this transaction."""
    columns, rows = chunk
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT csv, FREEZE)"
    cursor.copy_expert(statement, io.BytesIO(rows), size=1 << 20)
    return cursor.rowcount
