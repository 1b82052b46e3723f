"""JDBC addresses: their parts, what is refused in one, and how TLS is asked for."""

import pytest

from dvdrental_etl import jdbc_url
from dvdrental_etl.config import Database
from dvdrental_etl.errors import ConfigError


@pytest.mark.parametrize(
    "option",
    [
        "SSLMODE=require",
        "sslMode=require",
        "sslmode2=x",
        "nothing",
        "channelBinding=require",
        "applicationname=x",
    ],
)
def test_an_option_that_no_driver_knows_is_refused(option):
    with pytest.raises(ConfigError) as error:
        jdbc_url.check("source", f"jdbc:postgresql://h/d?{option}", "postgresql")
    assert f"source.url has the option '{option.split('=')[0]}', which would have no effect" in str(
        error.value
    )


@pytest.mark.parametrize(
    "query",
    [
        "%70assword=hunter2",
        "PassWord=hunter2",
        "p%61sswor%64=hunter2",
        "sslpassword=hunter2",
        "password",
        "user=hunter2",
    ],
)
def test_a_password_is_found_however_it_is_spelt(query):
    with pytest.raises(ConfigError, match=r"source\.url holds a user or password") as error:
        jdbc_url.check("source", f"jdbc:postgresql://h/d?{query}", "postgresql")
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "sslmode"),
    [
        ("jdbc:postgresql://db.example/d", "require"),
        ("jdbc:postgresql://10.0.0.5:5432/d?loginTimeout=5", "require"),
        ("jdbc:postgresql://localhost/d", None),
        ("jdbc:postgresql://127.0.0.9:5432/d", None),
        ("jdbc:postgresql://[::1]:5432/d", None),
        ("jdbc:postgresql://localhost.example/d", "require"),
        ("jdbc:postgresql://db.example/d?sslmode=disable", "disable"),
        ("jdbc:postgresql://db.example/d?sslmode=verify-full", "verify-full"),
        ("jdbc:postgresql://db.example/d?ssl=true", "verify-full"),
        ("jdbc:postgresql://127.0.0.1/d?sslmode=require", "require"),
    ],
)
def test_tls_is_required_of_other_machines_unless_the_address_says_how(url, sslmode):
    database = Database(url, "u", "p", "public")
    assert database.libpq().get("sslmode") == sslmode
    # pgjdbc reads ssl=true as verify-full by itself.
    assert jdbc_url.parse(database.jdbc).sslmode == sslmode
    is_default = sslmode == "require" and "sslmode" not in url
    assert ("sslmode=require" in database.jdbc) == (is_default or "sslmode=require" in url)


def iam(url, user=""):
    jdbc_url.check("warehouse", url, "redshift")
    return {k: v for k, v in jdbc_url.iam_arguments(jdbc_url.parse(url), user).items() if v is not None}


def test_iam_on_a_cluster_by_its_endpoint():
    url = "jdbc:redshift:iam://examplecluster.abc.us-west-2.redshift.amazonaws.com:5439/dev?AutoCreate=true&DbGroups=a,b"
    assert iam(url, "etl") == {
        "iam": True,
        "host": "examplecluster.abc.us-west-2.redshift.amazonaws.com",
        "port": 5439,
        "cluster_identifier": "examplecluster",
        "db_user": "etl",
        "auto_create": True,
        "db_groups": ["a", "b"],
    }


def test_iam_on_a_cluster_by_its_name():
    url = "jdbc:redshift:iam://examplecluster:us-west-2/dev?DbUser=etl&Profile=night"
    assert iam(url) == {
        "iam": True,
        "region": "us-west-2",
        "cluster_identifier": "examplecluster",
        "db_user": "etl",
        "profile": "night",
    }
    assert jdbc_url.parse(url).place == "examplecluster:us-west-2/dev"


def test_iam_on_a_serverless_workgroup():
    url = "jdbc:redshift:iam://etl.123456789012.us-west-2.redshift-serverless.amazonaws.com/dev?serverlessWorkGroup=etl"
    assert iam(url) == {
        "iam": True,
        "host": "etl.123456789012.us-west-2.redshift-serverless.amazonaws.com",
        "port": 5439,
        "serverless_work_group": "etl",
    }


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("jdbc:redshift://c/dev?DbUser=etl", "has the option 'DbUser'"),
        ("jdbc:redshift:iam://c/dev?PluginName=x", "has the option 'PluginName'"),
        ("jdbc:redshift:iam://u:hunter2@c/dev", "holds a user or password"),
        ("jdbc:redshift:iam://c/dev?PWD=hunter2", "holds a user or password"),
        ("jdbc:redshift://c/dev?sslmode=disable", "has sslmode=disable -> Redshift is reached by TLS"),
        ("jdbc:postgresql:iam://c/dev", "is not a Redshift JDBC address"),
    ],
)
def test_what_redshift_would_not_understand_is_refused(url, problem):
    with pytest.raises(ConfigError) as error:
        jdbc_url.check("warehouse", url, "redshift")
    assert problem in str(error.value)
    assert "hunter2" not in str(error.value)
