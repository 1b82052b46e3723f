"""Rows leave Spark as Parquet files on S3, from the executors, for one COPY of exactly those that succeeded."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dvdrental_etl import staging
from dvdrental_etl.errors import WarehouseError, first_line
from dvdrental_etl.settings import S3
from dvdrental_etl.staging import Staged
from dvdrental_etl.targets import Target

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

#: AWS advises files of 1 MB to 1 GB; a task begins another one here. Tasks are as many as the source was read in parts.
BYTES_PER_FILE = 64 * 1024 * 1024
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class StagedFile:
    """One file of a task that succeeded."""

    url: str
    length: int


StagedFiles = Sequence[StagedFile]


class Files:
    """The place on S3 where rows wait. One folder an attempt, named like its staging table."""

    def __init__(self, s3: S3, schema: str) -> None:
        parts = urlsplit(s3.staging)
        self._s3, self._bucket = s3, parts.netloc
        self._prefix = "/".join(part for part in (parts.path.strip("/"), schema) if part)

    @property
    def role(self) -> str:
        """What COPY writes behind IAM_ROLE: the cluster's default role, or this one."""
        return "DEFAULT" if self._s3.iam_role in ("", "default") else f"'{self._s3.iam_role}'"

    def write(self, frame: "DataFrame", target: Target, name: str) -> tuple[Staged, StagedFiles]:
        """Write a frame's good rows as files below the folder `name`."""
        place = self._place(name)

        def sink(rows: Iterator["pa.RecordBatch"]) -> Iterator[Mapping[str, Any]]:
            return _put_files(rows, place)

        receipts = staging.send(staging.judged(frame, target), target, sink)
        files = [StagedFile(r.url, r.length) for r in receipts if r.url is not None]
        return staging.staged(receipts, target), files

    def write_rows(self, batches: Iterator["pa.RecordBatch"], name: str) -> StagedFiles:
        """Write Arrow batches of this process, as an executor would."""
        with self._told("write rows"):
            return [
                StagedFile(sent["url"], sent["length"]) for sent in _put_files(batches, self._place(name))
            ]

    def write_manifest(self, name: str, files: StagedFiles) -> str:
        """Its URL. Redshift reads the length of each Parquet file from it."""
        entries = [
            {"url": file.url, "mandatory": True, "meta": {"content_length": file.length}} for file in files
        ]
        key = f"{self._prefix}/{name}/{MANIFEST}"
        body = json.dumps({"entries": entries}).encode()
        with self._told("write the manifest"):
            self._client().put_object(Bucket=self._bucket, Key=key, Body=body)
        return f"s3://{self._bucket}/{key}"

    def remove(self, name: str) -> None:
        """Remove what waits under the folder `name`, orphans of killed tasks included."""
        with self._told("remove staged files"):
            client = self._client()
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"{self._prefix}/{name}/"
            )
            for page in pages:
                keys = [{"Key": found["Key"]} for found in page.get("Contents", ())]
                if keys:
                    client.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})

    def folders(self, beginning: str) -> set[str]:
        """The names of folders that begin so."""
        with self._told("list staged files"):
            pages = self._client().get_paginator("list_objects_v2")
            found = pages.paginate(Bucket=self._bucket, Prefix=f"{self._prefix}/{beginning}", Delimiter="/")
            return {
                prefix["Prefix"].rstrip("/").rsplit("/", 1)[1]
                for page in found
                for prefix in page.get("CommonPrefixes", ())
            }

    def _place(self, name: str) -> "_Place":
        return _Place(self._s3.endpoint, self._bucket, f"{self._prefix}/{name}")

    def _client(self) -> Any:
        return _client(self._s3.endpoint)

    def _told(self, doing: str) -> "_Told":
        return _Told(f"S3 {self._s3.staging}: cannot {doing}")


class _Told:
    """Turns what boto3 raises into one line for people."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, BotoCoreError | ClientError):
            raise WarehouseError(
                f"{self._what}: {first_line(error)}",
                "check s3.staging, s3.endpoint and the AWS credentials of this process; nothing was published",
            ) from error


@dataclass(frozen=True)
class _Place:
    """Where a task puts its files. Credentials are the executor's own, by AWS's usual chain."""

    endpoint: str
    bucket: str
    folder: str


def _client(endpoint: str) -> Any:
    """An S3 client that waits out slow answers and 503s: ten tries with growing pauses."""
    import boto3
    from botocore.config import Config

    config = Config(retries={"max_attempts": 10, "mode": "standard"}, connect_timeout=10, read_timeout=60)
    return boto3.client("s3", endpoint_url=endpoint or None, config=config)


def _put_files(batches: Iterable["pa.RecordBatch"], place: _Place) -> Iterator[Mapping[str, Any]]:
    """Runs in an executor. A key of its own for each file of each try of a task: none is ever overwritten."""
    import secrets

    import pyarrow as pa
    from pyarrow import parquet

    client = _client(place.endpoint)
    buffer, writer = io.BytesIO(), None

    def put() -> Mapping[str, Any]:
        key = f"{place.folder}/{secrets.token_hex(16)}.parquet"
        body = buffer.getvalue()
        client.put_object(Bucket=place.bucket, Key=key, Body=body, IfNoneMatch="*")
        return {"url": f"s3://{place.bucket}/{key}", "length": len(body)}

    for batch in batches:
        if writer is None:
            buffer = io.BytesIO()
            writer = parquet.ParquetWriter(buffer, batch.schema, compression="zstd", coerce_timestamps="us")
        writer.write_table(pa.Table.from_batches([batch]))
        if buffer.tell() >= BYTES_PER_FILE:
            writer.close()
            writer = None
            yield put()
    if writer is not None:
        writer.close()
        yield put()
