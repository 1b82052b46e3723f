"""Fixture databases: a sandbox for each scale, with template databases that are cloned for each run."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2 import sql

from benchmarks.contenders.star import CREATE_KEYS, REPLACE_TABLE
from benchmarks.errors import BenchError
from benchmarks.measure import cpu_of
from benchmarks.results import slug
from dvdrental_etl.model.contract import ddl_names, natural_key, script, star_tables
from sandbox.access import READER, SOURCE, WRITER, write_secret
from sandbox.fill import Content
from sandbox.progress import Progress
from sandbox.server import Sandbox

ROOT = Path(__file__).resolve().parents[1]
#: Databases of the benchmark: two templates, which are kept for the next run, and the clone of a run.
EMPTY, DIMENSIONS, RUN = "bench_empty", "bench_dimensions", "bench_run"
Log = Callable[[str], None]


@dataclass(frozen=True)
class DatabasePair:
    """A source and a warehouse to load, and the file with the credentials of both."""

    sandbox: Sandbox
    source: str
    warehouse: str
    config: Path

    @property
    def credentials(self) -> dict[str, Any]:
        """The content of credentials.json for these databases."""
        return self.sandbox.credentials(self.source, self.warehouse)


class Fixtures:
    """The sandbox of one data set, "scale 30" or "dump", in `folder`, with the working files of the runs beside it."""

    def __init__(self, folder: Path, content: Content, log: Log) -> None:
        self.name = "dump" if content.dump else f"scale {content.scale:g}"
        self.folder, self.work, self.log = folder, folder / "work", log
        self.sandbox = Sandbox(folder / self.slug)
        self._content = content
        self.work.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def slug(self) -> str:
        """The name in file names."""
        return slug(self.name)

    @contextmanager
    def up(self) -> Iterator["Fixtures"]:
        """Start the sandbox, and stop it at the end if it was down before. Its data stays for the next run."""
        was_up, is_new = self.sandbox.port is not None, not self.sandbox.exists()
        what = "is created, once" if is_new else "exists from an earlier run"
        self.log(f"sandbox, {self.name}: {what}")
        self.sandbox.up(self._content, Progress.to_stderr() if is_new else None)
        try:
            # Contenders that join in the source copy the surrogate keys there, into temporary tables.
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
        """The rows of a query, run as superuser."""
        with self.sandbox.superuser(database) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
            cursor.execute(query)
            return list(cursor.fetchall()) if cursor.description else []

    def pair(self, warehouse: str, source: str = SOURCE) -> DatabasePair:
        """A pair of existing databases, with a new credentials file."""
        config = self.work / f"{source}-{warehouse}-{self.slug}.json"
        write_secret(config, json.dumps(self.sandbox.credentials(source, warehouse)))
        return DatabasePair(self.sandbox, source, warehouse, config)

    def clone_template(self, template: str, name: str = RUN, source: str = SOURCE) -> DatabasePair:
        """Clone a template as warehouse `name`, in place of an earlier clone."""
        self.sandbox.drop_database(name)
        self.sandbox.clone(template, name)
        self.checkpoint()
        return self.pair(name, source)

    def clone_unpartitioned(self, template: str) -> DatabasePair:
        """The same, but fact_sales is not partitioned and has no index of batch_id: only the suite needs those."""
        pair = self.clone_template(template)
        connection = self.sandbox.connect(pair.warehouse, WRITER)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("; ".join(("SET search_path TO dw", *REPLACE_TABLE, *CREATE_KEYS)))
        finally:
            connection.close()
        self.checkpoint()
        return pair

    def checkpoint(self) -> None:
        """Write dirty pages to disk, so that a run does not pay for the work before it."""
        self.superuser(sql.SQL("CHECKPOINT"))

    def empty_template(self) -> str:
        """The template with empty tables, except the calendar and the members "Unknown"."""
        if self._is_current(EMPTY):
            return EMPTY
        self.sandbox.drop_database(EMPTY)
        self.sandbox.create_database(EMPTY, owner=WRITER)
        connection = self.sandbox.connect(EMPTY, WRITER)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("CREATE SCHEMA dw; SET search_path TO dw")
                for statement in ddl():
                    cursor.execute(statement)
        finally:
            connection.close()
        self._write_version(EMPTY)
        return EMPTY

    def dimensions_template(self, load: Callable[[DatabasePair], None]) -> str:
        """The template with loaded dimensions. `load` fills it if there is none yet, or the jobs have changed."""
        if self._is_current(DIMENSIONS):
            return DIMENSIONS
        self.log("this suite loads the dimensions, once")
        pair = self.clone_template(self.empty_template(), DIMENSIONS)
        load(pair)
        self.rows("VACUUM (ANALYZE)", DIMENSIONS)
        self._write_version(DIMENSIONS)
        return DIMENSIONS

    def server_cpu(self) -> float:
        """CPU seconds that all processes of PostgreSQL have used so far."""
        first = (self.sandbox.cluster.data / "postmaster.pid").read_text().split()[0]
        return cpu_of([int(first)])

    def payments(self, source: str = SOURCE) -> int:
        """The number of payments in the source."""
        return int(self.rows("SELECT count(*) FROM payment", source)[0][0])

    def _is_current(self, database: str) -> bool:
        return self.sandbox.content(database) == _version(database)

    def _write_version(self, database: str) -> None:
        with self.sandbox.superuser() as connection, connection.cursor() as cursor:
            statement = sql.SQL("COMMENT ON DATABASE {} IS %s").format(sql.Identifier(database))
            cursor.execute(statement, (_version(database),))


def _version(database: str) -> str:
    """The version of a template: its name, so that clones are not taken for it, and a hash of jobs and DDL."""
    files = sorted([*(ROOT / "spark_apps").rglob("*.py"), *(ROOT / "sql_scripts").rglob("*.sql")])
    if not files:
        raise BenchError("spark_apps and sql_scripts are missing: run this from a checkout")
    return f"{database} {hashlib.sha256(b''.join(path.read_bytes() for path in files)).hexdigest()}"


def ddl() -> Iterator[str]:
    """The scripts that create a warehouse on PostgreSQL, in their order."""
    for name in ddl_names():
        yield script(f"create_{name}.sql")
    for table in (name for name in star_tables() if name.startswith("dim_")):
        yield script("physical/postgres_dimension.sql").format(table=table, natural_key=natural_key(table))
    yield script("physical/postgres.sql")
