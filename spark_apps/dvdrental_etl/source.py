"""JDBC extract: column lists with explicit types, partitions by size, and one snapshot for all of a job's reads."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any

import psycopg2

from dvdrental_etl.errors import ContractError, SourceError, first_line
from dvdrental_etl.settings import Database
from dvdrental_etl.targets import Counted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: Declared type -> (the type that the source casts to, the source's types that it takes without loss).
#: "enum" stands for any enum; a domain counts as its base type; integers that do not fit make the source refuse.
TYPES: Mapping[str, tuple[str, frozenset[str]]] = {
    "smallint": ("int2", frozenset({"int2", "int4", "int8"})),
    "int": ("int4", frozenset({"int2", "int4", "int8"})),
    "bigint": ("int8", frozenset({"int2", "int4", "int8"})),
    "string": ("text", frozenset({"text", "varchar", "bpchar", "enum"})),
    "boolean": ("bool", frozenset({"bool"})),
    "date": ("date", frozenset({"date"})),
    "timestamp": ("timestamp", frozenset({"timestamp", "timestamptz"})),
    "decimal": ("numeric", frozenset({"numeric"})),
    "array<string>": ("text[]", frozenset({"_text", "_varchar"})),
}
BYTES_PER_PARTITION = 32 * 1024 * 1024
MOST_CONNECTIONS = 8

_COLUMN = re.compile(r"\s*(\w+) ((?:\w|<|>)+)(\(\d+,\d+\))?\s*(?:,|$)")


@dataclass(frozen=True)
class Table:
    """A source table and the columns that a job reads of it.

    columns: "customer_id int, amount decimal(5,2), ..." with the names of TYPES.
    split_by: the integer primary key by which a big table is read in parallel.
    """

    name: str
    columns: str
    split_by: str | None = None

    @property
    def types(self) -> Mapping[str, tuple[str, str]]:
        """Column name -> (declared type, its "(precision,scale)" or "")."""
        return {match[1]: (match[2], match[3] or "") for match in _COLUMN.finditer(self.columns)}


@dataclass(frozen=True)
class Snapshot:
    """One moment of the source: what a run's readers all see."""

    exported_id: str
    visible: str
    lsn: str
    taken_at: dt.datetime
    time_zone: str


#: day (None where the source has none) -> (rows, amount)
Totals = Mapping[dt.date | None, tuple[int, Decimal | None]]


