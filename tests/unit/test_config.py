"""Settings: a file, the environment over it, and every way in which they can be wrong."""

import json
from dataclasses import replace

import psycopg2.extensions
import pytest

from dvdrental_etl import config
from dvdrental_etl.errors import ConfigError
from tests.support.paths import ROOT

DOCUMENT = {
    "source": {
        "url": "jdbc:postgresql://db.example:5433/dvdrental",
        "user": "reader",
        "password": "s0urce-s3cret",
        "schema": "rental",
    },
    "warehouse": {
        "kind": "postgres",
        "url": "jdbc:postgresql://dw.example/warehouse?sslmode=require",
        "user": "loader",
        "password": "w4rehouse-s3cret",
        "schema": "star",
    },
    "s3": {"staging": "s3://bucket/prefix", "iam_role": "arn:aws:iam::1:role/copy", "endpoint": ""},
}


def changed(section, **values):
    return DOCUMENT | {section: DOCUMENT[section] | values}


@pytest.fixture
def load(tmp_path):
    def run(document=DOCUMENT, environ=None):
        path = tmp_path / "credentials.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return config.load(path, environ or {})

    return run


@pytest.fixture
def refused(load):
    """The error of a configuration that must be refused."""

    def run(document=DOCUMENT, environ=None):
        with pytest.raises(ConfigError) as error:
            load(document, environ)
        assert error.value.exit_code == 3
        return error.value

    return run


def test_a_file_is_read(load):
    source, warehouse, s3 = (getattr(load(), section) for section in ("source", "warehouse", "s3"))
    assert source.url == "jdbc:postgresql://db.example:5433/dvdrental"
    assert (source.user, source.password, source.schema) == ("reader", "s0urce-s3cret", "rental")
    assert (warehouse.kind, warehouse.user) == ("postgres", "loader")
    assert (warehouse.password, warehouse.schema) == ("w4rehouse-s3cret", "star")
    assert (s3.staging, s3.iam_role, s3.endpoint) == ("s3://bucket/prefix", "arn:aws:iam::1:role/copy", "")


def test_what_may_be_left_out_has_a_default(load):
    found = load(
        {
            "source": {"url": "jdbc:postgresql://a/b", "user": "r"},
            "warehouse": {"url": "jdbc:postgresql://c/d", "user": "w"},
        }
    )
    assert (found.source.password, found.source.schema) == ("", "public")
    assert (found.warehouse.kind, found.warehouse.password, found.warehouse.schema) == ("postgres", "", "dw")
    assert (found.s3.staging, found.s3.iam_role, found.s3.endpoint) == ("", "", "")


def test_each_variable_overrides_its_key(load):
    found = load(
        environ={
            "DVDRENTAL_SOURCE_URL": "jdbc:postgresql://env/a",
            "DVDRENTAL_SOURCE_USER": "env-reader",
            "DVDRENTAL_SOURCE_PASSWORD": "env-s",
            "DVDRENTAL_SOURCE_SCHEMA": "env-public",
            "DVDRENTAL_WAREHOUSE_KIND": "postgres",
            "DVDRENTAL_WAREHOUSE_URL": "jdbc:postgresql://env/b",
            "DVDRENTAL_WAREHOUSE_USER": "env-loader",
            "DVDRENTAL_WAREHOUSE_PASSWORD": "env-w",
            "DVDRENTAL_WAREHOUSE_SCHEMA": "env-dw",
            "DVDRENTAL_S3_STAGING": "s3://env",
            "DVDRENTAL_S3_IAM_ROLE": "env-role",
            "DVDRENTAL_S3_ENDPOINT": "env-end",
        }
    )
    assert found.source == config.Database("jdbc:postgresql://env/a", "env-reader", "env-s", "env-public")
    assert found.warehouse == config.Warehouse(
        url="jdbc:postgresql://env/b", user="env-loader", password="env-w", schema="env-dw", kind="postgres"
    )
    assert found.s3 == config.S3("s3://env", "env-role", "env-end")


@pytest.mark.parametrize(
    ("section", "environ", "kind"),
    [
        ({}, {}, "spark"),
        ({"kind": "sail"}, {}, "sail"),
        ({"kind": "sail"}, {"ENGINE": "spark"}, "spark"),
        ({}, {"ENGINE": "sail"}, "sail"),
        ({}, {"ENGINE": "sail", "DVDRENTAL_ENGINE_KIND": "spark"}, "spark"),
    ],
)
def test_the_engine_and_its_short_variable(load, section, environ, kind):
    assert load(DOCUMENT | {"engine": section}, environ).engine == config.EngineChoice(kind, "refuse")


