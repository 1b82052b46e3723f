"""Pure: Redshift's column types as PostgreSQL writes them."""

from __future__ import annotations

from collections.abc import Sequence

from redshift_emulator.tokens import Token, normalized, significant
from redshift_emulator.wire import SqlError

_TYPES = {
    "TEXT": "varchar(256)",
    "VARCHAR": "varchar(256)",
    "CHARACTER VARYING": "varchar(256)",
    "NVARCHAR": "varchar(256)",
    "BPCHAR": "char(256)",
    "CHAR": "char(1)",
    "CHARACTER": "char(1)",
    "NCHAR": "char(1)",
    "DATETIME": "timestamp",
    "DECIMAL": "numeric(18,0)",
    "NUMERIC": "numeric(18,0)",
    "DEC": "numeric(18,0)",
    "FLOAT": "double precision",
    "VARBYTE": "bytea",
    "VARBINARY": "bytea",
    "BINARY VARYING": "bytea",
}
_LONGEST = {"varchar": 65_535, "char": 4_096}
_KNOWN = frozenset(
    [
        *(
            "smallint",
            "int2",
            "integer",
            "int",
            "int4",
            "bigint",
            "int8",
            "numeric",
            "decimal",
            "dec",
            "real",
        ),
        *(
            "float4",
            "double",
            "float8",
            "float",
            "boolean",
            "bool",
            "char",
            "character",
            "nchar",
            "bpchar",
            "varchar",
        ),
        *("nvarchar", "text", "date", "timestamp", "timestamptz", "datetime", "time", "timetz", "varbyte"),
        *("varbinary", "binary", "bytea", "interval"),
    ]
)


def type_of(words: Sequence[Token]) -> str:
    """The type as PostgreSQL writes it. Raises SqlError for one that Redshift does not have."""
    parts = significant(words)
    written = normalized(parts)
    name = written.split(" (")[0]
    first = parts[0].value if parts else ""
    if first not in _KNOWN:
        raise SqlError("0A000", f'type "{first}" does not exist')
    if "(" not in written:
        return _TYPES.get(name, written.lower())
    size = parts[-2].text.upper()
    for kind, most in _LONGEST.items():
        if _TYPES.get(name, "").startswith(kind):
            number = most if size == "MAX" else int(size)
            if not 1 <= number <= most:
                raise SqlError("22023", f"length for type {kind} cannot exceed {most}")
            return f"{kind}({number})"
    if _TYPES.get(name, "").startswith("numeric"):
        precision = int(parts[2].text) if parts[2].kind == "number" else 0
        if not 1 <= precision <= 38:
            raise SqlError("22023", f"NUMERIC precision {precision} must be between 1 and 38")
        return "numeric" + "".join(part.text for part in parts[1:])
    return "bytea" if _TYPES.get(name) == "bytea" else written.lower()
