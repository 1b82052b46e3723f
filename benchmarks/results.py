"""Pure: runs become medians, ratios and a document to keep."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

DONE = "done"


@dataclass(frozen=True)
class Measured:
    """What one run took. ended: DONE, or why not. server_cpu: CPU seconds of PostgreSQL's own processes meanwhile."""

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
        return Run(contender, number, **asdict(measured))


@dataclass(frozen=True)
class Summary:
    """The medians of a contender's runs that ended well; without any, they are None, and `ended` says why.

    ratio: its seconds by those of the base in the same round, the median of these; below 1 is faster than the base.
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
    """The name of a business as files have it: "scale-30"."""
    return data.replace(" ", "-")


@dataclass(frozen=True)
class Result:
    """One benchmark: what was done, on what, by whom, and all runs.

    data: the business, as "scale 30" or "dump".
    rows: payments in the source, before any night. changed: facts that a night changed, else 0.
    titles: contender -> its name for people, in the order of the table; the first is the base of the ratios.
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
        """Its name as files have it."""
        return f"{self.what}-{slug(self.data)}"

    @property
    def base(self) -> str:
        return next(iter(self.titles))

    def summaries(self) -> list[Summary]:
        """One a contender."""
        return [self._summary(name, title) for name, title in self.titles.items()]

    def _summary(self, name: str, title: str) -> Summary:
        good = [run for run in self.runs if run.contender == name and run.ended == DONE]
        bad = [run.ended for run in self.runs if run.contender == name and run.ended != DONE]
        if not good:
            return Summary(name, title, 0, bad[-1] if bad else "did not run")
        seconds = [run.seconds for run in good]
        return Summary(
            name,
            title,
            len(good),
            bad[-1] if bad else DONE,
            median(seconds),
            min(seconds),
            max(seconds),
            median(run.cpu for run in good),
            median(run.server_cpu for run in good),
            round(median(run.peak_bytes for run in good)),
            None if self.changed else round(self.rows / median(seconds)),
            self.ratio(name),
        )

    def ratio(self, name: str) -> float | None:
        """The median of the ratios of runs of one round."""
        seconds = {(run.contender, run.round): run.seconds for run in self.runs if run.ended == DONE}
        pairs = [
            seconds[name, number] / seconds[self.base, number]
            for contender, number in seconds
            if contender == name and (self.base, number) in seconds
        ]
        return median(pairs) if pairs else None

    def document(self) -> dict[str, Any]:
        """What is kept as JSON: everything, and the summaries."""
        return {**asdict(self), "base": self.base, "summaries": [asdict(one) for one in self.summaries()]}

    @staticmethod
    def read(document: Mapping[str, Any]) -> "Result":
        """The result that a document was made of."""
        kept = {name: value for name, value in document.items() if name not in ("base", "summaries", "runs")}
        return Result(**kept, runs=[Run(**run) for run in document["runs"]])
