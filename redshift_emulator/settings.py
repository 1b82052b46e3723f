"""Pure: SET, SHOW and RESET. Redshift's settings are stored, PostgreSQL's settings that Redshift lacks are rejected."""

from __future__ import annotations

import re

from redshift_emulator.tokens import sql_text, tokenize
from redshift_emulator.wire import SqlError

#: Settings that only Redshift has, with their defaults. They are stored, so that SHOW returns the value of SET.
OWN = {
    "analyze_threshold_percent": "10",
    "auto_analyze": "on",
    "describe_field_name_in_uppercase": "off",
    "downcase_delimited_identifier": "on",
    "enable_case_sensitive_identifier": "off",
    "enable_numeric_rounding": "on",
    "enable_result_cache_for_session": "on",
    "enable_vacuum_boost": "off",
    "error_on_nondeterministic_update": "off",
    "json_serialization_enable": "off",
    "max_cursor_result_set_size": "default",
    "query_group": "unset",
    "wlm_query_slot_count": "1",
}
#: Settings that both have: from the pages "Configuration reference", and those that drivers read.
SHARED = (
    *("application_name", "client_encoding", "client_min_messages", "datestyle", "extra_float_digits"),
    *("intervalstyle", "search_path", "seed", "server_version", "statement_timeout", "timezone"),
)
_VALUE = r"('\?'|-? ?[\w\"$.]+)"
STATEMENT = re.compile(
    rf"^(?:SET (?:SESSION |LOCAL )?(?P<set>TIME ZONE|SESSION AUTHORIZATION|\w+(?: \. \w+)?)(?: (?:TO|=))?"
    rf" {_VALUE}(?: , {_VALUE})*|(?:SHOW|RESET) (?P<asked>TIME ZONE|\w+(?: \. \w+)?))$"
)


def setting(sql: str, line: str) -> str:
    """The statement for PostgreSQL. Raises SqlError for a setting that Redshift does not have."""
    match = STATEMENT.match(line)
    assert match is not None
    name = (match["set"] or match["asked"]).lower()
    statement = sql_text([token for token in tokenize(sql) if token.kind != "comment"])
    if name in SHARED or name in ("time zone", "session authorization", "all") or " . " in name:
        return statement
    if name not in OWN:
        raise SqlError("42704", f'unrecognized configuration parameter "{name}"')
    kept = re.sub(rf"\b{name}\b", f"redshift_emulator.{name}", statement, count=1, flags=re.I)
    if line.startswith("SET"):
        return re.sub(r"(=|\bTO\b)\s*(on|off|true|false|default)\s*$", r"\1 '\2'", kept, flags=re.I)
    return kept
