"""The source: what a job reads of it, held against its catalogue, and one moment for all of the job's reads."""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any

import psycopg2

from dvdrental_etl.config import Database
from dvdrental_etl.errors import ContractError, SourceError, first_line
from dvdrental_etl.model.targets import Counted

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

#: So many connections look at the source at once. Each is one scan of one table.
MOST_AT_ONCE = 4

_COLUMN = re.compile(r"\s*(\w+) ((?:\w|<|>)+)(\(\d+,\d+\))?\s*(?:,|$)")


@dataclass(frozen=True)
class Table:
    """A source table and the columns that a job reads of it. A script names the table of its grain first.

    columns: "customer_id int, amount decimal(5,2), ..." with the names of TYPES.
    key: the integer column by which rows are found, and by whose ranges a big table is read in parallel.
    joined_on: the column of an earlier table, as "rental.inventory_id", that transform() joins to this key. Along it
    a change of this table is followed to the rows of the grain that it shows in.
    """

    name: str
    columns: str
    key: str
    joined_on: str | None = None

    @property
    def types(self) -> Mapping[str, tuple[str, str]]:
        """Column name -> (declared type, its "(precision,scale)" or "")."""
        return {match[1]: (match[2], match[3] or "") for match in _COLUMN.finditer(self.columns)}


@dataclass(frozen=True)
class Snapshot:
    """One moment of the source: what a run's readers all see.

    visible is pg_current_snapshot() as text, "xmin:xmax:in progress": transactions below xmin are over, at that moment.
    origin tells one source from another, and from itself restored: system identifier, timeline, database.
    """

    exported_id: str
    visible: str
    lsn: str
    time_zone: str
    origin: str

    @property
    def horizon(self) -> int:
        """The oldest transaction that was not over: what it and later ones write, this moment may not show yet."""
        return int(self.visible.split(":")[0])

    @property
    def next_transaction(self) -> int:
        """The first transaction that had not begun."""
        return int(self.visible.split(":")[1])


#: day (None where the source has none) -> (rows, amount)
Totals = Mapping[dt.date | None, tuple[int, Decimal | None]]


