"""Airflow's connections as the jobs' settings, and what is wrong with the Spark connection."""

import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

ROOT = Path(__file__).resolve().parents[2]

#: A job's settings. Only the environment stays out of `ps`, the task's log and the metadata database:
#: arguments and Spark properties do not.
SETTINGS = {
    "DVDRENTAL_SOURCE_URL": "{{ jdbc_url(conn.dvdrental_source) }}",
    "DVDRENTAL_SOURCE_USER": "{{ conn.dvdrental_source.login or '' }}",
    "DVDRENTAL_SOURCE_PASSWORD": "{{ conn.dvdrental_source.password or '' }}",
    "DVDRENTAL_SOURCE_SCHEMA": "{{ conn.dvdrental_source.extra_dejson.get('schema', 'public') }}",
    "DVDRENTAL_WAREHOUSE_KIND": "{{ warehouse_kind(conn.dvdrental_warehouse) }}",
    "DVDRENTAL_WAREHOUSE_URL": "{{ jdbc_url(conn.dvdrental_warehouse) }}",
    "DVDRENTAL_WAREHOUSE_USER": "{{ conn.dvdrental_warehouse.login or '' }}",
    "DVDRENTAL_WAREHOUSE_PASSWORD": "{{ conn.dvdrental_warehouse.password or '' }}",
    "DVDRENTAL_WAREHOUSE_SCHEMA": "{{ conn.dvdrental_warehouse.extra_dejson.get('schema', 'dw') }}",
    "DVDRENTAL_WAREHOUSE_QUERY_GROUP": "{{ conn.dvdrental_warehouse.extra_dejson.get('query_group', '') }}",
    "DVDRENTAL_S3_STAGING": "{{ conn.dvdrental_warehouse.extra_dejson.get('s3_staging', '') }}",
    "DVDRENTAL_S3_IAM_ROLE": "{{ conn.dvdrental_warehouse.extra_dejson.get('s3_iam_role', '') }}",
    "DVDRENTAL_S3_KMS_KEY": "{{ conn.dvdrental_warehouse.extra_dejson.get('s3_kms_key', '') }}",
    "DVDRENTAL_S3_ENDPOINT": "{{ conn.dvdrental_warehouse.extra_dejson.get('s3_endpoint', '') }}",
}

#: The host of spark_default that lets Sail run the scripts, in place of Spark.
SAIL = "sail"
#: Spark's own environment: its workers run the driver's Python, and a local one binds to the loopback address only.
SPARK = {
    "PYSPARK_PYTHON": sys.executable,
    "SPARK_LOCAL_IP": "{{ '127.0.0.1' if (conn.spark_default.host or '').startswith(here) else '' }}",
    "SPARK_LAUNCHER_OPTS": "{{ conn.spark_default.extra_dejson.get('launcher-opts', '') }}",
    # Whatever ENGINE is where Airflow runs.
    "DVDRENTAL_ENGINE_KIND": "{{ 'sail' if conn.spark_default.host == sail else 'spark' }}",
    "DVDRENTAL_ENGINE_ON_SHARED_HOST": "{{ conn.spark_default.extra_dejson.get('on-shared-host', '') }}",
}
PROPERTIES = "{{ conn.spark_default.extra_dejson.get('properties-file', spark_defaults) }}"
#: The fact is the large table: a connection may give it more than the dimensions.
FACT_PROPERTIES = (
    "{{ conn.spark_default.extra_dejson.get('fact-properties-file')"
    " or conn.spark_default.extra_dejson.get('properties-file', spark_defaults) }}"
)

#: Extras of a redshift connection for a login by IAM, and the options of jdbc:redshift:iam: that say the same.
IAM_EXTRAS = {
    "cluster_identifier": "ClusterID",
    "region": "Region",
    "db_user": "DbUser",
    "db_groups": "DbGroups",
    "auto_create": "AutoCreate",
    "group_federation": "GroupFederation",
    "profile": "Profile",
    "is_serverless": "IsServerless",
    "serverless_work_group": "ServerlessWorkGroup",
    "serverless_acct_id": "ServerlessAcctId",
}
SPARK_MASTER = re.compile(r"(local(\[.+\])?$|yarn$|sail$|spark://[^\[]+:\d+$|k8s://.)")
SPARK_EXAMPLE = 'for example {"conn_type": "spark", "host": "local[2]", "extra": {"deploy-mode": "client"}}'


def warehouse_kind(connection: Any) -> str:
    """`redshift` or `postgres`, by the connection's type."""
    return "redshift" if connection.conn_type == "redshift" else "postgres"


def jdbc_url(connection: Any) -> str:
    """The connection's JDBC URL, without its secrets; an extra `sslmode` is kept.

    With the extra `iam`, a connection of type redshift logs in by IAM, with the extras that Airflow's RedshiftSQLHook
    takes.
    """
    scheme, port = ("redshift", 5439) if connection.conn_type == "redshift" else ("postgresql", 5432)
    extra = connection.extra_dejson
    options = {"sslmode": extra["sslmode"]} if extra.get("sslmode") else {}
    host = connection.host or ""
    is_bare_ipv6 = ":" in host and not host.startswith("[")
    place = f"{f'[{host}]' if is_bare_ipv6 else host}:{connection.port or port}"
    if scheme == "redshift" and str(extra.get("iam", "")).lower() == "true":
        scheme = "redshift:iam"
        options |= {name: _as_option(extra[key]) for key, name in IAM_EXTRAS.items() if extra.get(key)}
        if not host:  # a cluster by its name: AWS tells its address
            host = options.pop("ClusterID", "")
            place = f"{host}:{options.pop('Region', '')}"
    if not host:
        raise AirflowFailException(
            f"connection {connection.conn_id} has no host -> fill it in, under Admin > Connections"
        )
    query = f"?{urlencode(options)}" if options else ""
    return f"jdbc:{scheme}://{place}/{quote(connection.schema or '', safe='')}{query}"


def _as_option(value: Any) -> str:
    """An extra as an option of the URL: lists are joined by commas, flags are true or false."""
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


#: What the templates above use.
MACROS = {
    "jdbc_url": jdbc_url,
    "warehouse_kind": warehouse_kind,
    "sail": SAIL,
    "here": ("local", "spark://127.0.0.1:"),
    "spark_defaults": str(ROOT / "config" / "spark-defaults.conf"),
}


def check_spark() -> None:
    """Refuse a missing or unreadable `spark_default`: the Spark hook would submit to YARN without a message."""
    try:
        connection = BaseHook.get_connection("spark_default")
    except AirflowNotFoundException:
        raise AirflowFailException(
            f"the connection spark_default is missing: add it, {SPARK_EXAMPLE}"
        ) from None
    host = str(connection.host or "")
    master = host if "://" in host or not connection.port else f"{connection.conn_type}://{host}"
    master += f":{connection.port}" if connection.port else ""
    if connection.conn_type != "spark" or not SPARK_MASTER.match(master):
        raise AirflowFailException(
            f"the connection spark_default (type {connection.conn_type}, host '{host}') does not name a Spark master: "
            f"correct it, {SPARK_EXAMPLE}"
        )
    if connection.extra_dejson.get("deploy-mode") == "cluster":
        raise AirflowFailException(
            "the connection spark_default has deploy-mode cluster, where the driver would not get the settings of "
            "this run: set deploy-mode to client"
        )
