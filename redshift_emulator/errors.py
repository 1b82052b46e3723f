"""Errors as Redshift reports them."""

from __future__ import annotations

import secrets

from redshift_emulator.wire import SqlError

_LINE = "  -----------------------------------------------"


def compute_node_detail(error: str, code: int, context: str) -> str:
    """The detail of an error of the compute nodes, in Redshift's layout."""
    rows = {
        "error": error,
        "code": code,
        "context": context,
        "query": 1,
        "location": "emulator",
        "process": "emulator",
    }
    return (
        f"\n{_LINE}\n"
        + "".join(f"  {name + ':':<11}{value}\n" for name, value in rows.items())
        + f"{_LINE}\n"
    )


def serialization_conflict(table_id: str) -> SqlError:
    """Error 1023, with an invented cycle of transactions."""
    one, process = secrets.randbelow(1 << 20), secrets.randbelow(1 << 16)
    cycle = f"transactions forming the cycle are: {one}, {one + 1} (pid:{process})"
    return SqlError("XX000", "1023", f"Serializable isolation violation on table - {table_id}, {cycle}")


def redshift_error(fields: dict[str, str], table_id: str) -> SqlError:
    """Redshift's error for an error of PostgreSQL, given by its fields."""
    state, message = fields.get("C", "XX000"), fields.get("M", "")
    if state == "40001":
        return serialization_conflict(table_id)
    if fields.get("n", "").startswith("redshift_bytes_") or state == "22001":
        what = "Value too long for character type"
        return SqlError("22001", what, compute_node_detail(what, 8001, message))
    if state == "23502" and (column := fields.get("c")):
        return SqlError("23502", f"Cannot insert a NULL value into column {column}")
    return SqlError(state, message, fields.get("D", ""), fields.get("H", ""))