def quoted(name: str) -> str:
    """An identifier as SQL writes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


class Source:
    """The source, and from begin() on one moment of it. A context manager: the moment lasts as long as it is open."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._connection: Any = None
        self._oids: dict[str, int] = {}
        self._plain: set[str] = set()
        self.snapshot: Snapshot

    def __enter__(self) -> "Source":
        try:
            self._connection = psycopg2.connect(
                **self.database.libpq(), connect_timeout=10, application_name="dvdrental-etl"
            )
        except psycopg2.OperationalError as error:
            raise SourceError(
                f"source {self.database.place} cannot be reached as '{self.database.user}': {first_line(error)}",
                "check source.url, user and password, and that the server takes connections from here",
            ) from None
        self._connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def clock(self) -> dt.datetime:
        """The source's time, without zone, before its moment is taken."""
        now: dt.datetime = self.rows("SELECT LOCALTIMESTAMP")[0][0]
        self._connection.rollback()
        return now

    def begin(self) -> None:
        """Take the moment that all reads from now on see."""
        self.rows("SET LOCAL idle_in_transaction_session_timeout = 0")
        exported_id, visible, lsn, time_zone, database = self.rows("""
            SELECT pg_export_snapshot(), CAST(txid_current_snapshot() AS text),
                CAST(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS text),
                current_setting('TimeZone'), (SELECT oid FROM pg_database WHERE datname = current_database())
        """)[0]
        self.snapshot = Snapshot(
            exported_id, visible, lsn, time_zone, f"{self._server()}, database {database}"
        )

    def together(self, *asks: "Callable[[Source], Any]") -> Iterator[Any]:
        """What each asks of the source, all at its moment and at once, each on a connection of its own.

        Answers come in the order of the asks, as soon as they are there.
        """

        def ask(one: "Callable[[Source], Any]") -> Any:
            with Source(self.database) as other:
                other._join(self.snapshot)
                return one(other)

        with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
            yield from pool.map(ask, asks)

    def _join(self, snapshot: Snapshot) -> None:
        """See the moment that another connection took."""
        self.rows("SET TRANSACTION SNAPSHOT %s", (snapshot.exported_id,))
        self.rows("SET LOCAL TIME ZONE %s", (snapshot.time_zone,))
        self.snapshot = snapshot

    def _server(self) -> str:
        """Which server, and which line of its history; a service that hides its control file has no name."""
        functions = "pg_control_system()", "pg_control_checkpoint()"
        if not all(self.rows("SELECT has_function_privilege(%s, 'EXECUTE')", (f,))[0][0] for f in functions):
            return "system unknown"
        system, timeline = self.rows(
            "SELECT s.system_identifier, c.timeline_id FROM pg_control_system() s CROSS JOIN pg_control_checkpoint() c"
        )[0]
        return f"system {system}, timeline {timeline}"

    def rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query on the connection that holds the moment. Raises SourceError."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(query, parameters)
                return list(cursor.fetchall()) if cursor.description else []
        except psycopg2.Error as error:
            raise SourceError(
                f"source {self.database.place}: {first_line(error)}",
                "check the role's rights and the server's log",
            ) from error

    def on_its_clock(self, moment: dt.datetime) -> dt.datetime:
        """A moment with a zone, as the source's own time zone writes it, without one."""
        rows = self.rows("SELECT CAST(CAST(%s AS timestamptz) AS timestamp)", (moment.isoformat(),))
        return rows[0][0]

    def check(self, tables: Iterable[Table]) -> None:
        """Raise ContractError, naming each difference, unless the source has what the tables declare."""
        found = [difference for table in tables for difference in self._differences(table)]
        if found:
            raise ContractError(
                f"source contract: {self.database.place}: {'; '.join(found)}",
                "grant the rights, or adapt the SOURCES of the script to the renamed or retyped column",
            )

    def _differences(self, table: Table) -> list[str]:
        where = f"{self.database.schema}.{table.name}"
        relation = self.rows(
            """
            SELECT c.oid, has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT'),
                c.relkind IN ('r', 'p')
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
            """,
            (self.database.schema, table.name),
        )
        if not relation:
            return [f"there is no table {where}"]
        if not relation[0][1]:
            return [f"'{self.database.user}' may not read {where}"]
        self._oids[table.name] = relation[0][0]
        if relation[0][2]:
            self._plain.add(table.name)
        have = {
            name: (kind, modifier)
            for name, kind, modifier in self.rows(
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

    def identity(self, tables: Iterable[Table]) -> str:
        """Which source this is: equal for equal server, history, database and tables. Valid after check()."""
        return ", ".join((self.snapshot.origin, *(f"{t.name} {self._oids[t.name]}" for t in tables)))

    def without_transactions(self, tables: Iterable[Table]) -> list[str]:
        """Tables whose rows do not tell which transaction wrote them: views and foreign tables."""
        return [table.name for table in tables if table.name not in self._plain]

    def name(self, table: str) -> str:
        """A table as SQL names it."""
        return f"{quoted(self.database.schema)}.{quoted(table)}"

    def totals(self, counted: Counted) -> Totals:
        """Rows, and money where the target counts any, per day of the source's own calendar."""
        day = (
            f"CAST(CAST({quoted(counted.day)} AS timestamp) AS date)" if counted.day else "CAST(NULL AS date)"
        )
        amount = f"SUM({quoted(counted.amount)})" if counted.amount else "NULL"
        query = f"SELECT {day}, COUNT(*), {amount} FROM {self.name(counted.table)} GROUP BY 1"
        return {row[0]: (row[1], row[2]) for row in self.rows(query)}


def _scale(modifier: int) -> int:
    """Decimals of a numeric's type modifier; one without limits is taken to have as many as it likes."""
    return (modifier - 4) & 0x7FF if modifier >= 4 else 1000
