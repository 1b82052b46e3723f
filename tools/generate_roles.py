"""Write sql_scripts/roles/source_postgres.sql: `python -m tools.generate_roles`, with spark_apps on PYTHONPATH.

The rights of the role that reads the source follow from the SOURCES of the scripts: these columns and no others.
"""

from importlib import import_module
from pathlib import Path
from textwrap import fill

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "sql_scripts" / "roles" / "source_postgres.sql"

WIDTH, INDENT = 120, "    "

HEAD = """\
-- The role that reads the source on PostgreSQL, with rights on exactly the columns that the jobs and verify read.
-- Written by `make generate` from the SOURCES of the scripts. Change the names of role, database and schema, run it as
-- the owner of the tables, and give the role a password with psql's \\password.
-- xmin names the transaction that wrote a row. Without the right to read it, every load reads and compares everything.
CREATE ROLE etl_source_reader LOGIN;
GRANT CONNECT ON DATABASE dvdrental TO etl_source_reader;
GRANT USAGE ON SCHEMA public TO etl_source_reader;
"""


def columns_read(spark_apps: Path = ROOT / "spark_apps") -> dict[str, list[str]]:
    """Table of the source -> the columns that any script reads of it, in the order of the first one."""
    found: dict[str, list[str]] = {}
    for path in sorted(spark_apps.glob("load_*.py")):
        for table in import_module(path.stem).SOURCES:
            found[table.name] = [*dict.fromkeys((*found.get(table.name, ()), table.key, *table.types))]
    return found


def grants() -> str:
    """The file."""
    lines = []
    for table, columns in sorted(columns_read().items()):
        listed = fill(", ".join((*columns, "xmin")), WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
        lines.append(f"GRANT SELECT (\n{listed}\n) ON public.{table} TO etl_source_reader;\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    FILE.write_text(grants(), encoding="utf-8")
