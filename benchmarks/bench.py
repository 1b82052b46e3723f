"""The rounds: every contender in turn, each at a place made for it, and what it loaded is checked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.ground import Ground, Place, Say
from benchmarks.lineup import Contender
from benchmarks.measure import run
from benchmarks.results import DONE, Measured, Run


@dataclass(frozen=True)
class Entry:
    """A contender in a benchmark: how its place is made, untimed, how it runs there, and how the place is checked.

    run: gets the place and a name for its log. check: raises BenchError if the place holds anything but what it must.
    """

    name: str
    title: str
    prepare: Callable[[], Place]
    run: Callable[[Place, str], Measured]
    check: Callable[[Place], None]


def rounds(
    entries: Sequence[Entry], count: int, say: Say, before: Callable[[], None] = lambda: None
) -> list[Run]:
    """Run all entries in turn, `count` times. Who died or took too long is not run again.

    before: is called before each round. Raises BenchError when a contender's table is wrong.
    """
    runs: list[Run] = []
    out: set[str] = set()
    for number in range(1, count + 1):
        before()
        for entry in entries:
            if entry.name in out:
                continue
            place = entry.prepare()
            measured = entry.run(place, f"{entry.name}-{number}")
            runs.append(Run.of(entry.name, number, measured))
            if measured.ended == DONE:
                entry.check(place)
                say(f"round {number}: {entry.title}: {measured.seconds:.1f} s, loaded right")
            else:
                out.add(entry.name)
                say(f"round {number}: {entry.title}: {measured.ended}, after {measured.seconds:.1f} s")
    return runs


def program(ground: Ground, contender: Contender, limit: float) -> Callable[[Place, str], Measured]:
    """How a contender that is a program, or several, runs."""

    def start(place: Place, name: str) -> Measured:
        commands, environment = contender.start(place)
        return run(commands, environment, ground.work / f"{name}.log", limit, ground.server_cpu)

    return start
