"""Pure: what Redshift refuses although the grammar reads it, and what the grammar may read but Redshift does not have.

Each rule is a pattern over the plain form of a statement, and what Redshift would say. Sources are the pages of AWS's
Database Developer Guide that docs/redshift-emulator.md names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.redshift.wire import Refusal
from sandbox.redshift.words import Token

MOST_BYTES = 16 * 1024 * 1024
MOST_COLUMNS = 1_600
MOST_NAME_BYTES = 127

ALLOWED = (
    "SELECT WITH INSERT UPDATE DELETE CREATE DROP ALTER TRUNCATE LOCK BEGIN START COMMIT END ROLLBACK ABORT SET RESET "
    "SHOW COPY GRANT REVOKE ANALYZE ANALYSE VACUUM COMMENT EXPLAIN MERGE UNLOAD"
).split()
NOT_SUPPORTED, SYNTAX = "0A000", "42601"


@dataclass(frozen=True)
class Rule:
    """A pattern that a statement must not match, and what is said if it does; {0} is what matched."""

    pattern: re.Pattern[str]
    sqlstate: str
    message: str


def _rules(*rows: tuple[str, str, str]) -> tuple[Rule, ...]:
    return tuple(Rule(re.compile(pattern), state, message) for pattern, state, message in rows)


_COMMAND = 'SQL command "{0}" not supported on Redshift tables.'
RULES = _rules(
    (r"^(SAVEPOINT|RELEASE|ROLLBACK (WORK |TRANSACTION )?TO)\b", NOT_SUPPORTED, 'SQL command "{0}" not supported.'),
    (r"^CREATE (UNIQUE )?INDEX|^DROP INDEX|^REINDEX|^ALTER INDEX", NOT_SUPPORTED, _COMMAND),
    (r"^(CREATE|ALTER|DROP) (SEQUENCE|TRIGGER|RULE|DOMAIN|TYPE|EXTENSION|TABLESPACE|AGGREGATE|OPERATOR|CAST)\b", NOT_SUPPORTED, _COMMAND),
    (r"^(LISTEN|NOTIFY|UNLISTEN|CLUSTER|DO|LOAD|CHECKPOINT)\b", NOT_SUPPORTED, _COMMAND),
    (r"^COPY .* TO ", SYNTAX, 'syntax error at or near "TO"'),
    (r"^(UNLOAD|MERGE)\b", NOT_SUPPORTED, "emulator: {0} is Redshift's, but not emulated"),
    (r"\bUNLOGGED\b", SYNTAX, 'syntax error at or near "{0}"'),
    (r"^CREATE .*\bON COMMIT (DROP|DELETE|PRESERVE)\b", SYNTAX, 'syntax error at or near "ON"'),
    (r"^SET (SESSION )?CHARACTERISTICS|^SET CONSTRAINTS", NOT_SUPPORTED, 'SQL command "{0}" not supported.'),
    (r"^SET LOCAL\b", SYNTAX, 'syntax error at or near "{0}"'),
    (r"^(SET|RESET) (SESSION )?(LOCK_TIMEOUT|IDLE_IN_TRANSACTION_SESSION_TIMEOUT|WORK_MEM|DEFAULT_TRANSACTION_ISOLATION|STANDARD_CONFORMING_STRINGS|SYNCHRONOUS_COMMIT|SESSION_REPLICATION_ROLE|ROLE)\b", "42704", "unrecognized configuration parameter ({0})"),
    (r"\bFOR (UPDATE|SHARE|NO KEY UPDATE|KEY SHARE)\b", NOT_SUPPORTED, "SELECT {0} is not supported on Redshift tables."),
    (r"^LOCK .* IN (ACCESS SHARE|ROW SHARE|ROW EXCLUSIVE|SHARE UPDATE EXCLUSIVE|SHARE ROW EXCLUSIVE|SHARE|EXCLUSIVE|ACCESS EXCLUSIVE) MODE|^LOCK .* NOWAIT", SYNTAX, 'syntax error at or near "{0}"'),
    (r"\bON CONFLICT\b", SYNTAX, 'syntax error at or near "{0}"'),
    (r"\bRETURNING\b", SYNTAX, 'syntax error at or near "{0}"'),
    (r"\) FILTER \(", SYNTAX, 'syntax error at or near "FILTER"'),
    (r"\bLATERAL\b", SYNTAX, 'syntax error at or near "{0}"'),
    (r"\bDISTINCT ON \(", NOT_SUPPORTED, "SELECT DISTINCT ON is not supported"),
    (r"\bIS (NOT )?DISTINCT FROM\b", SYNTAX, 'syntax error at or near "DISTINCT"'),
    (r"\bTABLESAMPLE\b|\bWITHIN GROUP \( ORDER BY [^)]*\) FILTER", SYNTAX, 'syntax error at or near "{0}"'),
    (r"\bWITH ORDINALITY\b|\bGROUPS BETWEEN\b|\bEXCLUDE (CURRENT|TIES|GROUP)\b", SYNTAX, 'syntax error at or near "{0}"'),
    (r"\bRANGE BETWEEN (?!UNBOUNDED|CURRENT)", NOT_SUPPORTED, "RANGE with an offset is not supported"),
    (r"\bNULLS NOT DISTINCT\b|\bDEFERRABLE\b|\bINITIALLY\b|\bTABLESPACE\b|\bINHERITS\b|\bPARTITION OF\b|\bEXCLUDE USING\b", SYNTAX, 'syntax error at or near "{0}"'),
    (r"^CREATE (LOCAL |TEMP |TEMPORARY )*TABLE .*\bPARTITION BY (RANGE|LIST|HASH)\b", SYNTAX, 'syntax error at or near "PARTITION"'),
    (r"^(CREATE|ALTER) .*\bCHECK \(", NOT_SUPPORTED, "CHECK constraints are not supported"),
    (r"^(CREATE|ALTER) .*\bGENERATED ALWAYS AS\b", NOT_SUPPORTED, "generated columns are not supported"),
    (r"\b(BIGSERIAL|SMALLSERIAL|SERIAL[248]?|JSONB?|UUID|XML|MONEY|INET|CIDR|MACADDR|TSVECTOR|TSQUERY|HSTORE|CITEXT|BIT VARYING|POINT|POLYGON|INT4RANGE|INT8RANGE|NUMRANGE|TSRANGE|DATERANGE)\b(?= (NOT|NULL|DEFAULT|,|\)|PRIMARY|UNIQUE|ENCODE|\[)|$)", NOT_SUPPORTED, 'Column "t.c" has unsupported type "{0}".'),
    (r":: (JSONB?|UUID|XML|MONEY|INET|CIDR)\b", NOT_SUPPORTED, 'type "{0}" is not supported'),
    (r"\b[A-Z]\w*( \( \d+ \))? \[ \]|\bARRAY \[|= ANY \( (\$|ARRAY|'\?')|\bANY \( \$", NOT_SUPPORTED, "arrays are not supported on Redshift tables"),
    (r"\b(STRING_AGG|ARRAY_AGG|JSON_AGG|JSONB_AGG|JSON_BUILD_OBJECT|JSONB_BUILD_OBJECT|ROW_TO_JSON|TO_JSON|TO_JSONB|UNNEST|HASHTEXT|REGEXP_MATCHES|REGEXP_SPLIT_TO_TABLE|GEN_RANDOM_UUID|MAKE_DATE|MAKE_TIMESTAMP|TO_REGCLASS|FORMAT|CONCAT_WS|OCTETS|BOOL_XOR|EVERY|CLOCK_TIMESTAMP|STATEMENT_TIMESTAMP|TRANSACTION_TIMESTAMP|CARDINALITY|ARRAY_LENGTH|SPLIT_TO_ARRAY_TEXT|NUM_NONNULLS|NUM_NULLS|MODE|LO_IMPORT|COPY_FROM)(?= \()", "42883", "function {0} does not exist"),
    (r"\b(PG_TRY_ADVISORY\w*|PG_ADVISORY\w*|PG_EXPORT_SNAPSHOT|PG_CURRENT_SNAPSHOT|TXID_CURRENT|PG_CURRENT_XACT_ID|PG_CURRENT_WAL_LSN|PG_BLOCKING_PIDS|PG_NOTIFY|SETVAL|NEXTVAL|CURRVAL|LASTVAL)(?= \()", "42883", "function {0} does not exist"),
    (r"^INSERT .*\bOVERRIDING (SYSTEM|USER) VALUE\b", SYNTAX, 'syntax error at or near "OVERRIDING"'),
    (r"^(INSERT|UPDATE|DELETE|CREATE) .*\bAS (NOT )?MATERIALIZED \(", SYNTAX, 'syntax error at or near "MATERIALIZED"'),
    (r"\bFETCH (FIRST|NEXT) .*\bWITH TIES\b", SYNTAX, 'syntax error at or near "WITH"'),
    (r"^WITH .*\b(INSERT INTO|DELETE FROM|UPDATE \w+ SET)\b", SYNTAX, "a WITH clause before {0} is not supported: put it after INSERT INTO ... "),
    (r"\bAT TIME ZONE INTERVAL\b", NOT_SUPPORTED, "{0} is not supported"),
    (r"^TRUNCATE .*(,|\b(CASCADE|RESTRICT|RESTART|CONTINUE)\b)", SYNTAX, 'syntax error at or near "{0}"'),
    (r"^VACUUM \(|^VACUUM .*\b(VERBOSE|ANALYZE|FREEZE)\b", SYNTAX, 'syntax error at or near "{0}"'),
    (r"^CREATE .*\bWITH NO SCHEMA BINDING$|^CREATE MATERIALIZED VIEW|^CREATE (OR REPLACE )?(PROCEDURE|FUNCTION|MODEL|LIBRARY|EXTERNAL|DATASHARE)", NOT_SUPPORTED, "emulator: {0} is Redshift's, but not emulated"),
    (r"^CREATE (USER|GROUP|ROLE|DATABASE)|^(ALTER|DROP) (USER|GROUP|ROLE|DATABASE)", "42501", "permission denied"),
    (r"^DROP (TABLE|VIEW) IF EXISTS CONCURRENTLY|\bCONCURRENTLY\b", SYNTAX, 'syntax error at or near "{0}"'),
    (r"\bSUPER\b(?= (NOT|NULL|DEFAULT|,|\)))|\b(GEOMETRY|GEOGRAPHY|HLLSKETCH)\b", NOT_SUPPORTED, "emulator: the type {0} is Redshift's, but not emulated"),
)  # fmt: skip

#: Functions that run on the leader node only: an error together with a user's table. NOW() and others are replaced in
#: Redshift by GETDATE() and SYSDATE.
LEADER_ONLY = re.compile(
    r"\b(NOW|AGE|CURRENT_SCHEMA|CURRENT_SCHEMAS|GENERATE_SERIES|PG_BACKEND_PID|PG_GET_VIEWDEF|PG_CANCEL_BACKEND|"
    r"PG_TERMINATE_BACKEND|HAS_\w+_PRIVILEGE|TO_ASCII|LOCALTIME|LOCALTIMESTAMP|CURRENT_TIME|CURRENT_TIMESTAMP|VERSION|"
    r"CONVERT_FROM|FORMAT_TYPE|SLOPE)\b(?! \.)"
)
_FROM_USER_TABLE = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE|USING) (?!PG_|SVV_|STV_|STL_|SVL_|SYS_|INFORMATION_SCHEMA|PG_CATALOG|\(|GENERATE_SERIES)"
    r'["#A-Z]'
)
#: Statements that Redshift does not run in a transaction block.
NOT_IN_A_BLOCK = re.compile(
    r"^(VACUUM|ALTER TABLE .* APPEND FROM|ALTER TABLE .* ALTER COLUMN .* TYPE|CREATE DATABASE|DROP DATABASE|"
    r"CREATE EXTERNAL TABLE|DROP EXTERNAL TABLE|ALTER DATABASE)\b"
)


def check(parts: Sequence[Token], line: str, size: int) -> None:
    """Hold a statement against the rules. Raises Refusal."""
    if size > MOST_BYTES:
        raise Refusal(
            "54000",
            f"Statement is too large. Statement Size: {size} bytes. Maximum Allowed: {MOST_BYTES} bytes",
        )
    word = line.split(" ", 1)[0]
    for rule in RULES:
        if match := rule.pattern.search(line):
            raise Refusal(rule.sqlstate, rule.message.format(match.group().strip()))
    if word not in ALLOWED:
        raise Refusal(SYNTAX, f'syntax error at or near "{word}"')
    for token in parts:
        if token.kind in ("name", "quoted") and len(token.value.encode()) > MOST_NAME_BYTES:
            raise Refusal("42622", f'identifier "{token.value}" is longer than {MOST_NAME_BYTES} bytes')
    if _FROM_USER_TABLE.search(line) and (match := LEADER_ONLY.search(line)):
        raise Refusal(
            NOT_SUPPORTED,
            "Specified types or functions (one per INFO message) not supported on Redshift tables.",
            detail=f'Function "{match.group().lower()}" not supported.',
        )
