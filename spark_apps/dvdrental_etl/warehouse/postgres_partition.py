"""A fact's first load on PostgreSQL: rows are written once, to a table that becomes the fact's partition.

physical/postgres.sql makes a fact a partitioned table of one partition. While that is empty, nobody misses it: the load
fills another table beside it, in parallel and with surrogate keys, gives it the fact's keys and indexes, and puts it in
the empty one's place within its publish. The fact keeps its OID, grants, indexes and views.
"""

from typing import Any

from psycopg2.errors import UniqueViolation

from dvdrental_etl.model.targets import Fact
from dvdrental_etl.publish.fact import published

#: What a table to come is called: like its attempt's staging table, with this behind.
SUFFIX = "_rows"


def has_room(cursor: Any, target: Fact) -> bool:
    """Whether the fact is without rows, and of one partition that may be exchanged."""
    cursor.execute(
        """
        SELECT COUNT(*) FROM pg_class c INNER JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relname = %s AND c.relkind = 'p'
        """,
        (target.table,),
    )
    if cursor.fetchone()[0] == 0:
        return False
    cursor.execute(f"SELECT {target.key} FROM {target.table} LIMIT 1")
    return cursor.fetchone() is None


def create(cursor: Any, fact: str, staging: str, batch_id: int) -> None:
    """The table that rows are written to: like the fact, its keys and indexes still to come, but for one."""
    cursor.execute(f"CREATE TABLE {staging}{SUFFIX} (LIKE {fact})")
    index_later_batches(cursor, staging, batch_id)


def index_later_batches(cursor: Any, name: str, batch_id: int) -> None:
    """Index what later batches will write, for verify, while the fact's or the attempt's table is empty.

    The rows of this batch, which are all checked, need no entry.
    (BRIN is smaller, but rows of a night that fill the gaps of others lie in every block range: it reads all.)
    """
    table = f"{name}{SUFFIX}"
    cursor.execute(
        f"CREATE INDEX IF NOT EXISTS {table}_batch_id_idx ON {table} (batch_id) WHERE batch_id > {batch_id}"
    )


def columns(target: Fact) -> tuple[str, ...]:
    """What its rows are made of, in this order."""
    return (*published(target), "batch_id")


def rows(cursor: Any, staging: str) -> int:
    """How many landed."""
    cursor.execute(f"SELECT COUNT(*) FROM {staging}{SUFFIX}")
    return int(cursor.fetchone()[0])


def index(cursor: Any, target: Fact, staging: str) -> bool:
    """Give the table the keys and indexes that its fact has. False, and without any, if a key occurs twice."""
    cursor.execute(
        "SELECT indisprimary, indisunique, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = CAST(%s AS regclass) ORDER BY indisprimary DESC",
        (target.table,),
    )
    for is_primary, is_unique, definition in cursor.fetchall():
        if is_primary:
            cursor.execute("SAVEPOINT keys")
            try:
                cursor.execute(f"ALTER TABLE {staging}{SUFFIX} ADD PRIMARY KEY ({target.key})")
            except UniqueViolation:
                cursor.execute("ROLLBACK TO keys")
                return False
        else:
            unique = "UNIQUE " if is_unique else ""
            form = definition.split(" USING ", 1)[1]
            cursor.execute(f"CREATE {unique}INDEX ON {staging}{SUFFIX} USING {form}")
    return True


def take_over(cursor: Any, target: Fact, staging: str) -> None:
    """Put the table in the place of the fact's empty partition. Readers wait for the rest of the transaction."""
    old = f"{target.table}{SUFFIX}"
    cursor.execute(f"ALTER TABLE {target.table} DETACH PARTITION {old}")
    cursor.execute(f"DROP TABLE {old}")
    cursor.execute(f"ALTER TABLE {staging}{SUFFIX} RENAME TO {old}")
    cursor.execute(
        "SELECT c.relname FROM pg_index i INNER JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = CAST(%s AS regclass)",
        (old,),
    )
    for (name,) in cursor.fetchall():
        cursor.execute(f"ALTER INDEX {name} RENAME TO {name.replace(staging, target.table)}")
    cursor.execute(
        f"ALTER TABLE {target.table} ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO (MAXVALUE)"
    )