def quoted(name: str) -> str:
    """An identifier as SQL writes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


class Source:
    """The source at one moment. A context manager: the snapshot lives as long as it is open."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None
        self.snapshot: Snapshot

    def __enter__(self) -> "Source":
        try:
            self._connection = psycopg2.connect(
                **self._database.libpq(), connect_timeout=10, application_name="dvdrental-etl"
            )
        except psycopg2.OperationalError as error:
            raise SourceError(
                f"source {self._database.place} cannot be reached as '{self._database.user}': {first_line(error)}",
                "check source.url, user and password, and that the server takes connections from here",
            ) from None
        self._connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        self.snapshot = self._take_snapshot()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def _take_snapshot(self) -> Snapshot:
        self._rows("SET LOCAL idle_in_transaction_session_timeout = 0")
        columns = """
            SELECT pg_export_snapshot(), CAST(txid_current_snapshot() AS text),
                CAST(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS text),
                LOCALTIMESTAMP, current_setting('TimeZone')
        """
        return Snapshot(*self._rows(columns)[0])

    def _rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(query, parameters)
                return list(cursor.fetchall()) if cursor.description else []
        except psycopg2.Error as error:
            raise SourceError(
                f"source {self._database.place}: {first_line(error)}",
                "check the role's rights and the server's log",
            ) from error

    def on_its_clock(self, moment: dt.datetime) -> dt.datetime:
        """A moment with a zone, as the source's own time zone writes it, without one."""
        rows = self._rows("SELECT CAST(CAST(%s AS timestamptz) AS timestamp)", (moment.isoformat(),))
        return rows[0][0]

    def check(self, tables: Iterable[Table]) -> None:
        """Raise ContractError, naming each difference, unless the source has what the tables declare."""
        found = [difference for table in tables for difference in self._differences(table)]
        if found:
            raise ContractError(
                f"source contract: {self._database.place}: {'; '.join(found)}",
                "grant the rights, or adapt the SOURCES of the script to the renamed or retyped column",
            )

    def _differences(self, table: Table) -> list[str]:
        where = f"{self._database.schema}.{table.name}"
        relation = self._rows(
            """
            SELECT c.oid, has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
            """,
            (self._database.schema, table.name),
        )
        if not relation:
            return [f"there is no table {where}"]
        if not relation[0][1]:
            return [f"'{self._database.user}' may not read {where}"]
        have = {
            name: (kind, modifier)
            for name, kind, modifier in self._rows(
                """
                SELECT a.attname, CASE WHEN b.typtype = 'e' THEN 'enum' ELSE b.typname END,
                    CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END
                FROM pg_attribute a
                JOIN pg_type t ON t.oid = a.atttypid
                JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
                WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
                """,
                (relation[0][0],),
            )
        }
        found = []
        for name, (declared, precision) in table.types.items():
            if name not in have:
                found.append(f"{where} has no column {name} (it has {', '.join(sorted(have))})")
            elif have[name][0] not in TYPES[declared][1]:
                found.append(f"{where}.{name} is {have[name][0]}, which does not read as {declared}")
            elif declared == "decimal" and _scale(have[name][1]) > int(precision[1:-1].split(",")[1]):
                found.append(f"{where}.{name} has more decimals than {declared}{precision} keeps")
        return found

    def table(self, spark: "SparkSession", table: Table) -> "DataFrame":
        """The table as this snapshot has it, each column cast by the source to its declared type."""
        reader = (
            spark.read.format("jdbc")
            .option("url", _binary(self._database.url))
            .option("driver", "org.postgresql.Driver")
            .option("user", self._database.user)
            .option("password", self._database.password)
            .option("dbtable", f"({self._select(table)}) AS {quoted(table.name)}")
            .option("fetchsize", "10000")
            .option("preferTimestampNTZ", "true")
            .option("sessionInitStatement", self._join_snapshot())
        )
        partitions = self._partitions(table)
        if not partitions:
            # Spark cannot know that one read is one partition. Told so, it joins small tables in one task, without
            # a shuffle: most of a small load's work.
            return reader.load().coalesce(1)
        return reader.options(**partitions).load()

    def _select(self, table: Table) -> str:
        casts = (
            f"CAST({quoted(name)} AS {TYPES[declared][0]}{precision}) AS {quoted(name)}"
            for name, (declared, precision) in table.types.items()
        )
        return f"SELECT {', '.join(casts)} FROM {self._name(table.name)}"  # noqa: S608 - names are quoted

    def _name(self, table: str) -> str:
        return f"{quoted(self._database.schema)}.{quoted(table)}"

    def _join_snapshot(self) -> str:
        zone = self.snapshot.time_zone.replace("'", "''")
        return (
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
            f"SET TRANSACTION SNAPSHOT '{self.snapshot.exported_id}'; SET LOCAL TIME ZONE '{zone}'"
        )

    def _partitions(self, table: Table) -> Mapping[str, str]:
        """Spark's options for a parallel read; none for a table that one connection reads as fast."""
        if table.split_by is None:
            return {}
        size = self._rows(
            """
            WITH RECURSIVE tree AS (
                SELECT CAST(%s AS regclass) AS oid
                UNION ALL
                SELECT CAST(i.inhrelid AS regclass) FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid
            )
            SELECT COALESCE(SUM(pg_relation_size(oid)), 0) FROM tree
            """,
            (self._name(table.name),),
        )[0][0]
        count = min(MOST_CONNECTIONS, 1 + int(size) // BYTES_PER_PARTITION)
        if count == 1:
            return {}
        key = quoted(table.split_by)
        lowest, highest = self._rows(f"SELECT MIN({key}), MAX({key}) FROM {self._name(table.name)}")[0]  # noqa: S608
        if lowest is None:
            return {}
        return {
            "partitionColumn": table.split_by,
            "lowerBound": str(lowest),
            "upperBound": str(highest + 1),
            "numPartitions": str(count),
        }

    def totals(self, counted: Counted) -> Totals:
        """Rows, and money where the target counts any, per day of the source's own calendar."""
        day = (
            f"CAST(CAST({quoted(counted.day)} AS timestamp) AS date)" if counted.day else "CAST(NULL AS date)"
        )
        amount = f"SUM({quoted(counted.amount)})" if counted.amount else "NULL"
        query = f"SELECT {day}, COUNT(*), {amount} FROM {self._name(counted.table)} GROUP BY 1"  # noqa: S608
        return {row[0]: (row[1], row[2]) for row in self._rows(query)}


def _binary(url: str) -> str:
    """The URL with binary transfer from the first row on; pgjdbc's default fetches five batches as text first."""
    return url + ("&" if "?" in url else "?") + "prepareThreshold=-1"


def _scale(modifier: int) -> int:
    """Decimals of a numeric's type modifier; one without limits is taken to have as many as it likes."""
    return (modifier - 4) & 0x7FF if modifier >= 4 else 1000