@pytest.mark.parametrize(("key", "known"), [("kind", "spark, sail"), ("on_shared_host", "refuse, allow")])
def test_an_unknown_engine_is_refused(refused, key, known):
    error = refused(DOCUMENT | {"engine": {key: "flink"}})
    assert error.line == f"engine.{key} is 'flink' -> it is one of {known}"


def test_one_variable_leaves_the_other_keys_to_the_file(load):
    found = load(environ={"DVDRENTAL_SOURCE_PASSWORD": "other", "PATH": "/bin"})
    assert (found.source.password, found.source.user) == ("other", "reader")
    assert found.warehouse.password == "w4rehouse-s3cret"


def test_an_empty_variable_overrides_nothing(load):
    assert load(environ={"DVDRENTAL_SOURCE_USER": ""}).source.user == "reader"


def test_the_environment_alone_is_enough(monkeypatch, tmp_path):
    monkeypatch.setattr(config, "DEFAULT_FILE", tmp_path / "nothing.json")
    found = config.load(
        None,
        {
            "DVDRENTAL_SOURCE_URL": "jdbc:postgresql://a/b",
            "DVDRENTAL_SOURCE_USER": "r",
            "DVDRENTAL_WAREHOUSE_URL": "jdbc:postgresql://c/d",
            "DVDRENTAL_WAREHOUSE_USER": "w",
        },
    )
    assert (found.source.url, found.warehouse.url) == ("jdbc:postgresql://a/b", "jdbc:postgresql://c/d")


def test_without_config_the_default_file_is_read(monkeypatch, tmp_path):
    default = tmp_path / "credentials.json"
    default.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    monkeypatch.setattr(config, "DEFAULT_FILE", default)
    assert config.load(None, {}).source.user == "reader"


def test_the_default_file_is_the_one_that_git_ignores():
    assert config.DEFAULT_FILE == ROOT / "config" / "credentials.json"
    assert "/config/credentials.json" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("section", "key", "variable"),
    [
        ("source", "url", "DVDRENTAL_SOURCE_URL"),
        ("source", "user", "DVDRENTAL_SOURCE_USER"),
        ("warehouse", "url", "DVDRENTAL_WAREHOUSE_URL"),
        ("warehouse", "user", "DVDRENTAL_WAREHOUSE_USER"),
    ],
)
@pytest.mark.parametrize("empty", ["", None])
def test_what_must_be_given_is_named_with_both_places_to_set_it(refused, section, key, variable, empty):
    assert refused(changed(section, **{key: empty})).line == (
        f"{section}.{key} is not set -> copy config/credentials_template.json to config/credentials.json"
        f" and fill it in, or set {variable}"
    )


def test_the_template_has_every_key_and_is_not_yet_an_address(refused):
    template = json.loads((ROOT / "config" / "credentials_template.json").read_text(encoding="utf-8"))
    assert {section: set(part) for section, part in template.items()} == {
        "source": {"url", "user", "password", "schema"},
        "warehouse": {"kind", "url", "user", "password", "schema"},
        "s3": {"staging", "iam_role", "endpoint"},
    }
    assert refused(template).message == "source.user is not set"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError) as error:
        config.load(tmp_path / "missing.json", {})
    assert error.value.line == (
        f"there is no configuration file {tmp_path}/missing.json"
        " -> copy config/credentials_template.json there and fill it in"
    )


def test_bad_json_is_refused_with_its_place(refused):
    error = refused('{"source": {"url": }}')
    assert "credentials.json is not valid JSON: Expecting value: line 1 column 20" in error.message
    assert error.hint == "compare it with config/credentials_template.json"


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "credentials.json"
    path.write_bytes(b'{"source": "\xff\xfe"}')
    with pytest.raises(ConfigError, match="is not valid JSON"):
        config.load(path, {})


@pytest.mark.parametrize("document", ["[]", '"text"', '{"source": "text"}', '{"source": []}'])
def test_json_of_another_shape_is_refused(refused, document):
    assert "credentials.json is not an object of sections" in refused(document).message


@pytest.mark.parametrize(
    ("document", "unknown"),
    [
        (changed("source", passwort="x"), "source.passwort"),
        (changed("source", kind="postgres"), "source.kind"),
        (DOCUMENT | {"sources": {"url": "x"}}, "sources.url"),
    ],
)
def test_an_unknown_key_is_named(refused, document, unknown):
    assert refused(document).message.endswith(f"credentials.json has an unknown key {unknown}")


