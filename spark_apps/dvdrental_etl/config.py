"""Configuration: a JSON file, overridden by environment variables, read into frozen dataclasses."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from dvdrental_etl.errors import ConfigError
from dvdrental_etl.limits import DEFAULT_LIMITS, Limits

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_FILE = ROOT / "config" / "credentials.json"
TEMPLATE = "config/credentials_template.json"

#: (section, key, default); None marks a required value. DVDRENTAL_<SECTION>_<KEY> overrides the file.
KEYS: tuple[tuple[str, str, str | None], ...] = (
    ("source", "url", None),
    ("source", "user", None),
    ("source", "password", ""),
    ("source", "schema", "public"),
    ("warehouse", "kind", "postgres"),
    ("warehouse", "url", None),
    ("warehouse", "user", None),
    ("warehouse", "password", ""),
    ("warehouse", "schema", "dw"),
    ("s3", "staging", ""),
    ("s3", "iam_role", ""),
    ("s3", "endpoint", ""),
)

#: warehouse.kind -> the scheme of its URL.
SCHEMES = {"postgres": "postgresql", "redshift": "redshift"}
PORTS = {"postgresql": 5432, "redshift": 5439}
NAMES = {"postgresql": "PostgreSQL", "redshift": "Redshift"}

#: Options of a JDBC URL that libpq has under the same name; the others are for the JDBC driver only.
SHARED_OPTIONS = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey"})


@dataclass(frozen=True)
class Database:
    """One database: a JDBC URL without secrets in it, a role, and the schema that holds the tables."""

    url: str
    user: str
    password: str = field(repr=False)
    schema: str

    @property
    def place(self) -> str:
        """host:port/database, for messages."""
        parts = urlsplit(self.url.removeprefix("jdbc:"))
        return f"{parts.hostname}:{parts.port or PORTS.get(parts.scheme, 5432)}{parts.path}"

    def libpq(self) -> dict[str, Any]:
        """The same address for libpq: host, port, dbname, user, password, and the TLS options of SHARED_OPTIONS."""
        parts = urlsplit(self.url.removeprefix("jdbc:"))
        options = dict(parse_qsl(parts.query))
        if options.get("ssl", "false").lower() == "true":  # JDBC's older name for it
            options.setdefault("sslmode", "verify-full")
        shared = {key: value for key, value in options.items() if key in SHARED_OPTIONS}
        return {
            "host": parts.hostname or "",
            "port": str(parts.port or 5432),
            "dbname": unquote_plus(parts.path.removeprefix("/")),  # as the JDBC driver reads it
            "user": self.user,
            "password": self.password,
            **shared,
        }


@dataclass(frozen=True)
class Warehouse(Database):
    """The database that is loaded; kind: postgres or redshift."""

    kind: str


@dataclass(frozen=True)
class S3:
    """Where rows wait for Redshift's COPY: s3://bucket/prefix, the role that COPY takes, and the service's endpoint."""

    staging: str
    iam_role: str
    endpoint: str


@dataclass(frozen=True)
class Settings:
    """The whole configuration of a run."""

    source: Database
    warehouse: Warehouse
    s3: S3
    limits: Limits = DEFAULT_LIMITS


def load(config: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the file (config/credentials.json when none is named), then let the environment override it.

    Raises ConfigError, naming the key and both places where it can be set.
    """
    document = _read(config)
    values: dict[str, dict[str, str]] = {"source": {}, "warehouse": {}, "s3": {}}
    for section, key, default in KEYS:
        variable = f"DVDRENTAL_{section}_{key}".upper()
        value = environ.get(variable) or document.get(section, {}).get(key) or default
        if value is None:
            raise ConfigError(
                f"{section}.{key} is not set",
                f"copy {TEMPLATE} to config/credentials.json and fill it in, or set {variable}",
            )
        values[section][key] = _text(section, key, value)
    settings = Settings(
        Database(**values["source"]),
        Warehouse(**values["warehouse"]),
        S3(**values["s3"]),
        _limits(document.get("limits", {}), environ),
    )
    if settings.warehouse.kind not in SCHEMES:
        raise ConfigError(
            f"warehouse.kind is '{settings.warehouse.kind}'", f"it is one of {', '.join(sorted(SCHEMES))}"
        )
    _check_url("source", settings.source, "postgresql")
    _check_url("warehouse", settings.warehouse, SCHEMES[settings.warehouse.kind])
    if settings.warehouse.kind == "redshift":
        _check_s3(settings.s3)
    return settings


