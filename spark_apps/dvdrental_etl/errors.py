"""Errors for people: what is wrong and where, what to do next, and the exit code that schedulers read."""

RUNBOOK = "docs/runbook.md"


class EtlError(Exception):
    """A failure that a person can act on.

    message: one line saying what is wrong and where. hint: one line saying what to do next. runbook: the heading of
    docs/runbook.md that explains it.
    """

    exit_code = 1
    runbook = ""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = " ".join(message.split())
        self.hint = " ".join(hint.split())

    @property
    def line(self) -> str:
        """What is wrong, and what to do."""
        return f"{self.message} -> {self.hint}" if self.hint else self.message

    def __str__(self) -> str:
        return f"{self.line} ({RUNBOOK}#{self.runbook})" if self.runbook else self.line


class UsageError(EtlError):
    """The command line is wrong."""

    exit_code = 2
    runbook = "exit-2-usage"


class ConfigError(EtlError):
    """The configuration is missing or wrong."""

    exit_code = 3
    runbook = "exit-3-configuration"


class SourceError(EtlError):
    """The source cannot be reached or read."""

    exit_code = 4
    runbook = "exit-4-source"


class ContractError(SourceError):
    """The source, or the frame made from it, is not what the contract says."""

    runbook = "exit-4-source-contract"


class GateRefused(EtlError):
    """The data broke a promise, so nothing was published."""

    exit_code = 5
    runbook = "exit-5-gate-refused"


class NotReconciled(GateRefused):
    """Rows or money differ from the source. Where only changes were read, comparing everything may correct it."""

    runbook = "exit-5-not-reconciled"


class Fenced(EtlError):
    """A newer attempt owns this table, or another session holds its lock."""

    exit_code = 6
    runbook = "exit-6-fenced"


class WarehouseError(EtlError):
    """The warehouse cannot be reached, read or written."""

    exit_code = 7
    runbook = "exit-7-warehouse"


class Conflict(WarehouseError):
    """The warehouse aborted a transaction in favour of another one: the same transaction may be tried again."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text that is not empty."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
