"""What may become of a hostile state. Nothing else: no row lost, changed or merged, no exit code 1, no traceback."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Loaded:
    """It is loaded, and equals the source."""

    def __str__(self) -> str:
        return "loaded equal"


@dataclass(frozen=True)
class Quarantined:
    """The row is in etl_reject, under its key, with this column and rule."""

    column: str
    rule: str

    def __str__(self) -> str:
        return f"quarantined: `{self.column}` {self.rule}"


@dataclass(frozen=True)
class Refused:
    """The job ends with this exit code, and one line that has these words."""

    code: int
    words: str

    def __str__(self) -> str:
        return f'refused with exit code {self.code}: "{self.words}"'


Verdict = Loaded | Quarantined | Refused
LOADED = Loaded()


@dataclass(frozen=True)
class RowState:
    """One hostile row of a source table.

    assigned: what makes it hostile, as UPDATE ... SET has it. name: says it where the assignment is not plain.
    """

    table: str
    assigned: str
    verdict: Verdict = LOADED
    name: str = ""

    @property
    def title(self) -> str:
        """The state in words."""
        return f"{self.table}: {self.name or self.assigned}"


@dataclass(frozen=True)
class LoadState:
    """A state of a whole source or warehouse, for one load of a table.

    source, warehouse: SQL that a superuser runs there; {source} and {warehouse} are the names of the databases.
    schema: the source's. is_short: whether the daily tests bring it about.
    """

    title: str
    verdict: Verdict = LOADED
    source: str = ""
    warehouse: str = ""
    table: str = "dim_store"
    schema: str = "public"
    is_short: bool = False


@dataclass(frozen=True)
class ConfigurationState:
    """A configuration or a command line. file: the content of the configuration file; None for a valid one."""

    title: str
    verdict: Verdict
    file: bytes | None = None
    flags: tuple[str, ...] = ()
