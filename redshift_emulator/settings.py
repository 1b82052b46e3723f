"""Pure: SET, SHOW and RESET. Redshift's own settings are kept, those of PostgreSQL that it lacks are refused."""

from __future__ import annotations

import re

from redshift_emulator.wire import Refusal
from redshift_emulator.words import text, tokens

#: Redshift has them and PostgreSQL does not, with their defaults: kept, so that SHOW gives back what SET took.
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
#: Both have these: the pages of "Configuration reference", and what drivers ask for.
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
    """The statement for PostgreSQL. Raises Refusal for a setting that Redshift does not have."""
    match = STATEMENT.match(line)
    assert match is not None
    name = (match["set"] or match["asked"]).lower()
    plain = text([token for token in tokens(sql) if token.kind != "comment"])
    if name in SHARED or name in ("time zone", "session authorization", "all") or " . " in name:
        return plain
    if name not in OWN:
        raise Refusal("42704", f'unrecognized configuration parameter "{name}"')
    kept = re.sub(rf"\b{name}\b", f"redshift_emulator.{name}", plain, count=1, flags=re.I)
    if line.startswith("SET"):
        return re.sub(r"(=|\bTO\b)\s*(on|off|true|false|default)\s*$", r"\1 '\2'", kept, flags=re.I)
    return kept
