"""What the catalogue says of a column decides how its values are read: each is read as it is, or as a sentinel."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from pyspark.sql import SparkSession

from dvdrental_etl import config
from dvdrental_etl.extract import catalog
from dvdrental_etl.extract.reader import Reader
from dvdrental_etl.extract.source import Source
from dvdrental_etl.limits import DEFAULT_LIMITS
from dvdrental_etl.model.source_tables import SourceTable
from tests.support.engines import engine
from tests.support.environment import Environment

#: Of decimal(5,2).
NO_AMOUNT = Decimal(1000)
#: Type in the source, declared type, and each value as SQL with what is read.
COLUMNS: Sequence[tuple[str, str, Mapping[str, object]]] = [
    ("smallint", "smallint", {"32767": 32767, "-32768": -32768, "NULL": None}),
    ("int", "smallint", {"32767": 32767, "32768": -32768, "-32769": -32768, "NULL": None}),
    ("smallint", "int", {"-32768": -32768}),
    ("int", "int", {"2147483647": 2147483647, "-2147483648": -2147483648, "NULL": None}),
    ("bigint", "int", {"2147483647": 2147483647, "2147483648": -2147483648, "NULL": None}),
    (
        "numeric(5,2)",
        "decimal(5,2)",
        {"999.99": Decimal("999.99"), "-999.99": Decimal("-999.99"), "'NaN'": NO_AMOUNT},
    ),
    ("numeric(4,1)", "decimal(5,2)", {"999.9": Decimal("999.90"), "NULL": None, "'NaN'": NO_AMOUNT}),
    (
        "numeric(6,2)",
        "decimal(5,2)",
        {"999.99": Decimal("999.99"), "1000": NO_AMOUNT, "-9999.99": NO_AMOUNT},
    ),
    (
        "numeric(5,1)",
        "decimal(5,2)",
        {"999.9": Decimal("999.90"), "1000": NO_AMOUNT, "'NaN'": NO_AMOUNT},
    ),
    ("few", "int", {"2147483647": 2147483647}),
    ("many", "int", {"2147483648": -2147483648}),
    ("exact", "decimal(5,2)", {"999.99": Decimal("999.99"), "'NaN'": NO_AMOUNT}),
    ("wide", "decimal(5,2)", {"1000": NO_AMOUNT}),
    ("varchar(16383)", "string", {"repeat('😀', 16383)": "😀" * 16383}),
    ("varchar(70000)", "string", {"repeat('x', 65535)": "x" * 65535, "repeat('x', 70000)": "x" * 65536}),
    ("text", "string", {"repeat('x', 65535)": "x" * 65535, "repeat('x', 70000)": "x" * 65536}),
    ("char(3)", "string", {"'a'": "a", "NULL": None}),
    ("mpaa_rating", "string", {"'PG-13'": "PG-13"}),
]


def test_values_are_read_as_they_are_or_as_sentinels(empty: Environment) -> None:
    empty.source("CREATE DOMAIN few AS int; CREATE DOMAIN many AS bigint")
    empty.source("CREATE DOMAIN exact AS numeric(5,2); CREATE DOMAIN wide AS numeric(7,2)")
    tables = []
    for number, (stored, declared, read) in enumerate(COLUMNS):
        empty.source(f"CREATE TABLE edge_{number} (edge_id int, value {stored})")
        values = ", ".join(f"({at}, {value})" for at, value in enumerate(read))
        empty.source(f"INSERT INTO edge_{number} VALUES {values}; GRANT SELECT ON edge_{number} TO PUBLIC")
        tables.append(SourceTable(f"edge_{number}", f"edge_id int, value {declared}", "edge_id"))
    with Source(config.load(empty.config, {}).source) as source:
        source.begin()
        for (stored, declared, read), table in zip(
            COLUMNS, catalog.check(source, tables).tables, strict=True
        ):
            query = f"SELECT {table.expression('value')} FROM {source.name(table.name)} ORDER BY edge_id"
            found = [value for (value,) in source.rows(query)]
            assert found == list(read.values()), f"{stored} as {declared}"


#: Digits, of which behind the point, and the values of a column of that type.
DECIMALS: Mapping[tuple[int, int], Sequence[str | None]] = {
    (5, 2): ["999.99", "-999.99", "0.01", "0.00", None],
    (17, 0): ["99999999999999999", "-99999999999999999", "1", "0", None],
    (17, 17): ["0.99999999999999999", "-0.99999999999999999", "0.00000000000000001", "0", None],
    (18, 2): ["9999999999999999.99", "-9999999999999999.99", "0.01", "0.00", None],
    (30, 10): ["12345678901234567890.0123456789", "-0.0000000001", "1", "0", None],
}


def test_an_engine_reads_decimals_of_every_width_exactly(empty: Environment, spark: SparkSession) -> None:
    names = [f"value_{digits}_{scale}" for digits, scale in DECIMALS]
    stored = ", ".join(f"{name} numeric{kind}" for name, kind in zip(names, DECIMALS, strict=True))
    empty.source(f"CREATE TABLE wide (wide_id int, {stored}); GRANT SELECT ON wide TO PUBLIC")
    for at, row in enumerate(zip(*DECIMALS.values(), strict=True)):
        empty.source(f"INSERT INTO wide VALUES ({at}, {', '.join(value or 'NULL' for value in row)})")
    declared = ", ".join(
        f"{name} decimal({digits},{scale})" for name, (digits, scale) in zip(names, DECIMALS, strict=True)
    )
    table = SourceTable("wide", f"wide_id int, {declared}", "wide_id")
    with Source(config.load(empty.config, {}).source) as source:
        source.begin()
        found = (
            Reader(source, engine(), spark, DEFAULT_LIMITS).frames((table,), {"wide": {}})["wide"].collect()
        )
    for name, values in zip(names, DECIMALS.values(), strict=True):
        expected = [None if value is None else Decimal(value) for value in values]
        assert [row[name] for row in sorted(found)] == expected, name