@pytest.mark.parametrize("kind", ["Redshift", "Postgres", "mysql"])
def test_a_warehouse_of_no_known_kind_is_refused(refused, kind):
    assert refused(changed("warehouse", kind=kind)).line == (
        f"warehouse.kind is '{kind}' -> it is one of postgres, redshift"
    )


def redshift(**s3):
    document = changed("warehouse", kind="redshift", url="jdbc:redshift://cluster.example.com:5439/dev")
    return document | {"s3": {"staging": "s3://bucket/staging", "iam_role": ROLE, "endpoint": ""} | s3}


ROLE = "arn:aws:iam::123456789012:role/load"


@pytest.mark.parametrize("role", [ROLE, "default", "", "arn:aws-cn:iam::123456789012:role/a/b"])
def test_a_redshift_warehouse_needs_a_bucket_and_takes_a_role(load, role):
    configured = load(redshift(iam_role=role))
    assert (configured.warehouse.kind, configured.s3.iam_role) == ("redshift", role)
    assert configured.warehouse.place == "cluster.example.com:5439/dev"


@pytest.mark.parametrize("staging", ["", "bucket/prefix", "s3://", "https://bucket"])
def test_a_redshift_warehouse_without_a_bucket_is_refused(refused, staging):
    said = str(refused(redshift(staging=staging)))
    assert said.startswith(f"s3.staging is '{staging}', which does not name a bucket -> ")


@pytest.mark.parametrize("role", ["role", "arn:aws:iam::1:role/x", f"{ROLE}' FORMAT"])
def test_what_is_no_role_is_refused(refused, role):
    assert str(refused(redshift(iam_role=role))).startswith(
        f"s3.iam_role is '{role}', which is not a role -> "
    )


@pytest.mark.parametrize("kind", ["redshift", "postgres"])
def test_the_address_fits_the_kind(refused, kind):
    other = {"redshift": "jdbc:postgresql://h:5432/d", "postgres": "jdbc:redshift://h:5439/d"}[kind]
    document = redshift() | {"warehouse": redshift()["warehouse"] | {"kind": kind, "url": other}}
    name = {"redshift": "Redshift", "postgres": "PostgreSQL"}[kind]
    assert f"warehouse.url is not a {name} JDBC address" in str(refused(document))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://host:5432/dvdrental",
        "jdbc:redshift://host:5439/dvdrental",
        "jdbc:mysql://host/dvdrental",
        "jdbc:postgresql://host:5432",
        "jdbc:postgresql://host:5432/",
        "jdbc:postgresql:dvdrental",
        "jdbc:postgresql:///dvdrental",
        "host",
    ],
)
@pytest.mark.parametrize("section", ["source", "warehouse"])
def test_a_url_that_is_no_postgresql_jdbc_address_is_refused(refused, section, url):
    assert refused(changed(section, url=url)).line == (
        f"{section}.url is not a PostgreSQL JDBC address -> it looks like jdbc:postgresql://host:5432/database"
    )


@pytest.mark.parametrize("port", ["54x2", "99999"])
def test_a_port_that_is_none_is_refused(refused, port):
    assert refused(changed("source", url=f"jdbc:postgresql://host:{port}/dvdrental")).line == (
        "source.url cannot be read: its port is not a number -> it looks like jdbc:postgresql://host:5432/database"
    )


@pytest.mark.parametrize(
    "url",
    [
        "jdbc:postgresql://reader:hunter2@host:5432/dvdrental",
        "jdbc:postgresql://reader@host:5432/dvdrental",
        "jdbc:postgresql://host:5432/dvdrental?user=reader&password=hunter2",
        "jdbc:postgresql://host:5432/dvdrental?sslPassword=hunter2",
    ],
)
def test_a_url_that_holds_a_user_or_password_is_refused_without_showing_it(refused, url):
    error = refused(changed("source", url=url))
    assert error.line == ("source.url holds a user or password -> move them to source.user and .password")


def test_a_password_that_makes_a_url_unreadable_is_not_shown_either(refused):
    # The slash ends the address, so the beginning of the password reads as a port.
    error = refused(changed("source", url="jdbc:postgresql://reader:hunter2/x@host:5432/dvdrental"))
    assert "hunter2" not in str(error)


