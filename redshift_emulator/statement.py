"""Pure: check a client's statement, and translate it for PostgreSQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from redshift_emulator import alter, correlated, ddl, grammar, rules, settings, target_join
from redshift_emulator.design import Definition, Design
from redshift_emulator.expressions import translate_expressions
from redshift_emulator.tokens import normalized, quote_temporary, significant, sql_text, tokenize

#: Catalogue queries that drivers send by themselves: they are not checked.
_OF_THE_DRIVER = re.compile(
    r"^(SELECT CURRENT_DATABASE AS TABLE_CAT FROM CURRENT_DATABASE|SELECT 1 FROM SVV_EXTERNAL_SCHEMAS"
    r"|SHOW (TABLES|COLUMNS|SCHEMAS|DATABASES)\b)"
)
#: Longer statements contain rows, and are not repeated.
MAX_CACHED_LENGTH = 65_536
_WRITES = re.compile(
    r"^(?:INSERT INTO|UPDATE|DELETE FROM|DELETE|COPY|TRUNCATE TABLE|TRUNCATE) ((?:\S+ \. )*\S+)"
)


@dataclass(frozen=True)
class Statement:
    """One statement: its text, its normalized line, the SQL for PostgreSQL (None: nothing), and its definition."""

    text: str
    line: str
    sql: str | None
    definition: Definition | None = None

    @property
    def command(self) -> str:
        """The first word."""
        return self.line.split(" ", 1)[0]

    @property
    def tag(self) -> str:
        """The command tag of CommandComplete, for a statement that PostgreSQL does not get."""
        return "ALTER TABLE" if self.command == "ALTER" else self.command

    @property
    def appended_from(self) -> str | None:
        """The table from which ALTER TABLE ... APPEND FROM moves all rows."""
        if self.sql is None or " APPEND FROM " not in self.line or self.command != "ALTER":
            return None
        return self.sql.rpartition(" FROM ")[2]

    @property
    def written_table(self) -> str | None:
        """The table that the statement writes, as the client spelled it; None if it writes none."""
        if self.command == "ALTER" and self.definition is not None:
            return self.definition.table
        if not (match := _WRITES.match(self.line)):
            return None
        count = match.group(1).count(" . ") * 2 + 1
        words = significant(tokenize(self.text))
        skip = len(match.group(0).split()) - count
        name = "".join(token.text for token in words[skip : skip + count])
        return f'"{name.lower()}"' if name.startswith("#") else name


def translate(sql: str) -> Statement:
    """Check and translate one statement. Raises SqlError."""
    return _cached(sql) if len(sql) < MAX_CACHED_LENGTH else _translated_statement(sql)


@lru_cache(maxsize=2_000)
def _cached(sql: str) -> Statement:
    return _translated_statement(sql)


def _translated_statement(sql: str) -> Statement:
    if len(sql) > rules.MOST_BYTES:
        rules.check((), "SELECT", len(sql.encode()))
    parts = tokenize(sql)
    while significant(parts) and significant(parts)[-1].text == ";":
        parts = parts[: max(i for i, token in enumerate(parts) if token.text == ";")]
    sql = sql_text(parts)
    line = normalized(parts)
    if not line or is_of_the_driver(line):
        return Statement(sql, line, sql)
    rules.check(significant(parts), line, len(sql.encode()))
    if line.startswith("COPY "):  # it has a separate parser
        return Statement(sql, line, None)
    if settings.STATEMENT.match(line):  # the grammar does not accept ON and OFF
        return Statement(sql, line, settings.setting(sql, line))
    correlated.check(grammar.tree(sql))
    target_join.check(sql, line)
    return _translated(sql, line)


def is_of_the_driver(line: str) -> bool:
    """Whether this is a driver's own catalogue query."""
    return bool(_OF_THE_DRIVER.match(line))


def _translated(sql: str, line: str) -> Statement:
    if re.match(r"CREATE (LOCAL )?(TEMP |TEMPORARY )?TABLE\b", line):
        made = ddl.create_table(sql)
        return Statement(sql, line, made.sql, made)
    if line.startswith("ALTER TABLE "):
        made = alter.alter_table(sql)
        return Statement(sql, line, made.sql or None, made)
    if line.startswith("LOCK "):
        return Statement(
            sql, line, "LOCK TABLE " + re.sub(r"^\s*LOCK\s+(TABLE\s+)?", "", _bare(sql), flags=re.I)
        )
    if line.startswith("VACUUM"):
        return Statement(sql, line, None)
    if re.match(r"^(BEGIN|START)\b", line):
        return Statement(sql, line, "BEGIN")  # the isolation level is the database's
    return Statement(sql, line, quote_temporary(translate_expressions(sql)), _selected_into(sql, line))


def _selected_into(sql: str, line: str) -> Definition | None:
    """The table that SELECT ... INTO creates."""
    if not line.startswith("SELECT ") or " INTO " not in line:
        return None
    words = significant(tokenize(quote_temporary(sql)))
    at = next(i for i, token in enumerate(words) if token.normalized == "INTO") + 1
    while words[at].normalized in ("TEMP", "TEMPORARY", "TABLE"):
        at += 1
    end = at + 1
    while end + 1 < len(words) and words[end].text == ".":
        end += 2
    return Definition(sql, "".join(token.text for token in words[at:end]), Design())


def _bare(sql: str) -> str:
    return sql_text([token for token in tokenize(quote_temporary(sql)) if token.kind != "comment"])
