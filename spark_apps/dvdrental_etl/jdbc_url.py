"""Pure: a JDBC address as its parts, and what is refused in one."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from dvdrental_etl.errors import ConfigError

NAMES = {"postgresql": "PostgreSQL", "redshift": "Redshift"}
PORTS = {"postgresql": 5432, "redshift": 5439}
#: Options that libpq has under the same name as the JDBC driver.
SHARED_OPTIONS = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey", "options"})
#: Options of PostgreSQL's JDBC driver that may be given: TLS, waits, and how rows are fetched. Neither driver reports a
#: name that it does not know, such as SSLMODE. channelBinding is not among them: drivers of a cluster may be of
#: 42.7.4 to 42.7.6, which do not keep to it (CVE-2025-49146), or older ones, which do not know it.
POSTGRESQL_OPTIONS = SHARED_OPTIONS | {
    *("ssl", "sslNegotiation", "sslResponseTimeout", "gssEncMode", "ApplicationName"),
    *("connectTimeout", "loginTimeout", "socketTimeout", "cancelSignalTimeout", "tcpKeepAlive", "tcpNoDelay"),
    *("targetServerType", "hostRecheckSeconds", "loadBalanceHosts", "receiveBufferSize", "sendBufferSize"),
    *(
        "prepareThreshold",
        "preparedStatementCacheQueries",
        "preparedStatementCacheSizeMiB",
        "defaultRowFetchSize",
    ),
    *("binaryTransfer", "adaptiveFetch", "adaptiveFetchMaximum", "adaptiveFetchMinimum", "maxResultBuffer"),
    *("currentSchema", "readOnly", "logServerErrorDetail", "assumeMinServerVersion"),
}
#: Options of jdbc:redshift:iam:, in small letters (Amazon's driver takes any), and redshift_connector's name of each.
IAM_OPTIONS = {
    "clusterid": "cluster_identifier",
    "region": "region",
    "dbuser": "db_user",
    "dbgroups": "db_groups",
    "autocreate": "auto_create",
    "groupfederation": "group_federation",
    "profile": "profile",
    "isserverless": "is_serverless",
    "serverlessworkgroup": "serverless_work_group",
    "serverlessacctid": "serverless_acct_id",
}
REDSHIFT_SSLMODES = ("verify-full", "verify-ca")


@dataclass(frozen=True)
class JdbcUrl:
    """jdbc:SCHEME://host:port/database?options; of Redshift also jdbc:redshift:iam://, with a login by IAM.

    port: None for the scheme's own. region: of jdbc:redshift:iam://cluster:region/database, where host is the cluster.
    """

    scheme: str
    is_iam: bool
    host: str
    port: int | None
    region: str
    database: str
    options: Mapping[str, str]

    @property
    def place(self) -> str:
        """host:port/database, for messages."""
        return f"{self.host}:{self.region or self.port or PORTS.get(self.scheme, 5432)}/{self.database}"

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine, so that nobody can listen on the way."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def sslmode(self) -> str | None:
        """How PostgreSQL's TLS is used. Elsewhere than on this machine it is required, unless the address says how."""
        default = None if self.is_local else "require"
        if "ssl" in self.options:  # JDBC's older name for it
            default = "verify-full" if self.options["ssl"].lower() == "true" else None
        return self.options.get("sslmode", default)


def parse(url: str) -> JdbcUrl:
    """The parts of a URL; empty where it has none. Raises ValueError if its port is not a number."""
    found = re.match(r"jdbc:(?P<scheme>\w+):(?P<iam>iam:)?(?=//)", url)
    parts = urlsplit(f"{found['scheme']}:{url[found.end() :]}" if found else url)
    is_iam = bool(found and found["iam"])
    region = re.fullmatch(r"[\w-]+:([a-z][a-z0-9-]+)", parts.netloc) if is_iam else None
    return JdbcUrl(
        scheme=found["scheme"] if found else "",
        is_iam=is_iam,
        host=parts.hostname or "",
        port=None if region else parts.port,
        region=region[1] if region else "",
        database=unquote_plus(parts.path.lstrip("/")),  # as the JDBC driver reads it
        options=dict(parse_qsl(parts.query, keep_blank_values=True)),
    )


def check(section: str, url: str, scheme: str) -> None:
    """Raise ConfigError unless a section's URL is a good one of this scheme. Never shows it: it may hold secrets."""
    wanted = f"jdbc:{scheme}://host:{PORTS[scheme]}/database"
    try:
        address = parse(url)
    except ValueError:  # its text may quote a password in the URL
        raise ConfigError(
            f"{section}.url cannot be read: its port is not a number", f"it looks like {wanted}"
        ) from None
    is_of_the_scheme = address.scheme == scheme and (scheme == "redshift" or not address.is_iam)
    if not (is_of_the_scheme and address.host and address.database):
        raise ConfigError(f"{section}.url is not a {NAMES[scheme]} JDBC address", f"it looks like {wanted}")
    if _holds_a_secret(url):
        raise ConfigError(
            f"{section}.url holds a user or password", f"move them to {section}.user and .password"
        )
    if (name := _unknown_option(address)) is not None:
        raise ConfigError(
            f"{section}.url has the option '{name}', which would have no effect",
            "write options as the JDBC driver does, such as sslmode=verify-full, or leave it out",
        )
    if scheme == "redshift" and address.options.get("sslmode", "verify-full") not in REDSHIFT_SSLMODES:
        raise ConfigError(
            f"{section}.url has sslmode={address.options['sslmode']}",
            f"Redshift is reached by TLS with a known certificate: {' or '.join(REDSHIFT_SSLMODES)}",
        )


def _holds_a_secret(url: str) -> bool:
    """Whether the URL names a user or a password, in whatever spelling."""
    parts = urlsplit(url.removeprefix("jdbc:").replace(":iam://", "://", 1))
    names = [name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    return parts.username is not None or any("password" in name or name in ("user", "pwd") for name in names)


def _unknown_option(url: JdbcUrl) -> str | None:
    """The first option that no driver would take notice of; None if all are known."""
    if url.scheme == "postgresql":
        return next((name for name in url.options if name not in POSTGRESQL_OPTIONS), None)
    known = {"sslmode", *(IAM_OPTIONS if url.is_iam else ())}
    return next((name for name in url.options if (name.lower() if url.is_iam else name) not in known), None)


def iam_arguments(url: JdbcUrl, user: str) -> Mapping[str, object]:
    """How redshift_connector logs in by IAM. AWS's credentials are those of this process, by AWS's chain."""
    found: dict[str, object] = {"iam": True, "region": url.region or None}
    if url.region:
        found["cluster_identifier"] = url.host
    else:
        found |= {"host": url.host, "port": url.port or PORTS["redshift"]}
        if re.fullmatch(r"[^.]+\.[^.]+\.[^.]+\.redshift\.amazonaws\.com(\.cn)?", url.host):
            found["cluster_identifier"] = url.host.split(".")[0]
    if user:
        found["db_user"] = user
    for name, value in url.options.items():
        argument = IAM_OPTIONS.get(name.lower())
        if argument == "db_groups":
            found[argument] = value.split(",")
        elif argument in ("auto_create", "group_federation", "is_serverless"):
            found[argument] = value.lower() == "true"
        elif argument:
            found[argument] = value
    return found
