"""The benchmarks: WHAT of `make bench`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks import launch
from benchmarks.check import Content, expected, require_dimensions, require_fact
from benchmarks.dag import run_dag
from benchmarks.errors import BenchError
from benchmarks.fixtures import EMPTY, DatabasePair, Fixtures
from benchmarks.launch import Suite
from benchmarks.measure import run
from benchmarks.nights import SAIL_WAREHOUSE, WAREHOUSE, Nights
from benchmarks.nights import SOURCE as NIGHT_SOURCE
from benchmarks.results import DONE, Measured
from benchmarks.rounds import Entry, program
from local_airflow.runner import LOCAL, SAIL
from local_airflow.runtime import connections
from sandbox import fill
from sandbox.access import SOURCE


@dataclass(frozen=True)
class Setup:
    """The parameters of a benchmark. limit: seconds for one program."""

    fixtures: Fixtures
    suite: Suite
    limit: float


@dataclass(frozen=True)
class Plan:
    """A prepared benchmark: contenders, an action before each round, and the number of facts that a night changes."""

    about: str
    entries: Sequence[Entry]
    before: Callable[[], None]
    changed: int


def load(setup: Setup, pair: DatabasePair, *tables: str) -> None:
    """Load tables with the suite, not timed. Raises BenchError with the end of its log."""
    commands, environment = setup.suite.contender(*tables).start(pair)
    log = setup.fixtures.work / "setup.log"
    done = run(commands, environment, log, setup.limit)
    if done.ended != DONE:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise BenchError(f"the suite could not load {', '.join(tables)}:\n{tail}")


@contextmanager
def full(setup: Setup) -> Iterator[Plan]:
    """Full load of fact_sales, into a warehouse with loaded dimensions."""
    fixtures = setup.fixtures
    template = fixtures.dimensions_template(lambda pair: load(setup, pair, *launch.DIMENSIONS))
    expected_content = expected(
        fixtures, SOURCE
    )  # reads the source once, so that no contender is the first on a cold disk
    suite = setup.suite.contender(launch.FACT)
    others = launch.PLAIN, launch.TUNED, launch.DUCKDB, launch.DLT, launch.COPY
    entries = [
        Entry(
            one.name,
            one.title,
            lambda make=make: make(template),  # type: ignore[misc]
            program(fixtures, one, setup.limit),
            _fact_check(fixtures, one.title, lambda: expected_content),
        )
        for one, make in (
            (suite, fixtures.clone_template),
            (setup.suite.on_sail(launch.FACT), fixtures.clone_template),
            *((other, fixtures.clone_unpartitioned) for other in others),
        )
    ]
    yield Plan("fact_sales, everything", entries, lambda: None, 0)


@contextmanager
def dag(setup: Setup) -> Iterator[Plan]:
    """All five tables into an empty warehouse: the DAG in Airflow, and the plain design's scripts."""
    fixtures = setup.fixtures
    expected_content = expected(fixtures, SOURCE)

    def check(title: str) -> Callable[[DatabasePair], None]:
        def require(pair: DatabasePair) -> None:
            require_dimensions(fixtures, pair, title)
            require_fact(fixtures, pair, expected_content, title)

        return require

    fixtures.empty_template()
    entries = [
        Entry(
            "suite",
            "this suite: its DAG",
            lambda: fixtures.clone_template(EMPTY),
            _airflow(setup, fixtures),
            check("suite"),
        ),
        Entry(
            "sail",
            "this suite: its DAG on Sail",
            lambda: fixtures.clone_template(EMPTY),
            _airflow(setup, fixtures, SAIL),
            check("Sail"),
        ),
        Entry(
            launch.PLAIN_ALL.name,
            launch.PLAIN_ALL.title,
            lambda: fixtures.clone_unpartitioned(EMPTY),
            program(fixtures, launch.PLAIN_ALL, setup.limit),
            check("plain"),
        ),
    ]
    yield Plan("all five tables, everything", entries, lambda: None, 0)


