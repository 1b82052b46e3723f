"""What can be measured: WHAT of `make bench`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks import lineup
from benchmarks.bench import Entry, program
from benchmarks.check import Content, expected, require_dimensions, require_fact
from benchmarks.dag import run_dag
from benchmarks.errors import BenchError
from benchmarks.ground import EMPTY, Ground, Place
from benchmarks.lineup import Suite
from benchmarks.measure import run
from benchmarks.nights import SOURCE as NIGHT_SOURCE
from benchmarks.nights import Nights
from benchmarks.results import DONE, Measured
from sandbox import fill
from sandbox.access import SOURCE


@dataclass(frozen=True)
class Setting:
    """What a benchmark is run with. limit: seconds for a program."""

    ground: Ground
    suite: Suite
    limit: float


@dataclass(frozen=True)
class Plan:
    """A benchmark that is ready: who takes part, what happens before each round, and how many facts a night changes."""

    about: str
    entries: Sequence[Entry]
    before: Callable[[], None]
    changed: int


def load(setting: Setting, place: Place, *tables: str) -> None:
    """Load tables with the suite, untimed. Raises BenchError, with the end of what it said."""
    commands, environment = setting.suite.contender(*tables).start(place)
    log = setting.ground.work / "setup.log"
    done = run(commands, environment, log, setting.limit)
    if done.ended != DONE:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise BenchError(f"the suite could not load {', '.join(tables)}:\n{tail}")


@contextmanager
def full(setting: Setting) -> Iterator[Plan]:
    """fact_sales, all of it, where the dimensions are loaded."""
    ground = setting.ground
    template = ground.dimensions(lambda place: load(setting, place, *lineup.DIMENSIONS))
    wanted = expected(ground, SOURCE)  # reads what all will read: nobody is the first on a cold disk
    suite = setting.suite.contender("fact_sales")
    rivals = lineup.PLAIN, lineup.TUNED, lineup.DUCKDB, lineup.DLT, lineup.COPY
    entries = [
        Entry(
            one.name,
            one.title,
            lambda make=make: make(template),  # type: ignore[misc]
            program(ground, one, setting.limit),
            _fact_check(ground, one.title, lambda: wanted),
        )
        for one, make in ((suite, ground.fresh), *((rival, ground.fresh_for_rival) for rival in rivals))
    ]
    yield Plan("fact_sales, everything", entries, lambda: None, 0)


@contextmanager
def dag(setting: Setting) -> Iterator[Plan]:
    """All five tables into an empty warehouse: the DAG in Airflow, and the plain design's scripts."""
    ground = setting.ground
    wanted = expected(ground, SOURCE)

    def check(title: str) -> Callable[[Place], None]:
        def require(place: Place) -> None:
            require_dimensions(ground, place, title)
            require_fact(ground, place, wanted, title)

        return require

    ground.empty()
    entries = [
        Entry(
            "suite",
            "this suite: its DAG",
            lambda: ground.fresh(EMPTY),
            _airflow(setting, ground),
            check("suite"),
        ),
        Entry(
            lineup.PLAIN_ALL.name,
            lineup.PLAIN_ALL.title,
            lambda: ground.fresh_for_rival(EMPTY),
            program(ground, lineup.PLAIN_ALL, setting.limit),
            check("plain"),
        ),
    ]
    yield Plan("all five tables, everything", entries, lambda: None, 0)


@contextmanager
def night(setting: Setting) -> Iterator[Plan]:
    """fact_sales after a night: the suite brings what changed, DuckDB loads everything again."""
    ground = setting.ground
    suite = setting.suite.contender("fact_sales")
    template = ground.dimensions(lambda place: load(setting, place, *lineup.DIMENSIONS))
    with _nights(setting, ground) as nights:
        entries = [
            Entry(
                suite.name,
                "this suite: what changed",
                nights.place,
                program(ground, suite, setting.limit),
                _fact_check(ground, "suite", nights.expectation),
            ),
            Entry(
                lineup.DUCKDB.name,
                "DuckDB: everything",
                lambda: ground.fresh(template, source=NIGHT_SOURCE),
                program(ground, lineup.DUCKDB, setting.limit),
                _fact_check(ground, "DuckDB", nights.expectation),
            ),
        ]
        yield Plan("fact_sales after a night", entries, nights.go_by, nights.changed)


@contextmanager
def dag_night(setting: Setting) -> Iterator[Plan]:
    """The whole DAG of a night, here and at scale 1: what does the size of the rest cost?"""
    large = setting.ground
    small = Ground(large.folder, fill.Content(scale=1), large.say)
    if large.name == small.name:
        raise BenchError("dag-night compares with scale 1: give another SCALE")
    with ExitStack() as stack:
        grounds = [stack.enter_context(small.up()), large]
        all_nights = [stack.enter_context(_nights(setting, ground)) for ground in grounds]
        entries = [
            Entry(
                ground.slug,
                ground.name,
                nights.place,
                _airflow(setting, ground),
                _fact_check(ground, ground.name, nights.expectation),
            )
            for ground, nights in zip(grounds, all_nights, strict=True)
        ]

        def go_by() -> None:
            for nights in all_nights:
                nights.go_by()

        yield Plan("the DAG of a night, all five tables", entries, go_by, all_nights[-1].changed)


KINDS = {"full": full, "dag": dag, "night": night, "dag-night": dag_night}


@contextmanager
def _nights(setting: Setting, ground: Ground) -> Iterator[Nights]:
    ground.empty()
    ground.say(f"{ground.name}: the suite loads everything once, before the first night")
    nights = Nights(ground)
    try:
        load(setting, nights.begin(EMPTY), *lineup.DIMENSIONS, "fact_sales")
        nights.rest()
        yield nights
    finally:
        nights.end()


def _airflow(setting: Setting, ground: Ground) -> Callable[[Place, str], Measured]:
    def start(place: Place, _: str) -> Measured:
        home = ground.folder / "airflow"
        return run_dag(place, setting.suite.extra(), home, setting.limit, ground.server_cpu)

    return start


def _fact_check(ground: Ground, title: str, wanted: Callable[[], Content]) -> Callable[[Place], None]:
    return lambda place: require_fact(ground, place, wanted(), title)


def chosen(plan: Plan, only: Sequence[str]) -> list[Entry]:
    """The entries of these names; all if there are none. Raises BenchError for a name that is not there."""
    names = [entry.name for entry in plan.entries]
    if unknown := sorted(set(only) - set(names)):
        raise BenchError(f"there is no contender {', '.join(unknown)} here: {', '.join(names)}")
    return [entry for entry in plan.entries if not only or entry.name in only]
