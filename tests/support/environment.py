"""What the integration tests work with: a source, a warehouse, the jobs run in this process, and expected rows.

Nothing here imports dvdrental_etl: expected values come from SQL that shares no code with the jobs.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.database import DatabaseClient, Rows
from tests.support.jobs import Outcome, run_in_process
from tests.support.source_members import SOURCE_MEMBERS
from tests.support.waiting import DEADLINE, until

DIMENSIONS = {
    "dim_customer": ("customer_key", "customer_id"),
    "dim_movie": ("movie_key", "film_id"),
    "dim_store": ("store_key", "store_id"),
    "dim_staff": ("staff_key", "staff_id"),
}
TABLES = (*DIMENSIONS, "fact_sales")


@dataclass
class Environment:
    """One source, one warehouse, and the jobs between them."""

    source: DatabaseClient
    warehouse: DatabaseClient
    config: Path
    secrets: tuple[str, ...] = field(repr=False)
    seen_keys: dict[str, dict[int, tuple[Any, ...]]] = field(default_factory=dict)

    def limit(self, **limits: float) -> None:
        """Replace limits in the configuration of the jobs that follow."""
        document = json.loads(self.config.read_text())
        document["limits"] |= limits
        self.config.write_text(json.dumps(document))

    def load(
        self, table: str, *flags: str, as_of: str | None = None, code: int | tuple[int, ...] = 0
    ) -> Outcome:
        """Run one job in this process and hold it to its exit code, or to one of several."""
        clock = () if as_of is None else ("--as-of", as_of)
        outcome = run_in_process(table, "--config", str(self.config), *clock, *flags)
        codes = code if isinstance(code, tuple) else (code,)
        assert outcome.code in codes, f"{table}: exit {outcome.code}, not {code}:\n{outcome.err[-3000:]}"
        self.check_output(outcome, quiet="--debug" not in flags)
        return outcome

    def load_all(self, *flags: str, as_of: str | None = None) -> dict[str, Outcome]:
        """All five, fact last."""
        return {table: self.load(table, *flags, as_of=as_of) for table in TABLES}

    def check_output(self, outcome: Outcome, *, quiet: bool = True) -> None:
        """A job prints no password, and without --debug no traceback."""
        output = outcome.out + outcome.err
        assert not any(secret in output for secret in self.secrets), "a password was printed"
        assert not (quiet and "Traceback" in output), output

    def content(self, *, with_record: bool = False) -> dict[str, Rows]:
        """Every row of every published table and, on request, of the run record."""
        tables = self.warehouse(
            "SELECT relname FROM pg_class WHERE relnamespace = 'dw'::regnamespace AND relkind IN ('r', 'p') "
            "AND NOT relispartition AND (relname ~ '^(dim|fact)_' OR %s) ORDER BY 1",
            with_record,
        )
        return {name: sorted(self.warehouse(f"SELECT * FROM {name}"), key=repr) for (name,) in tables}

    def tables(self) -> list[tuple[str, str, int]]:
        """Everything in the warehouse that is no catalogue: schema, name, OID."""
        return self.warehouse(
            "SELECT nspname, relname, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1, 2"
        )

    def staging_tables(self) -> list[str]:
        return [name for _, name, _ in self.tables() if name.startswith("stg_")]

    def last_load(self, table: str) -> dict[str, Any]:
        """The newest row of etl_load for the table."""
        ((row,),) = self.warehouse(
            "SELECT row_to_json(l) FROM etl_load l WHERE table_name = %s ORDER BY load_id DESC LIMIT 1", table
        )
        return row

    def versions(self, table: str, member: int, *columns: str) -> Rows:
        """The versions of one member in order of time: the columns, valid_from and valid_to as text."""
        listed = ", ".join((*columns, "valid_from::text", "valid_to::text"))
        natural = DIMENSIONS[table][1]
        return self.warehouse(
            f"SELECT {listed} FROM {table} WHERE {natural} = %s ORDER BY valid_from", member
        )

    def check_invariants(self, *, loads: int = 1) -> None:
        """What must be true of every dimension at any time, and against the last time that this was asked.

        New keys are in order of natural key, but only within one load: several since then make no such order.
        """
        for table, (key, natural) in DIMENSIONS.items():
            rows = self.warehouse(
                f"SELECT {key}, {natural}, valid_from::text, valid_to::text, is_current FROM {table} "
                f"WHERE {key} > 0 ORDER BY {natural}, valid_from"
            )
            by_member: dict[int, Rows] = {}
            for row in rows:
                by_member.setdefault(row[1], []).append(row)
            for member, versions in by_member.items():
                bounds = [version[2] for version in versions]
                assert bounds[0] == "1900-01-01 00:00:00", (table, member, versions)
                assert bounds == sorted(set(bounds)), f"{table}: versions of no length: {versions}"
                ends = [*bounds[1:], "9999-12-31 00:00:00"]
                assert [version[3] for version in versions] == ends, f"{table}: gap or overlap: {versions}"
                current = [version[4] for version in versions]
                assert current == [False] * (len(versions) - 1) + [True], (table, versions)
            keys = {row[0]: row[1:3] for row in rows}
            assert sorted(keys) == list(range(1, len(rows) + 1)), (
                f"{table}: keys are not dense: {sorted(keys)}"
            )
            before = self.seen_keys.get(table, {})
            assert {k: keys.get(k) for k in before} == before, f"{table}: a key changed its meaning"
            fresh = [keys[k][0] for k in sorted(keys) if k not in before]
            assert loads > 1 or fresh == sorted(fresh), (
                f"{table}: new keys are not in order of {natural}: {fresh}"
            )
            self.seen_keys[table] = keys

    def check_equals_source(self) -> None:
        """The star equals the source, by SQL that the tests have for each side."""
        assert self.facts() == self.source_facts()
        for table in DIMENSIONS:
            ours, theirs = self.current_members(table), self.source_members(table)
            # A member that came and went between two loads, and left a fact, is known by that fact alone.
            natural = DIMENSIONS[table][1]
            inferred = {key for (key,) in self.warehouse(f"SELECT {natural} FROM {table} WHERE is_inferred")}
            ours = [row for row in ours if row in theirs or json.loads(row[0])[natural] not in inferred]
            only = [row for row in ours if row not in theirs], [row for row in theirs if row not in ours]
            assert ours == theirs, f"{table}: only in the warehouse, only in the source: {only}"

    def facts(self) -> Rows:
        """fact_sales with natural keys in place of surrogate keys."""
        return self.warehouse(
            """
            SELECT f.sales_key, payment_date_key, rental_date_key, return_date_key, c.customer_id, e.staff_id,
                s.store_id, m.film_id, sales_amount, rental_id, payment_ts
            FROM fact_sales f
            JOIN dim_customer c USING (customer_key) JOIN dim_staff e USING (staff_key)
            JOIN dim_store s USING (store_key) JOIN dim_movie m USING (movie_key)
            JOIN dim_payment_date USING (date_key) ORDER BY 1
            """.replace("USING (date_key)", "d ON d.date_key = payment_date_key")
        )

    def source_facts(self) -> Rows:
        """The same from the source."""
        return self.source(
            """
            SELECT payment_id::bigint, to_char(payment_date, 'YYYYMMDD')::int,
                coalesce(to_char(rental_date, 'YYYYMMDD')::int, -1),
                CASE WHEN r.rental_id IS NULL THEN -1 ELSE coalesce(to_char(return_date, 'YYYYMMDD')::int, -2) END,
                p.customer_id::int, p.staff_id::int, coalesce(i.store_id::int, -1), coalesce(i.film_id::int, -1),
                amount, p.rental_id::bigint, payment_date::timestamp
            FROM payment p LEFT JOIN rental r ON r.rental_id = p.rental_id
            LEFT JOIN inventory i ON i.inventory_id = r.inventory_id ORDER BY 1
            """
        )

    def accept_source(self) -> None:
        """Let the warehouse, loaded from one clone of a source, take another clone for the same."""
        database = self.source.value("SELECT oid FROM pg_database WHERE datname = current_database()")
        self.warehouse(
            "UPDATE etl_load SET source_identity = regexp_replace(source_identity, 'database [0-9]+', %s)",
            f"database {database}",
        )

    def outdated_facts(self) -> Rows:
        """Facts that are keyed by a version of another time than theirs."""
        joins, wrong = [], []
        for table, (key, _) in DIMENSIONS.items():
            joins.append(f"JOIN {table} USING ({key})")
            wrong.append(f"payment_ts < {table}.valid_from OR payment_ts >= {table}.valid_to")
        return self.warehouse(
            f"SELECT sales_key FROM fact_sales {' '.join(joins)} WHERE {' OR '.join(wrong)}"
        )

    def with_warehouse(self, warehouse: DatabaseClient) -> Environment:
        """The same source, and another warehouse."""
        config = self.config.with_name(f"{warehouse.database}.json")
        config.write_text(self.config.read_text().replace(self.warehouse.database, warehouse.database))
        return Environment(self.source, warehouse, config, self.secrets)

    def current_members(self, table: str) -> Rows:
        """Natural key and attributes of the members that the source has, as text."""
        key, natural = DIMENSIONS[table]
        record = (
            key,
            "valid_from",
            "valid_to",
            "is_current",
            "is_deleted",
            "is_inferred",
            "row_hash",
            "batch_id",
        )
        return self.warehouse(
            f"SELECT (to_jsonb(d) - %s::text[])::text FROM {table} d "
            f"WHERE is_current AND NOT is_deleted AND {key} > 0 ORDER BY {natural}",
            list(record),
        )

    def source_members(self, table: str) -> Rows:
        """The same from the source."""
        return self.source(SOURCE_MEMBERS[table])

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Hold writers off a published table."""
        with closing(self.warehouse.connect()) as connection, connection.cursor() as cursor:
            connection.autocommit = False
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
            yield

    def backend_of_waiting_job(self, has_ended: Callable[[], bool]) -> int:
        """Wait until a job stands before a published table's lock; its backend. One that ended never will."""
        query = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
            "AND application_name LIKE 'dvdrental-etl%' AND query LIKE 'LOCK TABLE %'"
        )
        found = until(lambda: self.warehouse(query) or has_ended(), "a job waits for the lock")
        assert isinstance(found, list), "the job ended and had not waited for the lock"
        return int(found[0][0])

    def load_with_interference(
        self,
        table: str,
        interfere: Callable[[], object],
        *flags: str,
        code: int | tuple[int, ...],
        lock: str = "",
    ) -> Outcome:
        """Run a job; call `interfere` when its rows are staged and it waits to publish."""
        is_held, has_ended = threading.Event(), threading.Event()

        def hold_and_interfere() -> None:
            with self.locked(lock or table):
                is_held.set()
                self.backend_of_waiting_job(has_ended.is_set)
                interfere()

        with ThreadPoolExecutor(max_workers=1) as pool:
            interference = pool.submit(hold_and_interfere)
            assert is_held.wait(DEADLINE)
            try:
                outcome = self.load(table, *flags, code=code)
            finally:
                has_ended.set()
            interference.result()
            return outcome
