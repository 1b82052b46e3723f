"""Pure but for chance: PostgreSQL's errors in Redshift's words."""

from __future__ import annotations

import secrets

from redshift_emulator.wire import Refusal

_LINE = "  -----------------------------------------------"


def block(error: str, code: int, context: str) -> str:
    """The detail of an error of the compute nodes, as clients see it."""
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


def conflict(table_id: str) -> Refusal:
    """Error 1023."""
    one, process = secrets.randbelow(1 << 20), secrets.randbelow(1 << 16)
    cycle = f"transactions forming the cycle are: {one}, {one + 1} (pid:{process})"
    return Refusal("XX000", "1023", f"Serializable isolation violation on table - {table_id}, {cycle}")


def translated(fields: dict[str, str], table_id: str) -> Refusal:
    """What Redshift says where PostgreSQL says this."""
    state, message = fields.get("C", "XX000"), fields.get("M", "")
    if state == "40001":
        return conflict(table_id)
    if fields.get("n", "").startswith("redshift_bytes_") or state == "22001":
        what = "Value too long for character type"
        return Refusal("22001", what, block(what, 8001, message))
    if state == "23502" and (column := fields.get("c")):
        return Refusal("23502", f"Cannot insert a NULL value into column {column}")
    return Refusal(state, message, fields.get("D", ""), fields.get("H", ""))
