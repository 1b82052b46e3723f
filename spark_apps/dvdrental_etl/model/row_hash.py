"""The text whose md5 is row_hash, as one SQL expression that Spark, Sail, PostgreSQL and Redshift compute alike.

Values are joined by |. NULL is ~. In text, ~ is written ~0 and | is written ~1, so no two rows have the same text.
"""

from dvdrental_etl.errors import ContractError
from dvdrental_etl.model.contract import Column
from dvdrental_etl.model.targets import Scd2Dimension

LONGEST_NUMBER = "varchar(40)"


def row_hash_sql(target: Scd2Dimension) -> str:
    """The expression over the tracked columns. Raises ContractError for a type without a text here."""
    columns = {column.name: column for column in target.attributes}
    texts = (f"COALESCE({_text(target.table, columns[name])}, '~')" for name in target.tracked)
    return "MD5(" + " || '|' || ".join(texts) + ")"


def _text(table: str, column: Column) -> str:
    """A value as text, NULL for NULL. Casts are written out: how an engine prints a date or a boolean is its own."""
    name, base = column.name, column.type.split("(")[0]
    if base == "varchar":
        return f"REPLACE(REPLACE({name}, '~', '~0'), '|', '~1')"
    if base == "boolean":
        return f"CASE WHEN {name} THEN 'true' WHEN NOT {name} THEN 'false' END"
    if base == "date":
        parts = (
            f"EXTRACT(YEAR FROM {name}) * 10000 + EXTRACT(MONTH FROM {name}) * 100 + EXTRACT(DAY FROM {name})"
        )
        return f"CAST(CAST({parts} AS integer) AS {LONGEST_NUMBER})"
    if base in ("smallint", "integer", "bigint", "numeric"):
        return f"CAST({name} AS {LONGEST_NUMBER})"
    raise ContractError(
        f"contract: {table}.{column.name} is tracked, and row_hash has no text for its type {column.type}",
        "add one to model/row_hash.py and to tools/verify_sql/text.py, or do not track the column",
    )
