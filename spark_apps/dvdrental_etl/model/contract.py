"""The DDL read as a contract: sql_scripts declares each table and each column's type once."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from dvdrental_etl.errors import ContractError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

#: etl_range counts the source's keys by ranges of 2^10: a deletion costs the reading of one range.
KEY_RANGE_BITS = 10
KEY_RANGE_SIZE = 1 << KEY_RANGE_BITS

_COLUMN = re.compile(
    r"^ {4}(?P<name>[a-z_0-9]+)\s+(?P<type>[a-z]+(?:\(\d+(?:,\d+)?\))?)\s*(?P<required>NOT NULL)?\s*(?:,|--|$)"
)


@dataclass(frozen=True)
class Column:
    """One column of a table: its type as the DDL writes it, and whether it may be NULL."""

    name: str
    type: str
    required: bool = False

    @property
    def spark_type(self) -> str:
        """The Spark type that holds exactly the same values."""
        base = self.type.split("(")[0]
        plain = {
            "integer": "int",
            "varchar": "string",
            "timestamp": "timestamp_ntz",
            "numeric": self.type.replace("numeric", "decimal"),
        }
        return plain.get(base, base)

    @property
    def read_type(self) -> str:
        """The Spark type of its values before they are validated: a numeric has one digit more (sentinels.py)."""
        if not self.type.startswith("numeric"):
            return self.spark_type
        digits, scale = digits_of(self.type)
        return f"decimal({digits + 1},{scale})"

    @property
    def bytes(self) -> int | None:
        """How many bytes a varchar(n) holds. Redshift counts bytes; PostgreSQL, counting characters, holds more."""
        return int(self.type[8:-1]) if self.type.startswith("varchar(") else None


def digits_of(numeric: str) -> tuple[int, int]:
    """The digits in all, and those behind the point, of "numeric(5,2)" or "(5,2)"."""
    digits, scale = numeric[numeric.index("(") + 1 : -1].split(",")
    return int(digits), int(scale)


def _scripts() -> "Traversable":
    """The folder sql_scripts: of the checkout, or of the zip that executors get."""
    checkout = Path(__file__).resolve().parents[3] / "sql_scripts"
    return checkout if checkout.is_dir() else resources.files("dvdrental_etl").joinpath("sql_scripts")


def script(name: str) -> str:
    """The text of one file of sql_scripts."""
    return _scripts().joinpath(name).read_text(encoding="utf-8")


@cache
def ddl_names() -> tuple[str, ...]:
    """Each create_<name>.sql, by name: the tables of the star, dim_date and the run record."""
    names = (path.name for path in _scripts().iterdir())
    return tuple(sorted(name[7:-4] for name in names if name.startswith("create_") and name.endswith(".sql")))


def star_tables() -> tuple[str, ...]:
    """The tables that scripts load, dimensions first: those whose rows name a batch."""
    names = (name for name in ddl_names() if name.startswith(("dim_", "fact_")))
    return tuple(name for name in names if "batch_id" in {column.name for column in columns_of(name)})


@cache
def tables_in(name: str) -> Mapping[str, tuple[Column, ...]]:
    """The tables that create_<name>.sql makes, each with its columns in order."""
    found: dict[str, tuple[Column, ...]] = {}
    for block in re.finditer(
        r"^CREATE TABLE IF NOT EXISTS (\w+) \(\n(.*?)^\);", script(f"create_{name}.sql"), re.S | re.M
    ):
        matches = (_COLUMN.match(line) for line in block[2].splitlines())
        found[block[1]] = tuple(
            Column(match["name"], match["type"], bool(match["required"])) for match in matches if match
        )
    return found


def columns_of(table: str) -> tuple[Column, ...]:
    """The columns of a star table, in the order of its DDL."""
    return tables_in(table)[table]


def primary_key(table: str) -> str:
    """The only column of a star table's primary key."""
    found = re.search(r"^ {4}PRIMARY KEY \((\w+)\)$", script(f"create_{table}.sql"), re.M)
    if not found:
        raise ContractError(
            f"contract: sql_scripts/create_{table}.sql has no line 'PRIMARY KEY (<column>)'",
            "add it to the DDL",
        )
    return found[1]


def natural_key(dimension: str) -> str:
    """The natural key of a dimension: by convention the column after its surrogate key."""
    return columns_of(dimension)[1].name


def differences(actual: Iterable[tuple[str, str]], expected: Iterable[tuple[str, str]]) -> list[str]:
    """Each difference between two lists of (name, type), in words. Order does not count."""
    fields = list(actual)
    have, want = dict(fields), dict(expected)
    names = [name for name, _ in fields]
    return [
        *(f"{name} occurs {names.count(name)} times" for name in have if names.count(name) > 1),
        *(f"{name} is missing ({want[name]})" for name in want if name not in have),
        *(f"{name} is not expected ({have[name]})" for name in have if name not in want),
        *(
            f"{name} is {have[name]}, not {want[name]}"
            for name in want
            if have.get(name, want[name]) != want[name]
        ),
    ]


def check_frame(fields: Iterable[tuple[str, str]], expected: Iterable[Column], table: str) -> None:
    """Raise ContractError, naming each difference, unless a frame has the columns and types of its table.

    A numeric may have one digit more, as it comes from the source: a rule keeps out what the column cannot hold. An int
    is as good as a bigint.
    """
    columns = tuple(expected)
    accepted = {(c.name, c.read_type): c.spark_type for c in columns} | {
        (c.name, "int"): c.spark_type for c in columns if c.spark_type == "bigint"
    }
    narrowed = [(name, accepted.get((name, kind), kind)) for name, kind in fields]
    found = differences(narrowed, ((column.name, column.spark_type) for column in columns))
    if found:
        raise ContractError(
            f"contract: the frame for {table} differs from sql_scripts/create_{table}.sql: {'; '.join(found)}",
            "correct transform()'s closing select or the DDL",
        )
