"""The settings of PostgreSQL that the suite's SQL relies on, whatever the role, the database or the environment set.

They hold for one transaction: so a pooler that gives each transaction to another session, as pgbouncer does, neither
loses them nor leaves them to somebody else.
"""

from collections.abc import Sequence

from dvdrental_etl.db.names import quoted

#: row_security: without it, a policy would hide rows; with it off, PostgreSQL refuses the query. Timeouts: a connection
#: waits while the other side, or Spark, works.
RELIED_ON = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "standard_conforming_strings": "on",
    "row_security": "off",
    "idle_in_transaction_session_timeout": "0",
}
TRANSACTION_TIMEOUT_SINCE = 170000


def of_transaction(server_version: int, search_path: Sequence[str] = (), **more: str) -> str:
    """The statements that make them, as one text."""
    return "; ".join(statements(server_version, search_path, **more))


def statements(server_version: int, search_path: Sequence[str] = (), **more: str) -> list[str]:
    """The statements that make them, and `more`, those of the transaction, on a server of that version (as 180001)."""
    wanted = RELIED_ON | more
    if server_version >= TRANSACTION_TIMEOUT_SINCE:
        wanted |= {"transaction_timeout": "0"}
    made = [f"SET LOCAL {name} = {_literal(value)}" for name, value in wanted.items()]
    if search_path:
        made.append(f"SET LOCAL search_path = {', '.join(map(quoted, search_path))}")
    return made


def _literal(text: str) -> str:
    """A string that reads the same whatever standard_conforming_strings is."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
