"""A fact's first load on PostgreSQL: each row is written once, to a table that becomes the fact's partition.

physical/postgres.sql makes a fact a partitioned table with one partition. While that is empty, it can be replaced: the
load fills another table, in parallel and with surrogate keys, builds the fact's keys and indexes on it, and attaches it
in place of the empty one within the publish. The fact keeps its OID, grants, indexes and views.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from psycopg2.errors import UniqueViolation

from dvdrental_etl.db.cursor import Cursor, only_value
from dvdrental_etl.model.targets import Fact
from dvdrental_etl.staging import copy
from dvdrental_etl.staging.copy import CopyTarget, KeyedTarget
from dvdrental_etl.staging.results import Staged
from dvdrental_etl.staging.send import Outgoing
from dvdrental_etl.staging.surrogate_keys import Keying
from dvdrental_etl.warehouse.base import Warehouse

#: A partition is named like its fact, and a new one like the attempt's staging table, with this suffix.
SUFFIX = "_rows"


def has_room(cursor: Cursor, target: Fact) -> bool:
    """Whether the fact is partitioned and without rows, so that its partition may be replaced."""
    cursor.execute(
        """
        SELECT COUNT(*) FROM pg_class c INNER JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relname = %s AND c.relkind = 'p'
        """,
        (target.table,),
    )
    if only_value(cursor) == 0:
        return False
    cursor.execute(f"SELECT {target.key} FROM {target.table} LIMIT 1")
    return cursor.fetchone() is None


def explain_partition(cursor: Cursor, fact: str) -> None:
    """Say in the comment of a fact's partition, if it has one, that the fact is what to read."""
    cursor.execute(
        "SELECT c.relname FROM pg_inherits i INNER JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = CAST(%s AS regclass)",
        (fact,),
    )
    for (name,) in cursor.fetchall():
        cursor.execute(f"COMMENT ON TABLE {name} IS 'The rows of {fact}: read {fact} instead.'")


@dataclass(frozen=True)
class PartitionLoad:
    """The first load of a fact into a new partition. A DirectLoad.

    copy_target: COPY into a table of the warehouse, by its name and columns.
    """

    warehouse: Warehouse
    copy_target: Callable[[str, Sequence[str]], CopyTarget]
    target: Fact
    staging: str
    batch_id: int

    @property
    def table(self) -> str:
        """The new table."""
        return self.staging + SUFFIX

    def create(self, cursor: Cursor) -> None:
        """Create the new table like the fact; its keys and indexes follow, except for the one on batch_id.

        Two first loads that begin together would both create the index on the empty partition: the second one waits.
        """
        cursor.execute(f"LOCK TABLE {self.target.table + SUFFIX} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(f"CREATE TABLE {self.table} (LIKE {self.target.table})")
        self._index_later_batches(cursor, self.target.table + SUFFIX)
        self._index_later_batches(cursor, self.table)

    def _index_later_batches(self, cursor: Cursor, table: str) -> None:
        """Index the rows that later batches will write, for verify, while the table is empty.

        The rows of this batch, which are all checked, need no entry. (BRIN is smaller, but a night's rows that fill
        the gaps of others lie in every block range, and then it reads all.)
        """
        cursor.execute(
            f"CREATE INDEX IF NOT EXISTS {table}_batch_id_idx ON {table} (batch_id)"
            f" WHERE batch_id > {self.batch_id}"
        )

    def stage(self, outgoing: Outgoing) -> Staged:
        """Write the rows with surrogate keys. Facts whose member is missing go to the staging table."""
        columns = (*self.target.published, "batch_id")
        with self.warehouse.transaction() as cursor:
            versions = {one.natural_key: copy.read_versions(cursor, one) for one in self.target.lookups}
        to = KeyedTarget(
            partition=self.copy_target(self.table, columns),
            staging=self.copy_target(self.staging, [column.name for column in self.target.staging]),
        )
        return copy.stage_keyed(outgoing, Keying(self.target.event, versions, columns, self.batch_id), to)

    def build_keys(self, cursor: Cursor) -> bool:
        """Give the new table the fact's keys and indexes. False, and none of them, if a key is not unique."""
        cursor.execute(
            "SELECT indisprimary, indisunique, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = CAST(%s AS regclass) ORDER BY indisprimary DESC",
            (self.target.table,),
        )
        for is_primary, is_unique, definition in cursor.fetchall():
            if is_primary:
                cursor.execute("SAVEPOINT keys")
                try:
                    cursor.execute(f"ALTER TABLE {self.table} ADD PRIMARY KEY ({self.target.key})")
                except UniqueViolation:
                    cursor.execute("ROLLBACK TO keys")
                    return False
            else:
                unique = "UNIQUE " if is_unique else ""
                form = definition.split(" USING ", 1)[1]
                cursor.execute(f"CREATE {unique}INDEX ON {self.table} USING {form}")
        return True

    def row_count(self, cursor: Cursor) -> int:
        """How many rows the new table has."""
        cursor.execute(f"SELECT COUNT(*) FROM {self.table}")
        return int(only_value(cursor))

    def attach(self, cursor: Cursor) -> None:
        """Replace the fact's empty partition by the new table. Readers wait for the rest of the transaction."""
        fact, old = self.target.table, self.target.table + SUFFIX
        cursor.execute(f"ALTER TABLE {fact} DETACH PARTITION {old}")
        cursor.execute(f"DROP TABLE {old}")
        cursor.execute(f"ALTER TABLE {self.table} RENAME TO {old}")
        cursor.execute(
            "SELECT c.relname FROM pg_index i INNER JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE i.indrelid = CAST(%s AS regclass)",
            (old,),
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER INDEX {name} RENAME TO {name.replace(self.staging, fact)}")
        cursor.execute(f"ALTER TABLE {fact} ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO (MAXVALUE)")
        explain_partition(cursor, fact)
