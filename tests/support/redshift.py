"""What the tests of the Redshift emulator work with: connections by the unmodified driver, and files for COPY."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import redshift_connector

from redshift_emulator.emulator import Emulator
from sandbox.access import WRITER
from sandbox.postgres import SUPERUSER
from sandbox.server import Sandbox
from tests.support.database import DatabaseClient
from tests.support.environment import Environment

Rows = list[list[Any]]
NUMBERS = itertools.count(1)


def connect(emulator: Emulator, **changes: Any) -> Any:
    """redshift_connector as a job uses it."""
    arguments: dict[str, Any] = {
        "host": emulator.host,
        "port": emulator.port,
        "user": emulator.user,
        "password": emulator.password,
        "database": emulator.database,
        "ssl": True,
        "sslmode": "verify-full",
        "timeout": 60,
    }
    return redshift_connector.connect(**(arguments | changes))


def ask(connection: Any, sql: str, *parameters: Any) -> Rows:
    """Run one statement; its rows, if it has any."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql, parameters or None)
        return [list(row) for row in cursor.fetchall()] if cursor.description else []


def error_of(connection: Any, sql: str, *parameters: Any) -> dict[str, str]:
    """The fields of the error that a statement ends with; the transaction is rolled back."""
    try:
        ask(connection, sql, *parameters)
    except redshift_connector.Error as error:
        return error.args[0]
    finally:
        connection.rollback()
    raise AssertionError(f"Redshift takes it: {sql}")


class Bucket:
    """A folder of the emulator's bucket."""

    def __init__(self, emulator: Emulator, folder: str) -> None:
        self.emulator, self.folder = emulator, folder
        self.client = emulator.s3.client()

    def url(self, name: str) -> str:
        return f"s3://{self.emulator.s3.bucket}/{self.folder}/{name}"

    def put(self, name: str, data: bytes | pa.Table, **options: Any) -> dict[str, Any]:
        """Upload; the entry of a manifest for it."""
        if isinstance(data, pa.Table):
            sink = io.BytesIO()
            pq.write_table(data, sink, **{"use_deprecated_int96_timestamps": True} | options)
            data = sink.getvalue()
        self.client.put_object(Bucket=self.emulator.s3.bucket, Key=f"{self.folder}/{name}", Body=data)
        return {"url": self.url(name), "mandatory": True, "meta": {"content_length": len(data)}}

    def manifest(self, entries: Sequence[dict[str, Any]], name: str = "m.manifest") -> str:
        self.put(name, json.dumps({"entries": list(entries)}).encode())
        return self.url(name)

    def copy(self, table: str, source: str, *options: str) -> str:
        """The text of a COPY."""
        return f"COPY {table} FROM '{source}' IAM_ROLE '{self.emulator.iam_role}' FORMAT AS PARQUET {' '.join(options)}"


def to_redshift(
    env: Environment, cluster: Emulator, server: Sandbox, template: str | None = None
) -> Environment:
    """The same source, and a database of the cluster: an empty one, or a clone of one that was loaded."""
    name = f"redshift_{next(NUMBERS)}"
    if template is None:
        server.create_database(name, owner=WRITER)
    else:
        server.clone(template, name)
    cluster.serve(name)
    config = env.config.with_name(f"{name}.json")
    config.touch(0o600)
    config.write_text(json.dumps(json.loads(env.config.read_text()) | cluster.credentials(name)))
    behind = DatabaseClient(env.source.port, server.state.passwords[SUPERUSER], name, "dw")
    made = Environment(
        env.source, behind, config, (*env.secrets, cluster.password, cluster.s3.secret_access_key)
    )
    if template is not None:  # loaded from another clone: it shall take this one for the same source
        made.accept_source()
    return made


def staged_files(cluster: Emulator) -> list[str]:
    found = cluster.s3.client().list_objects_v2(Bucket=cluster.s3.bucket, Prefix="staging/")
    return [entry["Key"] for entry in found.get("Contents", ())]


def check_clean(env: Environment, cluster: Emulator) -> None:
    assert env.staging_tables() == []
    assert staged_files(cluster) == []
