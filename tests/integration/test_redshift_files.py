"""How many files a load writes for COPY, and how large: as the cluster's slices ask for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pyspark.sql import SparkSession

from dvdrental_etl.errors import WarehouseError
from dvdrental_etl.staging.parquet import Files, StagedFiles
from redshift_emulator.emulator import Emulator
from sandbox.server import Sandbox
from tests.support.engines import give_workers
from tests.support.environment import Environment
from tests.support.redshift import ask, check_clean, connect, error_of, to_redshift
from tests.support.servers import MakeEnvironment
from tests.support.waiting import long_running

MEGABYTE = 1024 * 1024
PAYMENTS = 1_500_000


@pytest.fixture(scope="module")
def many_payments(server: Sandbox, source_template: str) -> str:
    """A source whose payments several tasks write, and no two alike, so that they cannot be pressed small."""
    server.clone(source_template, "many_payments")
    with server.superuser("many_payments") as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute("SELECT count(*) FROM payment")
        ((before,),) = cursor.fetchall()
        cursor.execute(
            "INSERT INTO payment SELECT 1000000 + n, 1 + n %% 30, 1, 1 + (random() * 1e6)::int, n %% 7,"
            " timestamp '2007-03-01' + random() * interval '30 days' FROM generate_series(1, %s) AS n",
            (PAYMENTS - before,),
        )
    return "many_payments"


@pytest.fixture(scope="module")
def much(
    emulator: Emulator,
    server: Sandbox,
    spark: SparkSession,
    make_environment: MakeEnvironment,
    many_payments: str,
) -> Iterator[Environment]:
    """That source, and an empty database of the cluster."""
    give_workers(spark, emulator.environment())
    spark.conf.set(
        "spark.sql.adaptive.enabled", "true"
    )  # as in a job: small partitions of a shuffle are merged
    yield to_redshift(make_environment(many_payments), emulator, server)
    spark.conf.set("spark.sql.adaptive.enabled", "false")


@pytest.fixture
def with_slices(emulator: Emulator) -> Iterator[Callable[[int | None], None]]:
    before = emulator.slices

    def choose(slices: int | None) -> None:
        emulator.slices = slices

    yield choose
    emulator.slices = before


def staged_by(env: Environment, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the files that a load names in its manifest; it is stopped then."""
    lengths: list[int] = []

    def stop(_: Files, name: str, staged: StagedFiles) -> str:
        lengths.extend(file.length for file in staged)
        raise WarehouseError(f"enough of {name}")

    monkeypatch.setattr(Files, "write_manifest", stop)
    assert "enough of stg_fact_sales" in env.load("fact_sales", code=7).error
    return lengths


@long_running
@pytest.mark.parametrize("slices", [2, 4, 16, None])
def test_a_load_of_several_tasks(
    much: Environment,
    with_slices: Callable[[int | None], None],
    monkeypatch: pytest.MonkeyPatch,
    slices: int | None,
) -> None:
    """Some 35 MB: enough for a file of 1 MB for each of 16 slices, which are taken for granted where none are shown."""
    with_slices(slices)
    lengths = staged_by(much, monkeypatch)
    assert 28 * MEGABYTE < sum(lengths) < 44 * MEGABYTE
    assert len(lengths) % (slices or 16) == 0, lengths
    assert MEGABYTE <= min(lengths) <= max(lengths) <= 1.2 * min(lengths), lengths


@pytest.mark.parametrize("slices", [16, None])
def test_a_small_load_is_one_file_and_arrives(
    emulator: Emulator,
    server: Sandbox,
    spark: SparkSession,
    make_environment: MakeEnvironment,
    source_template: str,
    with_slices: Callable[[int | None], None],
    monkeypatch: pytest.MonkeyPatch,
    slices: int | None,
) -> None:
    with_slices(slices)
    give_workers(spark, emulator.environment())
    env = to_redshift(make_environment(source_template), emulator, server)
    whole, named = Files.write_manifest, []

    def note(self: Files, name: str, staged: StagedFiles) -> str:
        named.append(len(staged))
        return whole(self, name, staged)

    monkeypatch.setattr(Files, "write_manifest", note)
    env.load("fact_sales")
    assert named == [1]
    assert env.facts() == env.source_facts()
    check_clean(env, emulator)


def test_slices_are_shown_by_a_cluster_and_not_by_a_workgroup(
    emulator: Emulator, with_slices: Callable[[int | None], None]
) -> None:
    with_slices(4)
    with connect(emulator) as connection:
        assert ask(connection, "SELECT node, slice FROM stv_slices ORDER BY slice") == [
            [0, 0],
            [0, 1],
            [1, 2],
            [1, 3],
        ]
        assert ask(connection, "SELECT COUNT(*) FROM stv_slices") == [[4]]
    with_slices(None)
    with connect(emulator) as connection:
        error = error_of(connection, "SELECT COUNT(*) FROM stv_slices")
        assert (error["C"], error["M"]) == ("42501", "permission denied for relation stv_slices")
        assert error_of(connection, "SELECT 1 FROM pg_catalog.stl_load_errors")["C"] == "42501"
        assert ask(connection, "SELECT COUNT(*) FROM sys_load_error_detail WHERE 1 = 0") == [[0]]
