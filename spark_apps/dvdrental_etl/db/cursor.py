"""What the suite uses of a DB-API cursor and connection, whichever driver it comes from."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Row = tuple[Any, ...]
#: Values by position, or by name; names are for our own numbers and timestamps.
Values = Sequence[Any] | Mapping[str, Any]


class Cursor(Protocol):
    """A cursor within a transaction."""

    @property
    def description(self) -> Sequence[Sequence[Any]] | None:
        """The columns of the last query; None after a statement that returns no rows."""

    @property
    def rowcount(self) -> int:
        """The rows that the last statement changed."""

    def execute(self, statement: str, values: Values | None = None, /) -> object:
        """Run one statement."""

    def fetchone(self) -> Row | None:
        """The next row; None at the end."""

    def fetchall(self) -> list[Row]:
        """All rows that are left."""


def only_value(cursor: Cursor) -> Any:
    """The only value of a query's only row."""
    ((value,),) = cursor.fetchall()
    return value