def test_no_repr_shows_a_password(load):
    found = load()
    for shown in (
        *(repr(found), str(found), f"{found}", repr([found])),
        *(repr(found.source), repr(found.warehouse), repr({"w": found.warehouse})),
        repr(replace(found.source, password="an0ther-s3cret")),
    ):
        assert "s3cret" not in shown
    assert repr(found.source) == (
        "Database(url='jdbc:postgresql://db.example:5433/dvdrental', user='reader', schema='rental')"
    )


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("jdbc:postgresql://db.example:5433/dvdrental", "db.example:5433/dvdrental"),
        ("jdbc:postgresql://db.example/dvdrental?sslmode=require", "db.example:5432/dvdrental"),
    ],
)
def test_the_place_is_what_a_message_may_show(url, place):
    assert config.Database(url, "u", "p", "public").place == place


def test_the_address_for_libpq(load):
    found = load()
    assert found.source.libpq() == {
        "host": "db.example",
        "port": "5433",
        "dbname": "dvdrental",
        "user": "reader",
        "password": "s0urce-s3cret",
        "sslmode": "require",
    }
    assert found.warehouse.libpq() == {
        "host": "dw.example",
        "port": "5432",
        "dbname": "warehouse",
        "user": "loader",
        "password": "w4rehouse-s3cret",
        "sslmode": "require",
    }


def test_libpq_gets_no_option_of_jdbc_alone():
    url = (
        "jdbc:postgresql://h/d?sslmode=verify-full&sslrootcert=/ca.pem"
        "&loginTimeout=5&ApplicationName=x&prepareThreshold=0"
    )
    assert config.Database(url, "u", "p", "public").libpq() == {
        "host": "h",
        "port": "5432",
        "dbname": "d",
        "user": "u",
        "password": "p",
        "sslmode": "verify-full",
        "sslrootcert": "/ca.pem",
    }


@pytest.mark.parametrize(
    "option", ["ssl=true", "sslfactory=org.postgresql.ssl.NonValidatingFactory", "sslResponseTimeout=5000"]
)
def test_libpq_takes_what_it_gets(load, option):
    # libpq refuses an address with a name that only JDBC knows. Such an option is understood or refused
    # as a wrong setting, never passed on.
    try:
        found = load(changed("source", url=f"jdbc:postgresql://h/d?{option}"))
    except ConfigError:
        return
    address = found.source.libpq()
    psycopg2.extensions.parse_dsn(psycopg2.extensions.make_dsn(**address))


@pytest.mark.parametrize(
    ("options", "sslmode"),
    [
        ("ssl=true", "verify-full"),
        ("ssl=TRUE&loginTimeout=5", "verify-full"),
        ("ssl=true&sslmode=require", "require"),
        ("ssl=false", None),
    ],
)
def test_the_older_way_to_ask_for_tls_is_not_weaker_for_libpq(options, sslmode):
    address = config.Database(f"jdbc:postgresql://h/d?{options}", "u", "p", "public").libpq()
    assert address.get("sslmode") == sslmode


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_with_passwords_that_others_can_read_is_warned_of(tmp_path, mode):
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    path.chmod(mode)
    assert config.load(path, {}).warnings == (
        f"{path} holds passwords, and other users can read it -> chmod 600 {path}",
    )


def test_a_private_file_and_one_without_passwords_are_not_warned_of(tmp_path):
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    path.chmod(0o600)
    assert config.load(path, {}).warnings == ()
    document = {section: part | {"password": ""} for section, part in DOCUMENT.items() if section != "s3"}
    path.write_text(json.dumps(document), encoding="utf-8")
    path.chmod(0o644)
    assert config.load(path, {"DVDRENTAL_SOURCE_PASSWORD": "x"}).warnings == ()


def test_a_login_by_iam_needs_no_user_and_no_password(load):
    url = "jdbc:redshift:iam://cluster:eu-west-1/dev?DbUser=etl"
    document = redshift() | {"warehouse": {"kind": "redshift", "url": url, "query_group": "night"}}
    found = load(document).warehouse
    assert (found.user, found.password, found.query_group) == ("", "", "night")
    assert load(redshift(kms_key="alias/etl")).s3.kms_key == "alias/etl"


def test_a_chain_of_roles_is_taken(load, refused):
    chain = f"{ROLE},arn:aws:iam::210987654321:role/other"
    assert load(redshift(iam_role=chain)).s3.iam_role == chain
    for wrong in (f"{ROLE},", f"{ROLE}, {ROLE}", f"{ROLE},default"):
        assert "which is not a role" in str(refused(redshift(iam_role=wrong)))
