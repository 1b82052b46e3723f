"""Runs the contenders in turn, round by round, each on its own databases, and checks the results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.fixtures import DatabasePair, Fixtures, Log
from benchmarks.launch import Contender
from benchmarks.measure import run
from benchmarks.results import DONE, Measured, Run


@dataclass(frozen=True)
class Entry:
    """A contender in a benchmark.

    prepare: creates its databases, not timed. run: gets these databases and a name for the log. check: raises
    BenchError if the loaded tables are wrong.
    """

    name: str
    title: str
    prepare: Callable[[], DatabasePair]
    run: Callable[[DatabasePair, str], Measured]
    check: Callable[[DatabasePair], None]


def run_rounds(
    entries: Sequence[Entry], count: int, log: Log, before: Callable[[], None] = lambda: None
) -> list[Run]:
    """Run all entries in turn, `count` times. A contender that failed or exceeded the limit is not run again.

    before: called before each round. Raises BenchError if a contender's table is wrong.
    """
    runs: list[Run] = []
    excluded: set[str] = set()
    for number in range(1, count + 1):
        before()
        for entry in entries:
            if entry.name in excluded:
                continue
            pair = entry.prepare()
            measured = entry.run(pair, f"{entry.name}-{number}")
            runs.append(Run.of(entry.name, number, measured))
            if measured.ended == DONE:
                entry.check(pair)
                log(f"round {number}: {entry.title}: {measured.seconds:.1f} s, content is right")
            else:
                excluded.add(entry.name)
                log(f"round {number}: {entry.title}: {measured.ended}, after {measured.seconds:.1f} s")
    return runs


def program(
    fixtures: Fixtures, contender: Contender, limit: float
) -> Callable[[DatabasePair, str], Measured]:
    """A function that runs the programs of a contender. limit: seconds for each program."""

    def start(pair: DatabasePair, name: str) -> Measured:
        commands, environment = contender.start(pair)
        return run(commands, environment, fixtures.work / f"{name}.log", limit, fixtures.server_cpu)

    return start
