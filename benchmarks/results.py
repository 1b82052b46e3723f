"""Pure: medians and ratios of runs, and the JSON document of a result."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

DONE = "done"


@dataclass(frozen=True)
class Measured:
    """The measurements of one run. ended: DONE, or the reason of a failure. server_cpu: CPU seconds of PostgreSQL."""

    ended: str
    seconds: float
    cpu: float
    peak_bytes: int
    server_cpu: float = 0.0


@dataclass(frozen=True)
class Run:
    """One run of one contender; rounds count from 1. seconds, cpu and server_cpu in seconds, cpu of all cores."""

    contender: str
    round: int
    ended: str
    seconds: float
    cpu: float
    peak_bytes: int
    server_cpu: float

    @staticmethod
    def of(contender: str, number: int, measured: Measured) -> "Run":
        """A run with these measurements."""
        return Run(contender, number, **asdict(measured))


@dataclass(frozen=True)
class Summary:
    """The medians of a contender's successful runs; None if there is none, with the reason in `ended`.

    ratio: the median of its seconds divided by those of the base in the same round; below 1 is faster than the base.
    """

    contender: str
    title: str
    runs: int
    ended: str
    seconds: float | None = None
    fastest: float | None = None
    slowest: float | None = None
    cpu: float | None = None
    server_cpu: float | None = None
    peak_bytes: int | None = None
    rows_per_second: int | None = None
    ratio: float | None = None


def slug(data: str) -> str:
    """The name of a data set in file names: "scale-30"."""
    return data.replace(" ", "-")


@dataclass(frozen=True)
class Result:
    """The result of one benchmark, with all runs.

    data: the data set, "scale 30" or "dump".
    rows: payments in the source, before any night. changed: facts that a night changed, else 0.
    titles: contender -> display name, in the order of the table; the first is the base of the ratios.
    """

    what: str
    about: str
    data: str
    rows: int
    changed: int
    date: str
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    memory: str
    titles: Mapping[str, str]
    runs: Sequence[Run] = field(default_factory=list)

    @property
    def slug(self) -> str:
        """Its name in file names."""
        return f"{self.what}-{slug(self.data)}"

    @property
    def base(self) -> str:
        """The contender that the others are compared with."""
        return next(iter(self.titles))

    def summaries(self) -> list[Summary]:
        """One summary per contender."""
        return [self._summary(name, title) for name, title in self.titles.items()]

    def _summary(self, name: str, title: str) -> Summary:
        successful = [run for run in self.runs if run.contender == name and run.ended == DONE]
        failures = [run.ended for run in self.runs if run.contender == name and run.ended != DONE]
        if not successful:
            return Summary(name, title, 0, failures[-1] if failures else "did not run")
        seconds = [run.seconds for run in successful]
        return Summary(
            name,
            title,
            len(successful),
            failures[-1] if failures else DONE,
            median(seconds),
            min(seconds),
            max(seconds),
            median(run.cpu for run in successful),
            median(run.server_cpu for run in successful),
            round(median(run.peak_bytes for run in successful)),
            None if self.changed else round(self.rows / median(seconds)),
            self.ratio(name),
        )

    def ratio(self, name: str) -> float | None:
        """The median of the ratios to the base, each of two runs in the same round."""
        seconds = {(run.contender, run.round): run.seconds for run in self.runs if run.ended == DONE}
        pairs = [
            seconds[name, number] / seconds[self.base, number]
            for contender, number in seconds
            if contender == name and (self.base, number) in seconds
        ]
        return median(pairs) if pairs else None

    def document(self) -> dict[str, Any]:
        """The JSON document: all fields and the summaries."""
        return {**asdict(self), "base": self.base, "summaries": [asdict(one) for one in self.summaries()]}

    @staticmethod
    def read(document: Mapping[str, Any]) -> "Result":
        """The result from its JSON document."""
        kept = {name: value for name, value in document.items() if name not in ("base", "summaries", "runs")}
        return Result(**kept, runs=[Run(**run) for run in document["runs"]])
