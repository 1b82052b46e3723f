"""Configuration: a JSON file, overridden by environment variables, read into frozen dataclasses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dvdrental_etl import config_file, jdbc_url, limits, secrets_manager
from dvdrental_etl.config_file import TEMPLATE
from dvdrental_etl.errors import ConfigError
from dvdrental_etl.jdbc_url import PORTS, SHARED_OPTIONS, JdbcUrl
from dvdrental_etl.limits import DEFAULT_LIMITS, Limits

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_FILE = ROOT / "config" / "credentials.json"

#: (section, key, default); None marks a required value. DVDRENTAL_<SECTION>_<KEY> overrides the file.
KEYS: tuple[tuple[str, str, str | None], ...] = (
    ("source", "url", None),
    ("source", "user", ""),
    ("source", "password", ""),
    ("source", "schema", "public"),
    ("warehouse", "kind", "postgres"),
    ("warehouse", "url", None),
    ("warehouse", "user", ""),
    ("warehouse", "password", ""),
    ("warehouse", "schema", "dw"),
    ("warehouse", "query_group", ""),
    ("s3", "staging", ""),
    ("s3", "iam_role", ""),
    ("s3", "endpoint", ""),
    ("s3", "kms_key", ""),
    ("engine", "kind", "spark"),
    ("engine", "on_shared_host", "refuse"),
)

#: ENGINE=sail is short for DVDRENTAL_ENGINE_KIND=sail.
SHORT = {"ENGINE": "DVDRENTAL_ENGINE_KIND"}

#: engine.<key> -> what it may be.
ENGINE_VALUES = {"kind": ("spark", "sail"), "on_shared_host": ("refuse", "allow")}

#: warehouse.kind -> the scheme of its URL.
SCHEMES = {"postgres": "postgresql", "redshift": "redshift"}


@dataclass(frozen=True)
class Database:
    """One database: a JDBC URL without secrets in it, a role, and the schema that holds the tables."""

    url: str
    user: str
    password: str = field(repr=False)
    schema: str

    @property
    def address(self) -> JdbcUrl:
        """The parts of the URL."""
        return jdbc_url.parse(self.url)

    @property
    def place(self) -> str:
        """host:port/database, for messages."""
        return self.address.place

    @property
    def jdbc(self) -> str:
        """The URL for PostgreSQL's JDBC driver: it asks for TLS wherever libpq() does."""
        address = self.address
        if address.sslmode is None or {"ssl", "sslmode"} & address.options.keys():
            return self.url
        return f"{self.url}{'&' if '?' in self.url else '?'}sslmode={address.sslmode}"

    def libpq(self) -> dict[str, Any]:
        """The same address for libpq: host, port, dbname, user, password, and the TLS options of SHARED_OPTIONS."""
        address = self.address
        shared = {key: value for key, value in address.options.items() if key in SHARED_OPTIONS}
        if address.sslmode:
            shared["sslmode"] = address.sslmode
        return {
            "host": address.host,
            "port": str(address.port or PORTS["postgresql"]),
            "dbname": address.database,
            "user": self.user,
            "password": self.password,
            **shared,
        }


@dataclass(frozen=True)
class Warehouse(Database):
    """The database that is loaded; kind: postgres or redshift. query_group: Redshift's label of its statements."""

    kind: str
    query_group: str = ""


@dataclass(frozen=True)
class S3:
    """Where rows wait for Redshift's COPY: s3://bucket/prefix, the role that COPY takes, and the service's endpoint.

    iam_role: also a chain of roles, joined by commas. kms_key: encrypts the files; the bucket's default without one.
    """

    staging: str
    iam_role: str
    endpoint: str
    kms_key: str = ""


@dataclass(frozen=True)
class EngineChoice:
    """What runs the DataFrame code: spark or sail; and whether Sail may run where other people can log in."""

    kind: str = "spark"
    on_shared_host: str = "refuse"


@dataclass(frozen=True)
class Settings:
    """The whole configuration of a run. warnings: what is not good about it, for a person, and no reason to stop."""

    source: Database
    warehouse: Warehouse
    s3: S3
    limits: Limits = DEFAULT_LIMITS
    warnings: tuple[str, ...] = ()
    engine: EngineChoice = EngineChoice()