def _text(section: str, key: str, value: object) -> str:
    """A value as text that can be sent to a server. The message does not quote it: it may be a password."""
    if not isinstance(value, str | int | float):
        raise ConfigError(f"{section}.{key} is not a text", "write it in double quotes")
    text = str(value)
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise ConfigError(f"{section}.{key} has a NUL or a half of a character", "write it anew, in UTF-8")
    if key == "schema" and "%" in text:
        raise ConfigError(f"{section}.schema has a '%'", "drivers take it for a parameter: rename the schema")
    return text


def _limits(given: Mapping[str, Any], environ: Mapping[str, str]) -> Limits:
    """The default limits, with those of the file and the environment in their place."""
    replaced: dict[str, Any] = {}
    for limit in fields(Limits):
        variable = f"DVDRENTAL_LIMITS_{limit.name.upper()}"
        value = environ.get(variable, given.get(limit.name))
        if value is None:
            continue
        kind: type[Any] = type(limit.default)
        try:
            number = kind(str(value))
            is_valid = number >= 0
        except (ValueError, ArithmeticError):
            is_valid = False
        if not is_valid:
            wanted = "a whole number" if kind is int else "a share such as 0.01"
            raise ConfigError(f"limits.{limit.name} is '{value}'", f"write {wanted}, or leave it out")
        replaced[limit.name] = number
    return replace(DEFAULT_LIMITS, **replaced)


def _read(config: Path | None) -> dict[str, dict[str, Any]]:
    path = config or DEFAULT_FILE
    if not path.is_file():
        if config is None:
            return {}
        raise ConfigError(f"there is no configuration file {path}", f"copy {TEMPLATE} there and fill it in")
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply", f"compare it with {TEMPLATE}") from None
    except ValueError as error:  # no JSON, no UTF-8, or a number of thousands of digits
        raise ConfigError(f"{path} is not valid JSON: {error}", f"compare it with {TEMPLATE}") from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", "check the file's permissions"
        ) from None
    known = {section: {k for s, k, _ in KEYS if s == section} for section, _, _ in KEYS}
    known["limits"] = {limit.name for limit in fields(Limits)}
    if not isinstance(document, dict) or not all(isinstance(part, dict) for part in document.values()):
        raise ConfigError(f"{path} is not an object of sections", f"compare it with {TEMPLATE}")
    for section, part in document.items():
        for key in part:
            if key not in known.get(section, set()):
                raise ConfigError(f"{path} has an unknown key {section}.{key}", f"compare it with {TEMPLATE}")
    return document


def _check_url(section: str, database: Database, scheme: str) -> None:
    wanted = f"jdbc:{scheme}://host:{PORTS[scheme]}/database"
    try:
        parts = urlsplit(database.url.removeprefix("jdbc:"))
        _ = parts.port
    except ValueError:  # its text may quote a password in the URL
        raise ConfigError(
            f"{section}.url cannot be read: its port is not a number", f"it looks like {wanted}"
        ) from None
    if not database.url.startswith(f"jdbc:{scheme}://") or not parts.hostname or not parts.path.strip("/"):
        raise ConfigError(f"{section}.url is not a {NAMES[scheme]} JDBC address", f"it looks like {wanted}")
    if parts.username or "password" in parts.query.lower():
        raise ConfigError(
            f"{section}.url holds a user or password", f"move them to {section}.user and .password"
        )


def _check_s3(s3: S3) -> None:
    parts = urlsplit(s3.staging)
    if parts.scheme != "s3" or not parts.netloc:
        raise ConfigError(
            f"s3.staging is '{s3.staging}', which does not name a bucket",
            "Redshift reads rows from S3: set s3.staging to s3://bucket/prefix, or DVDRENTAL_S3_STAGING",
        )
    if not re.fullmatch(r"|default|arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", s3.iam_role):
        raise ConfigError(
            f"s3.iam_role is '{s3.iam_role}', which is not a role",
            "name one that the cluster may assume, arn:aws:iam::123456789012:role/name, or 'default' for its default",
        )
