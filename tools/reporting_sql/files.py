"""Each generated file of sql_scripts/reporting, by its name."""

from collections.abc import Iterable, Iterator, Sequence

from dvdrental_etl.model.contract import star_tables
from tools.reporting_sql.notes import Documented, all_tables
from tools.reporting_sql.references import CALENDAR, references
from tools.reporting_sql.views import date_roles, views
from tools.verify_sql.star import Star
from tools.verify_sql.text import GENERATED

#: The group that may read the star; sql_scripts/reporting_group.sql makes it.
GROUP = "reporting"


def generated_files(star: Star) -> dict[str, str]:
    """Name in sql_scripts/reporting -> text."""
    return {
        "views.sql": _file(
            "The views for analysts; docs/data-dictionary.md explains them.", (v.sql for v in views(star))
        ),
        "comments.sql": _file(
            "The DDL's notes as comments, for those who look with a tool.", _comments(star)
        ),
        "keys.sql": _file(
            "What joins what, as foreign keys that nothing enforces. PostgreSQL from 18 on: append NOT ENFORCED.",
            _keys(star),
        ),
        "grants.sql": _file(
            f"What the group {GROUP} may read: the star and its views, not the record.", [_grant(star)]
        ),
    }


def _file(about: str, statements: Iterable[str]) -> str:
    return "\n".join([f"-- {about}", GENERATED, *(f"{statement};" for statement in statements)]) + "\n"


def _comments(star: Star) -> Iterator[str]:
    joined = {(star.fact.table, one.column): f"; joins {one.dimension}.{one.key}" for one in references(star)}
    for table in all_tables():
        yield from _comments_of(
            "TABLE", table, {c: t for (name, c), t in joined.items() if name == table.name}
        )
    for view in (*date_roles(star), *(view.documented for view in views(star))):
        yield from _comments_of("VIEW", view, {})


def _comments_of(kind: str, described: Documented, added: dict[str, str]) -> Iterator[str]:
    yield f"COMMENT ON {kind} {described.name} IS {_literal(described.note)}"
    for column, note in described.columns:
        text = _literal(note + added.get(column.name, ""))
        yield f"COMMENT ON COLUMN {described.name}.{column.name} IS {text}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _keys(star: Star) -> Iterator[str]:
    table = star.fact.table
    for one in references(star):
        yield (
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{one.column}_fkey"
            f" FOREIGN KEY ({one.column}) REFERENCES {one.dimension} ({one.key})"
        )


def _grant(star: Star) -> str:
    return "GRANT SELECT ON\n    " + ",\n    ".join(readable(star)) + f"\nTO GROUP {GROUP}"


def readable(star: Star) -> Sequence[str]:
    """The tables and views that analysts may read."""
    return [
        *(*star_tables(), CALENDAR),
        *(view.name for view in (*date_roles(star), *(view.documented for view in views(star)))),
    ]