def load(config: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the file (config/credentials.json when none is named), then let the environment override it.

    Raises ConfigError, naming the key and both places where it can be set.
    """
    path = config or DEFAULT_FILE
    document = config_file.read(path, _known()) if config or path.is_file() else {}
    environ = {SHORT[name]: value for name, value in environ.items() if name in SHORT} | dict(environ)
    values: dict[str, dict[str, str]] = {section: {} for section, _, _ in KEYS}
    for section, key, default in KEYS:
        variable = f"DVDRENTAL_{section}_{key}".upper()
        value = environ.get(variable) or document.get(section, {}).get(key) or default
        if value is None:
            raise _not_set(section, key)
        values[section][key] = _text(section, key, value)
    for section in ("source", "warehouse"):
        _fill_in_login(section, values[section])
    settings = Settings(
        Database(**values["source"]),
        Warehouse(**values["warehouse"]),
        S3(**values["s3"]),
        limits.configured(document.get("limits", {}), environ),
        config_file.warnings(path, document),
        EngineChoice(**values["engine"]),
    )
    if settings.warehouse.kind not in SCHEMES:
        raise ConfigError(
            f"warehouse.kind is '{settings.warehouse.kind}'", f"it is one of {', '.join(sorted(SCHEMES))}"
        )
    jdbc_url.check("source", settings.source.url, "postgresql")
    jdbc_url.check("warehouse", settings.warehouse.url, SCHEMES[settings.warehouse.kind])
    for key, known in ENGINE_VALUES.items():
        if values["engine"][key] not in known:
            raise ConfigError(
                f"engine.{key} is '{values['engine'][key]}'", f"it is one of {', '.join(known)}"
            )
    if settings.warehouse.kind == "redshift":
        _check_redshift(settings)
    return settings


def _known() -> dict[str, set[str]]:
    """The keys that a file may have, by section."""
    known = {section: {k for s, k, _ in KEYS if s == section} for section, _, _ in KEYS}
    return known | {"limits": set(limits.NAMES)}


def _not_set(section: str, key: str) -> ConfigError:
    variable = f"DVDRENTAL_{section}_{key}".upper()
    return ConfigError(
        f"{section}.{key} is not set",
        f"copy {TEMPLATE} to config/credentials.json and fill it in, or set {variable}",
    )


def _fill_in_login(section: str, values: dict[str, str]) -> None:
    """Take the login out of Secrets Manager if the password names a secret; a login by IAM may have no user."""
    if values["password"].startswith(secrets_manager.PREFIX):
        user, values["password"] = secrets_manager.login(section, values["password"])
        values["user"] = values["user"] or user
    if not values["user"] and not values["url"].startswith("jdbc:redshift:iam:"):
        raise _not_set(section, "user")


def _text(section: str, key: str, value: object) -> str:
    """A value as text that can be sent to a server. The message does not quote it: it may be a password."""
    if not isinstance(value, str | int | float):
        raise ConfigError(f"{section}.{key} is not a text", "write it in double quotes")
    text = str(value)
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise ConfigError(
            f"{section}.{key} contains a NUL or an unpaired surrogate", "write it anew, in UTF-8"
        )
    if key == "schema" and "%" in text:
        raise ConfigError(f"{section}.schema has a '%'", "drivers take it for a parameter: rename the schema")
    return text


def _check_redshift(settings: Settings) -> None:
    s3, group = settings.s3, settings.warehouse.query_group
    if not re.fullmatch(r"[^'\\\x00-\x1f]*", group):
        raise ConfigError(
            f"warehouse.query_group is {group!r}", "a label has no quote, backslash or control character"
        )
    if s3.endpoint and not re.fullmatch(r"https?://[^/\s]+(/\S*)?", s3.endpoint):
        raise ConfigError(
            f"s3.endpoint is '{s3.endpoint}', which is not an address",
            "write it as https://host or http://host:port, or leave it out for AWS",
        )
    parts = urlsplit(s3.staging)
    if parts.scheme != "s3" or not parts.netloc:
        raise ConfigError(
            f"s3.staging is '{s3.staging}', which does not name a bucket",
            "Redshift reads rows from S3: set s3.staging to s3://bucket/prefix, or DVDRENTAL_S3_STAGING",
        )
    role = r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=.@/-]+"  # a comma joins a chain of roles
    if not re.fullmatch(rf"|default|{role}(,{role})*", s3.iam_role):
        raise ConfigError(
            f"s3.iam_role is '{s3.iam_role}', which is not a role",
            "name one that the cluster may assume, arn:aws:iam::123456789012:role/name, or several of them in a chain,"
            " joined by commas, or 'default' for its default",
        )
