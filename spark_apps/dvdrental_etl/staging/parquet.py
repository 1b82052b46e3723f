"""Rows leave Spark as Parquet files on S3, for one COPY of exactly those of tasks that succeeded."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dvdrental_etl.config import S3
from dvdrental_etl.errors import WarehouseError, first_line
from dvdrental_etl.model.targets import Target
from dvdrental_etl.staging import send
from dvdrental_etl.staging.send import Staged

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

#: AWS advises files of 1 MB to 1 GB, about equal, and as many as the cluster has slices or a multiple of that.
LEAST_BYTES = 1024 * 1024
#: So much of a task's rows, as Arrow holds them, and up to twice that, waits in memory until it becomes files.
BYTES_HELD = 64 * 1024 * 1024
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

    def write(
        self, frame: "DataFrame", target: Target, name: str, slices: int, expected: int
    ) -> tuple[Staged, StagedFiles]:
        """Write a frame's good rows, about so many, as files in the folder `name`, for a cluster of so many slices."""
        place = self._place(name)

        def sink(rows: Iterator["pa.RecordBatch"]) -> Iterator[Mapping[str, Any]]:
            return _put_files(rows, place, slices)

        receipts = send.send(send.judged(frame, target), target, sink, expected)
        files = [StagedFile(r.url, r.length) for r in receipts if r.url is not None]
        return send.staged(receipts, target), files

    def write_rows(self, batches: Iterator["pa.RecordBatch"], name: str, slices: int) -> StagedFiles:
        """Write Arrow batches of this process, as an executor would."""
        with self._told("write rows"):
            sent = list(_put_files(batches, self._place(name), slices))
        return [StagedFile(one["url"], one["length"]) for one in sent]

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
    """Where a task puts its files. Credentials are those of its process, by AWS's usual chain."""

    endpoint: str
    bucket: str
    folder: str


def _client(endpoint: str) -> Any:
    """An S3 client that waits out slow answers and 503s: ten tries with growing pauses."""
    import boto3
    from botocore.config import Config

    config = Config(retries={"max_attempts": 10, "mode": "standard"}, connect_timeout=10, read_timeout=60)
    return boto3.client("s3", endpoint_url=endpoint or None, config=config)


def _put_files(
    batches: Iterable["pa.RecordBatch"], place: _Place, slices: int
) -> Iterator[Mapping[str, Any]]:
    """A key of its own for each file of each try of a task: none is ever overwritten."""
    import secrets

    client = _client(place.endpoint)
    for table in _tables(batches):
        for body in _fitted(table, slices):
            key = f"{place.folder}/{secrets.token_hex(16)}.parquet"
            client.put_object(Bucket=place.bucket, Key=key, Body=body, IfNoneMatch="*")
            yield {"url": f"s3://{place.bucket}/{key}", "length": len(body)}


def _tables(batches: Iterable["pa.RecordBatch"]) -> Iterator["pa.Table"]:
    """The rows in tables that memory can hold. The last one takes the rest with it, so that none is a small one."""
    import pyarrow as pa

    full: list[pa.RecordBatch] = []
    filling: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        filling.append(batch)
        size += batch.nbytes
        if size >= BYTES_HELD:
            if full:
                yield pa.Table.from_batches(full)
            full, filling, size = filling, [], 0
    if full or filling:
        yield pa.Table.from_batches([*full, *filling])


def _fitted(table: "pa.Table", slices: int) -> Iterator[bytes]:
    """The rows as Parquet files of equally many rows: one for each slice, if that leaves LEAST_BYTES for each.

    Else as many as half the slices, a third ..., down to one file. So tasks that have about equally much give a
    multiple of the slices in all, though none knows how many other tasks there are.
    """
    for count in (many for many in range(slices, 0, -1) if slices % many == 0):
        first = _encoded(_part(table, 0, count))
        if len(first) >= LEAST_BYTES:
            break
    yield first
    for number in range(1, count):
        yield _encoded(_part(table, number, count))


def _part(table: "pa.Table", number: int, count: int) -> "pa.Table":
    begin, end = (table.num_rows * at // count for at in (number, number + 1))
    return table.slice(begin, end - begin)


def _encoded(table: "pa.Table") -> bytes:
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd", coerce_timestamps="us")
    return buffer.getvalue()