@contextmanager
def night(setup: Setup) -> Iterator[Plan]:
    """fact_sales after a night: the suite loads the changes on either engine, DuckDB loads everything again."""
    fixtures = setup.fixtures
    suite, sail = setup.suite.contender(launch.FACT), setup.suite.on_sail(launch.FACT)
    template = fixtures.dimensions_template(lambda pair: load(setup, pair, *launch.DIMENSIONS))
    with _nights(setup, fixtures) as nights:
        entries = [
            *(
                Entry(
                    one.name,
                    f"{one.title}: what changed",
                    lambda warehouse=warehouse: nights.pair(warehouse),  # type: ignore[misc]
                    program(fixtures, one, setup.limit),
                    _fact_check(fixtures, one.title, nights.expectation),
                )
                for one, warehouse in ((suite, WAREHOUSE), (sail, SAIL_WAREHOUSE))
            ),
            Entry(
                launch.DUCKDB.name,
                "DuckDB: everything",
                lambda: fixtures.clone_template(template, source=NIGHT_SOURCE),
                program(fixtures, launch.DUCKDB, setup.limit),
                _fact_check(fixtures, "DuckDB", nights.expectation),
            ),
        ]
        yield Plan("fact_sales after a night", entries, nights.pass_night, nights.changed)


@contextmanager
def dag_night(setup: Setup) -> Iterator[Plan]:
    """The whole DAG after a night, at this scale and at scale 1: the cost of unchanged rows."""
    large = setup.fixtures
    small = Fixtures(large.folder, fill.Content(scale=1), large.log)
    if large.name == small.name:
        raise BenchError("dag-night compares with scale 1: give another SCALE")
    with ExitStack() as stack:
        all_fixtures = [stack.enter_context(small.up()), large]
        all_nights = [stack.enter_context(_nights(setup, fixtures)) for fixtures in all_fixtures]
        entries = [
            Entry(
                fixtures.slug,
                fixtures.name,
                nights.pair,
                _airflow(setup, fixtures),
                _fact_check(fixtures, fixtures.name, nights.expectation),
            )
            for fixtures, nights in zip(all_fixtures, all_nights, strict=True)
        ]

        def pass_night() -> None:
            for nights in all_nights:
                nights.pass_night()

        yield Plan("the DAG of a night, all five tables", entries, pass_night, all_nights[-1].changed)


SCENARIOS = {"full": full, "dag": dag, "night": night, "dag-night": dag_night}


@contextmanager
def _nights(setup: Setup, fixtures: Fixtures) -> Iterator[Nights]:
    fixtures.empty_template()
    fixtures.log(f"{fixtures.name}: the suite loads everything, once, before the first night")
    nights = Nights(fixtures)
    try:
        load(setup, nights.begin(EMPTY), *launch.DIMENSIONS, launch.FACT)
        nights.loaded()
        yield nights
    finally:
        nights.end()


def _airflow(
    setup: Setup, fixtures: Fixtures, master: str = LOCAL
) -> Callable[[DatabasePair, str], Measured]:
    def start(pair: DatabasePair, _: str) -> Measured:
        made = connections(pair.credentials, master, setup.suite.extra())
        return run_dag(made, fixtures.folder / "airflow", setup.limit, fixtures.server_cpu)

    return start


def _fact_check(
    fixtures: Fixtures, title: str, expected_content: Callable[[], Content]
) -> Callable[[DatabasePair], None]:
    return lambda pair: require_fact(fixtures, pair, expected_content(), title)


def selected(plan: Plan, only: Sequence[str]) -> list[Entry]:
    """The entries with these names; all if no name is given. Raises BenchError for an unknown name."""
    names = [entry.name for entry in plan.entries]
    if unknown := sorted(set(only) - set(names)):
        raise BenchError(f"unknown contender {', '.join(unknown)}: choose from {', '.join(names)}")
    return [entry for entry in plan.entries if not only or entry.name in only]
