"""Pure: statements that Redshift rejects although the grammar accepts them.

Each rule is a pattern over the normalized form of a statement, and Redshift's error. Sources are the pages of AWS's
Database Developer Guide that docs/redshift-emulator.md names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from redshift_emulator.tokens import Token
from redshift_emulator.wire import SqlError

MOST_BYTES = 16 * 1024 * 1024
MOST_COLUMNS = 1_600
MOST_NAME_BYTES = 127

ALLOWED = frozenset(
    [
        *(
            "SELECT",
            "WITH",
            "INSERT",
            "UPDATE",
            "DELETE",
            "CREATE",
            "DROP",
            "ALTER",
            "TRUNCATE",
            "LOCK",
            "BEGIN",
        ),
        *("START", "COMMIT", "END", "ROLLBACK", "ABORT", "SET", "RESET", "SHOW", "COPY", "GRANT", "REVOKE"),
        *("ANALYZE", "ANALYSE", "VACUUM", "COMMENT", "EXPLAIN"),
    ]
)
NOT_SUPPORTED, SYNTAX, NO_FUNCTION = "0A000", "42601", "42883"


@dataclass(frozen=True)
class Rule:
    """A pattern that a statement must not match, and the error if it does; {0} is the matched text."""

    pattern: re.Pattern[str]
    sqlstate: str
    message: str


def _any(words: str) -> str:
    """A pattern that matches any of the words."""
    return rf"\b(?:{'|'.join(words.split())})\b"


def _rules(sqlstate: str, message: str, *patterns: str) -> tuple[Rule, ...]:
    return tuple(Rule(re.compile(pattern), sqlstate, message) for pattern in patterns)


_OBJECTS = _any("SEQUENCE TRIGGER RULE DOMAIN TYPE EXTENSION TABLESPACE AGGREGATE OPERATOR CAST")
_TYPES = _any(
    "BIGSERIAL SMALLSERIAL SERIAL SERIAL2 SERIAL4 SERIAL8 JSON JSONB UUID XML MONEY INET CIDR MACADDR TSVECTOR TSQUERY "
    "HSTORE CITEXT POINT POLYGON INT4RANGE INT8RANGE NUMRANGE TSRANGE DATERANGE"
)
_AFTER_A_TYPE = r"(?= (?:NOT|NULL|DEFAULT|,|\)|PRIMARY|UNIQUE|ENCODE|\[)|$)"
_FUNCTIONS = _any(
    "STRING_AGG ARRAY_AGG JSON_AGG JSONB_AGG JSON_BUILD_OBJECT JSONB_BUILD_OBJECT ROW_TO_JSON TO_JSON TO_JSONB UNNEST "
    "HASHTEXT REGEXP_MATCHES REGEXP_SPLIT_TO_TABLE GEN_RANDOM_UUID MAKE_DATE MAKE_TIMESTAMP TO_REGCLASS FORMAT "
    "CONCAT_WS EVERY CLOCK_TIMESTAMP STATEMENT_TIMESTAMP TRANSACTION_TIMESTAMP CARDINALITY ARRAY_LENGTH "
    "NUM_NONNULLS NUM_NULLS PG_EXPORT_SNAPSHOT PG_CURRENT_SNAPSHOT TXID_CURRENT PG_CURRENT_XACT_ID PG_CURRENT_WAL_LSN "
    r"PG_BLOCKING_PIDS PG_NOTIFY SETVAL NEXTVAL CURRVAL LASTVAL PG_(?:TRY_)?ADVISORY\w+"
)
_LOCK_MODES = "(?:(?:ACCESS|ROW|SHARE UPDATE|SHARE ROW) )?(?:SHARE|EXCLUSIVE)"

RULES = (
    *_rules(
        NOT_SUPPORTED,
        'SQL command "{0}" not supported.',
        r"^(SAVEPOINT|RELEASE|ROLLBACK (WORK |TRANSACTION )?TO)\b",
        r"^SET (SESSION )?CHARACTERISTICS|^SET CONSTRAINTS",
    ),
    *_rules(
        NOT_SUPPORTED,
        'SQL command "{0}" not supported on Redshift tables.',
        r"^CREATE (UNIQUE )?INDEX|^DROP INDEX|^REINDEX|^ALTER INDEX",
        rf"^(CREATE|ALTER|DROP) {_OBJECTS}",
        r"^(LISTEN|NOTIFY|UNLISTEN|CLUSTER|DO|LOAD|CHECKPOINT)\b",
    ),
    *_rules(
        NOT_SUPPORTED,
        "emulator: {0} is Redshift's, but not emulated",
        r"^(UNLOAD|MERGE|CALL|DECLARE|FETCH|CLOSE)\b",
        r"^ANALYZE COMPRESSION\b|^ANALY[SZ]E .*\b(PREDICATE|ALL) COLUMNS$",
        rf"{_any('QUALIFY APPROXIMATE PIVOT UNPIVOT')}|{_any('MEDIAN RATIO_TO_REPORT JSON_EXTRACT_PATH_TEXT')}(?= \()",
        r"^CREATE .*\bWITH NO SCHEMA BINDING$|^CREATE MATERIALIZED VIEW",
        r"^CREATE (OR REPLACE )?(PROCEDURE|FUNCTION|MODEL|LIBRARY|EXTERNAL|DATASHARE)",
        r"\bSUPER\b(?= (NOT|NULL|DEFAULT|,|\)))|\b(GEOMETRY|GEOGRAPHY|HLLSKETCH)\b",
    ),
    *_rules(SYNTAX, 'syntax error at or near "ON"', r"^CREATE .*\bON COMMIT (DROP|DELETE|PRESERVE)\b"),
    *_rules(SYNTAX, 'syntax error at or near "FILTER"', r"\) FILTER \("),
    *_rules(SYNTAX, 'syntax error at or near "DISTINCT"', r"\bIS (NOT )?DISTINCT FROM\b"),
    *_rules(
        SYNTAX,
        'syntax error at or near "{0}"',
        r"\bUNLOGGED\b",
        rf"^LOCK .* IN {_LOCK_MODES} MODE|^LOCK .* NOWAIT",
        r"\bON CONFLICT\b",
        r"^UPDATE .* SET \(|\bOPERATOR \(|\bWHERE CURRENT OF\b|\bWINDOW \w+ AS \(|\bFETCH (FIRST|NEXT)\b",
        r"\bRETURNING\b",
        r"\bLATERAL\b",
        r"\bTABLESAMPLE\b",
        r"\bWITH ORDINALITY\b|\bGROUPS BETWEEN\b|\bEXCLUDE (CURRENT|TIES|GROUP|USING)\b",
        _any("DEFERRABLE INITIALLY TABLESPACE INHERITS CONCURRENTLY"),
        r"\bNULLS NOT DISTINCT\b|\bPARTITION OF\b",
        r"^CREATE (LOCAL |TEMP |TEMPORARY )*TABLE .*\bPARTITION BY (RANGE|LIST|HASH)\b",
        r"\bOVERRIDING (SYSTEM|USER) VALUE\b|\bAS (NOT )?MATERIALIZED \(",
        r"^TRUNCATE .*(,|\b(CASCADE|RESTRICT|RESTART|CONTINUE)\b)",
        r"^VACUUM \(|^VACUUM .*\b(VERBOSE|ANALYZE|FREEZE)\b",
        r"^WITH .*\b(INSERT INTO|DELETE FROM|UPDATE \w+ SET)\b",
    ),
    *_rules(
        NOT_SUPPORTED,
        "{0} is not supported",
        r"\( VALUES \(|^VALUES\b",
        r"\bROW \(",
        r"\bFOR (UPDATE|SHARE|NO KEY UPDATE|KEY SHARE)\b",
        r"\bDISTINCT ON \(",
        r"\bRANGE BETWEEN (?!UNBOUNDED|CURRENT)",
        r"^(CREATE|ALTER) .*\bCHECK \(",
        r"^(CREATE|ALTER) .*\bGENERATED ALWAYS AS\b",
    ),
    *_rules(
        NOT_SUPPORTED,
        'type "{0}" is not supported',
        _TYPES + _AFTER_A_TYPE,
        r":: (JSONB?|UUID|XML|MONEY|INET)\b",
    ),
    *_rules(
        NOT_SUPPORTED,
        "arrays are not supported on Redshift tables: {0}",
        r"\b[A-Z]\w*( \( \d+ \))? \[ \]|\bARRAY \[|\bANY \( (\$|ARRAY|'\?')",
    ),
    *_rules("42703", 'column "{0}" does not exist', _any("CTID XMIN XMAX CMIN CMAX TABLEOID")),
    *_rules(NO_FUNCTION, "function {0} does not exist", rf"{_FUNCTIONS}(?= \()"),
    *_rules(
        "42501",
        "permission denied: {0}",
        r"^(CREATE|ALTER|DROP) (USER|GROUP|ROLE|DATABASE)",
    ),
)

#: Functions that run on the leader node only: an error together with a user's table. NOW() and others are replaced in
#: Redshift by GETDATE() and SYSDATE.
LEADER_ONLY = re.compile(
    _any(
        "NOW AGE CURRENT_SCHEMA CURRENT_SCHEMAS GENERATE_SERIES PG_BACKEND_PID PG_GET_VIEWDEF PG_CANCEL_BACKEND "
        r"PG_TERMINATE_BACKEND HAS_\w+_PRIVILEGE TO_ASCII LOCALTIME LOCALTIMESTAMP CURRENT_TIME CURRENT_TIMESTAMP "
        "VERSION CONVERT_FROM FORMAT_TYPE"
    )
    + r"(?! \.)"
)
_SYSTEM = "PG_|SVV_|STV_|STL_|SVL_|SYS_|INFORMATION_SCHEMA|GENERATE_SERIES"
_FROM_USER_TABLE = re.compile(rf'\b(?:FROM|JOIN|INTO|UPDATE|USING) (?!{_SYSTEM}|\()["#A-Z]')
#: Statements that Redshift does not run in a transaction block.
NOT_IN_A_BLOCK = re.compile(r"^(VACUUM|ALTER TABLE .* APPEND FROM|ALTER TABLE .* ALTER COLUMN .* TYPE)\b")

#: Views of clusters, which nobody may read on a Serverless workgroup, superusers included.
_OF_CLUSTERS = re.compile(r"\b(?:STL|STV|SVL|SVCS)_\w+")


def check_on_serverless(line: str) -> None:
    """Reject a statement that reads views which a Serverless workgroup lacks. Raises SqlError."""
    if match := _OF_CLUSTERS.search(line):
        raise SqlError("42501", f"permission denied for relation {match.group().lower()}")


def check(parts: Sequence[Token], line: str, size: int) -> None:
    """Check a statement against the rules. Raises SqlError."""
    if size > MOST_BYTES:
        what = f"Statement is too large. Statement Size: {size} bytes. Maximum Allowed: {MOST_BYTES} bytes"
        raise SqlError("54000", what)
    for rule in RULES:
        if match := rule.pattern.search(line):
            raise SqlError(rule.sqlstate, rule.message.format(match.group().strip()))
    if (word := line.split(" ", 1)[0]) not in ALLOWED:
        raise SqlError(SYNTAX, f'syntax error at or near "{word}"')
    for token in parts:
        if token.kind in ("name", "quoted") and len(token.value.encode()) > MOST_NAME_BYTES:
            raise SqlError("42622", f'identifier "{token.value}" is longer than {MOST_NAME_BYTES} bytes')
    if _FROM_USER_TABLE.search(line) and (match := LEADER_ONLY.search(line)):
        raise SqlError(
            NOT_SUPPORTED,
            "Specified types or functions (one per INFO message) not supported on Redshift tables.",
            detail=f'Function "{match.group().lower()}" not supported.',
        )
