"""Where the contenders run: a sandbox of its own for each scale, and databases in it that are cloned for each run."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2 import sql

from benchmarks.contenders.star import FRESH, KEYS
from benchmarks.errors import BenchError
from benchmarks.measure import cpu_of
from benchmarks.results import slug
from sandbox.access import READER, SOURCE, WRITER, write_secret
from sandbox.fill import Content
from sandbox.progress import Progress
from sandbox.server import Sandbox

ROOT = Path(__file__).resolve().parents[1]
#: Databases of the benchmark, beside the sandbox's own. The templates are kept for the next run.
EMPTY, DIMENSIONS, RUN = "bench_empty", "bench_dimensions", "bench_run"
SCRIPTS = (
    *("create_etl_audit", "create_dim_date", "create_dim_customer", "create_dim_movie", "create_dim_store"),
    *("create_dim_staff", "create_fact_sales", "physical/postgres"),
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Place:
    """A source and a warehouse to load, and the credentials file that says how to reach them."""

    sandbox: Sandbox
    source: str
    warehouse: str
    config: Path

    @property
    def credentials(self) -> dict[str, Any]:
        return self.sandbox.credentials(self.source, self.warehouse)


class Ground:
    """The sandbox of one business, "scale 30" or "dump". It lies in `folder`, and beside it what runs leave there."""

    def __init__(self, folder: Path, content: Content, say: Say) -> None:
        self.name = "dump" if content.dump else f"scale {content.scale:g}"
        self.folder, self.work, self.say = folder, folder / "work", say
        self.sandbox = Sandbox(folder / self.slug)
        self._content = content
        self.work.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def slug(self) -> str:
        """Its name as files have it."""
        return slug(self.name)

    @contextmanager
    def up(self) -> Iterator["Ground"]:
        """Start it, and stop it at the end if it was down; its data stays for the next run."""
        was_up, is_new = self.sandbox.port is not None, not self.sandbox.exists()
        what = "is made, once" if is_new else "is kept from an earlier run"
        self.say(f"sandbox, {self.name}: {what}")
        self.sandbox.up(self._content, Progress.to_stderr() if is_new else None)
        try:
            # Who joins in the source brings the keys there, in temporary tables.
            self.superuser(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}"), SOURCE, READER)
            yield self
        finally:
            self.sandbox.drop_database(RUN)
            if not was_up:
                self.sandbox.down()

    def superuser(self, statement: sql.SQL, *names: str) -> None:
        """One statement in the database postgres, with names filled in."""
        with self.sandbox.superuser() as connection, connection.cursor() as cursor:
            cursor.execute(statement.format(*map(sql.Identifier, names)))

    def rows(self, query: str, database: str, schema: str = "public") -> list[tuple[Any, ...]]:
        """What a query gives; as the superuser."""
        with self.sandbox.superuser(database) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
            cursor.execute(query)
            return list(cursor.fetchall()) if cursor.description else []

    def place(self, warehouse: str, source: str = SOURCE) -> Place:
        """Both databases and a credentials file for them."""
        config = self.work / f"{source}-{warehouse}-{self.slug}.json"
        write_secret(config, json.dumps(self.sandbox.credentials(source, warehouse)))
        return Place(self.sandbox, source, warehouse, config)

    def fresh(self, template: str, name: str = RUN, source: str = SOURCE) -> Place:
        """A new clone of a warehouse, in place of an earlier one."""
        self.sandbox.drop_database(name)
        self.sandbox.clone(template, name)
        self.settle()
        return self.place(name, source)

    def fresh_for_rival(self, template: str) -> Place:
        """The same, but fact_sales in one piece: what only the suite needs of partition and index costs no rival."""
        place = self.fresh(template)
        connection = self.sandbox.connect(place.warehouse, WRITER)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("; ".join(("SET search_path TO dw", *FRESH, *KEYS)))
        finally:
            connection.close()
        self.settle()
        return place

    def settle(self) -> None:
        """Write all that waits to be written: no run pays for what came before it."""
        self.superuser(sql.SQL("CHECKPOINT"))

    def empty(self) -> str:
        """The template without a row, but for the calendar and the members "Unknown": the DDL, run."""
        if self._is_current(EMPTY):
            return EMPTY
        self.sandbox.drop_database(EMPTY)
        self.sandbox.create_database(EMPTY, owner=WRITER)
        connection = self.sandbox.connect(EMPTY, WRITER)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("CREATE SCHEMA dw; SET search_path TO dw")
                for name in SCRIPTS:
                    cursor.execute((ROOT / "sql_scripts" / f"{name}.sql").read_text())
        finally:
            connection.close()
        self._stamp(EMPTY)
        return EMPTY

    def dimensions(self, load: Callable[[Place], None]) -> str:
        """The template whose dimensions are loaded; `load` does that where there is none, or the jobs have changed."""
        if self._is_current(DIMENSIONS):
            return DIMENSIONS
        self.say("the four dimensions are loaded, once, by this suite")
        place = self.fresh(self.empty(), DIMENSIONS)
        load(place)
        self.rows("VACUUM (ANALYZE)", DIMENSIONS)
        self._stamp(DIMENSIONS)
        return DIMENSIONS

    def server_cpu(self) -> float:
        """CPU seconds that PostgreSQL, all of it, has used up to now."""
        first = (self.sandbox.cluster.data / "postmaster.pid").read_text().split()[0]
        return cpu_of([int(first)])

    def facts(self, source: str = SOURCE) -> int:
        """Payments in the source."""
        return int(self.rows("SELECT count(*) FROM payment", source)[0][0])

    def _is_current(self, database: str) -> bool:
        return self.sandbox.content(database) == _stamp(database)

    def _stamp(self, database: str) -> None:
        with self.sandbox.superuser() as connection, connection.cursor() as cursor:
            named = sql.SQL("COMMENT ON DATABASE {} IS %s").format(sql.Identifier(database))
            cursor.execute(named, (_stamp(database),))


def _stamp(database: str) -> str:
    """A template's name, which its clones must not pass for, and what it depends on: jobs and DDL."""
    files = sorted([*(ROOT / "spark_apps").rglob("*.py"), *(ROOT / "sql_scripts").rglob("*.sql")])
    if not files:
        raise BenchError("spark_apps and sql_scripts are missing: run this from a checkout")
    return f"{database} {hashlib.sha256(b''.join(path.read_bytes() for path in files)).hexdigest()}"
