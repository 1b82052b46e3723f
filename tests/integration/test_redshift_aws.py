"""AWS's services as teams have them: logins by IAM and Secrets Manager, and files encrypted with a key of KMS."""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from dvdrental_etl import config
from dvdrental_etl.db import redshift
from dvdrental_etl.errors import ConfigError
from dvdrental_etl.limits import DEFAULT_LIMITS
from dvdrental_etl.staging.parquet import Files
from redshift_emulator.emulator import Emulator
from redshift_emulator.iam import CLUSTER, WORKGROUP

APPLICATION = "test"


@pytest.fixture
def cluster(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    return emulator


def warehouse(emulator: Emulator, tmp_path: Any, **given: str) -> config.Warehouse:
    """The warehouse of a configuration file, whose passwords are in the file, or not."""
    document = {
        "source": {"url": "jdbc:postgresql://127.0.0.1/d", "user": "u"},
        "warehouse": {"kind": "redshift", "schema": "dw"} | given,
        "s3": {"staging": f"s3://{emulator.s3.bucket}/x"},
    }
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps(document))
    return config.load(path, os.environ).warehouse


def asked(address: config.Warehouse, query: str) -> Any:
    connection = redshift.connect(address, APPLICATION)
    try:
        cursor = redshift.RedshiftCursor(connection.cursor())
        cursor.execute(query)
        return cursor.fetchone()
    finally:
        connection.close()


def test_iam_on_a_cluster(cluster: Emulator, tmp_path: Any) -> None:
    place = f"{cluster.host}:{cluster.port}/{cluster.database}"
    url = f"jdbc:redshift:iam://{place}?ClusterID={CLUSTER}&DbUser=etl&Region=us-east-1"
    address = warehouse(cluster, tmp_path, url=url, query_group="the night, 3 am")
    assert asked(address, "SHOW query_group") == ("the night, 3 am",)
    assert "IAM:etl" in cluster.handshake.temporary
    wrong = warehouse(cluster, tmp_path, url=url.replace(CLUSTER, "another"))
    with pytest.raises(ClientError, match="Cluster not found"):
        redshift.connect(wrong, APPLICATION)


def test_iam_on_a_workgroup(cluster: Emulator, tmp_path: Any) -> None:
    place = f"{cluster.host}:{cluster.port}/{cluster.database}"
    options = f"IsServerless=true&ServerlessWorkGroup={WORKGROUP}&Region=us-east-1"
    address = warehouse(cluster, tmp_path, url=f"jdbc:redshift:iam://{place}?{options}")
    assert asked(address, "SELECT 1") == (1,)
    assert "IAMR:sandbox" in cluster.handshake.temporary


def test_a_login_in_secrets_manager(cluster: Emulator, tmp_path: Any) -> None:
    secret = json.dumps({"username": cluster.user, "password": cluster.password, "engine": "redshift"})
    client = boto3.client("secretsmanager")
    name = f"dvdrental/{cluster.s3.bucket}"
    client.create_secret(Name=name, SecretString=secret)
    url = f"jdbc:redshift://{cluster.host}:{cluster.port}/{cluster.database}"
    address = warehouse(cluster, tmp_path, url=url, password=f"secretsmanager:{name}")
    assert address.user == cluster.user
    assert cluster.password not in repr(address)
    assert asked(address, "SELECT 1") == (1,)
    with pytest.raises(
        ConfigError, match=r"warehouse\.password names the secret nothing, which cannot be read"
    ):
        warehouse(cluster, tmp_path, url=url, password="secretsmanager:nothing")
    client.create_secret(Name=f"{name}/text", SecretString="hunter2")
    with pytest.raises(ConfigError, match="is not JSON with a password") as error:
        warehouse(cluster, tmp_path, url=url, password=f"secretsmanager:{name}/text")
    assert "hunter2" not in str(error.value)
    client.create_secret(Name=f"{name}/binary", SecretBinary=b"hunter2")
    with pytest.raises(ConfigError, match="is not JSON with a password"):
        warehouse(cluster, tmp_path, url=url, password=f"secretsmanager:{name}/binary")


@pytest.mark.parametrize(("kms_key", "encryption"), [("", None), ("alias/etl", "aws:kms")])
def test_files_are_encrypted_with_the_key_of_the_configuration(
    cluster: Emulator, kms_key: str, encryption: str | None
) -> None:
    s3 = config.S3(f"s3://{cluster.s3.bucket}/kms", "", cluster.s3.endpoint, kms_key)
    files = Files(s3, "dw", DEFAULT_LIMITS)
    staged = files.write_rows(iter(pa.table({"a": [1]}).to_batches()), "stg_x", slices=1)
    manifest = files.write_manifest("stg_x", staged)
    for url in (staged[0].url, manifest):
        bucket, key = url.removeprefix("s3://").split("/", 1)
        found = cluster.s3.client().head_object(Bucket=bucket, Key=key)
        asked = found.get("ServerSideEncryption"), found.get("SSEKMSKeyId")
        assert asked == ((encryption, kms_key) if kms_key else (None, None)) or (
            not kms_key and asked[1] is None
        )
    files.remove("stg_x")
