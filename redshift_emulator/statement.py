"""Pure: a client's text becomes what the emulator does about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from redshift_emulator import alter, correlated, ddl, grammar, rules, settings
from redshift_emulator.ddl import Definition
from redshift_emulator.wire import Refusal
from redshift_emulator.words import plain, split, spoken, text, tokens

#: Queries that drivers send on their own account: they ask PostgreSQL's catalogue, and are nobody's SQL to judge.
_OF_THE_DRIVER = re.compile(
    r"^(SELECT CURRENT_DATABASE AS TABLE_CAT FROM CURRENT_DATABASE|SELECT 1 FROM SVV_EXTERNAL_SCHEMAS"
    r"|SHOW (TABLES|COLUMNS|SCHEMAS|DATABASES)\b)"
)
#: Longer statements are rows, and do not come again.
WORTH_REMEMBERING = 65_536
_WRITTEN = re.compile(
    r"^(?:INSERT INTO|UPDATE|DELETE FROM|DELETE|COPY|TRUNCATE TABLE|TRUNCATE) ((?:\S+ \. )*\S+)"
)


@dataclass(frozen=True)
class Statement:
    """One statement: its text, its line for rules, what PostgreSQL runs instead (None: nothing), and its table."""

    text: str
    line: str
    sql: str | None
    definition: Definition | None = None

    @property
    def word(self) -> str:
        """The first word."""
        return self.line.split(" ", 1)[0]

    @property
    def tag(self) -> str:
        """What CommandComplete says of a statement that PostgreSQL does not see."""
        return "ALTER TABLE" if self.word == "ALTER" else self.word

    @property
    def emptied(self) -> str | None:
        """The table whose rows ALTER TABLE ... APPEND FROM moves away."""
        if self.sql is None or " APPEND FROM " not in self.line or self.word != "ALTER":
            return None
        return self.sql.rpartition(" FROM ")[2]

    @property
    def written(self) -> str | None:
        """The table that it writes, as it is written; None if it writes none."""
        if self.word == "ALTER" and self.definition is not None:
            return self.definition.table
        if not (match := _WRITTEN.match(self.line)):
            return None
        count = match.group(1).count(" . ") * 2 + 1
        words = spoken(tokens(self.text))
        skip = len(match.group(0).split()) - count
        name = "".join(token.text for token in words[skip : skip + count])
        return f'"{name.lower()}"' if name.startswith("#") else name


def understood(sql: str) -> Statement:
    """Judge and translate one statement. Raises Refusal."""
    return _remembered(sql) if len(sql) < WORTH_REMEMBERING else _understood(sql)


@lru_cache(maxsize=2_000)
def _remembered(sql: str) -> Statement:
    return _understood(sql)


def _understood(sql: str) -> Statement:
    if len(sql) > rules.MOST_BYTES:
        rules.check((), "SELECT", len(sql.encode()))
    parts = tokens(sql)
    while spoken(parts) and spoken(parts)[-1].text == ";":
        parts = parts[: max(i for i, token in enumerate(parts) if token.text == ";")]
    sql = text(parts)
    line = plain(parts)
    if not line or is_of_the_driver(line):
        return Statement(sql, line, sql)
    rules.check(spoken(parts), line, len(sql.encode()))
    if line.startswith("COPY "):  # it has a parser of its own
        return Statement(sql, line, None)
    if settings.STATEMENT.match(line):  # the grammar does not take ON and OFF
        return Statement(sql, line, settings.setting(sql, line))
    correlated.check(grammar.tree(sql))
    return _translated(sql, line)


def is_of_the_driver(line: str) -> bool:
    """Whether a driver asks this on its own account."""
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
    return Statement(sql, line, ddl._sharp(expressions(sql)), _selected_into(sql, line))


def _selected_into(sql: str, line: str) -> Definition | None:
    """The table that SELECT ... INTO makes."""
    if not line.startswith("SELECT ") or " INTO " not in line:
        return None
    words = spoken(tokens(ddl._sharp(sql)))
    at = next(i for i, token in enumerate(words) if token.plain == "INTO") + 1
    while words[at].plain in ("TEMP", "TEMPORARY", "TABLE"):
        at += 1
    end = at + 1
    while end + 1 < len(words) and words[end].text == ".":
        end += 2
    return Definition(sql, "".join(token.text for token in words[at:end]), ddl.Design())


def _bare(sql: str) -> str:
    return text([token for token in tokens(ddl._sharp(sql)) if token.kind != "comment"])


_CALLS = {"SYSDATE": "redshift_emulator_sysdate()"}
_UNITS = frozenset(
    [
        *(
            "YEAR",
            "YEARS",
            "Y",
            "YR",
            "QUARTER",
            "QUARTERS",
            "QTR",
            "MONTH",
            "MONTHS",
            "MON",
            "WEEK",
            "WEEKS",
            "W",
        ),
        *(
            "DAY",
            "DAYS",
            "D",
            "HOUR",
            "HOURS",
            "H",
            "HR",
            "MINUTE",
            "MINUTES",
            "M",
            "MIN",
            "SECOND",
            "SECONDS",
            "S",
        ),
        *("SEC", "MILLISECOND", "MILLISECONDS", "MS", "MICROSECOND", "MICROSECONDS", "US"),
    ]
)


def expressions(sql: str) -> str:
    """Functions that PostgreSQL cannot parse as Redshift writes them."""
    parts = tokens(sql)
    words = [i for i, token in enumerate(parts) if token in spoken([token])]
    made = [token.text for token in parts]
    for n, i in enumerate(words):
        word, follows = parts[i].plain, [parts[j].plain for j in words[n + 1 : n + 3]]
        if parts[i].kind != "name":
            continue
        if word in _CALLS and follows[:1] != ["("]:
            made[i] = _CALLS[word]
        elif word in ("DATEADD", "DATEDIFF", "DATE_PART") and follows[:1] == ["("] and follows[1] in _UNITS:
            made[words[n + 2]] = f"'{parts[words[n + 2]].text}'"
        elif word == "CONVERT" and follows[:1] == ["("]:
            _convert(parts, words, n, made)
        elif word == "LISTAGG" and follows[:1] == ["("]:
            _listagg(parts, words, n, made)
        elif word == "MINUS" and n and parts[words[n - 1]].text != ".":
            made[i] = "EXCEPT"
        elif word == "TOP" and n and parts[words[n - 1]].plain == "SELECT":
            raise Refusal("0A000", "emulator: SELECT TOP is Redshift's, but not emulated: say LIMIT")
    return "".join(made)


def _end(parts: list, words: list[int], n: int) -> int:
    depth = 0
    for m in range(n, len(words)):
        depth += {"(": 1, ")": -1}.get(parts[words[m]].text, 0)
        if depth == 0:
            return m
    return len(words) - 1


def _convert(parts: list, words: list[int], n: int, made: list[str]) -> None:
    """CONVERT(type, expression) is a cast."""
    end = _end(parts, words, n + 1)
    inside = parts[words[n + 1] + 1 : words[end]]
    pieces = split(inside, ",")
    if len(pieces) == 2:
        made[words[n]] = f"CAST({expressions(text(pieces[1]))} AS {ddl.type_of(pieces[0])})"
        for index in range(words[n] + 1, words[end] + 1):
            made[index] = ""


def _listagg(parts: list, words: list[int], n: int, made: list[str]) -> None:
    """LISTAGG(x, ',') WITHIN GROUP (ORDER BY y) is STRING_AGG(x, ',' ORDER BY y)."""
    end = _end(parts, words, n + 1)
    arguments = split(parts[words[n + 1] + 1 : words[end]], ",")
    separator = text(arguments[1]) if len(arguments) > 1 else "''"
    order, last = "", end
    if [parts[j].plain for j in words[end + 1 : end + 4]] == ["WITHIN", "GROUP", "("]:
        last = _end(parts, words, end + 3)
        order = text(parts[words[end + 3] + 1 : words[last]])
    value = text(arguments[0]).strip()
    distinct = "DISTINCT " if value.upper().startswith("DISTINCT ") else ""
    made[words[n]] = f"STRING_AGG({distinct}CAST({value[len(distinct) :]} AS text), {separator} {order})"
    for index in range(words[n] + 1, words[last] + 1):
        made[index] = ""
