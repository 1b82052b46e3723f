"""Rows leave Spark as Parquet files on S3, for one COPY of exactly the files of tasks that succeeded."""

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dvdrental_etl.config import S3
from dvdrental_etl.errors import WarehouseError, first_line
from dvdrental_etl.limits import Limits
from dvdrental_etl.staging.bounds import Bounds, bounds_in
from dvdrental_etl.staging.results import Staged
from dvdrental_etl.staging.send import Outgoing, staged

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class StagedFile:
    """One file of a task that succeeded. bounds: of the rows that the task wrote together with it."""

    url: str
    length: int
    bounds: Bounds


StagedFiles = Sequence[StagedFile]


class Files:
    """The place on S3 where rows wait for COPY. One folder an attempt, named like its staging table."""

    def __init__(self, s3: S3, schema: str, limits: Limits) -> None:
        parts = urlsplit(s3.staging)
        self._s3, self._bucket, self._limits = s3, parts.netloc, limits
        self._prefix = "/".join(part for part in (parts.path.strip("/"), schema) if part)

    @property
    def role(self) -> str:
        """The value of COPY's IAM_ROLE: the cluster's default role, or the configured one."""
        return "DEFAULT" if self._s3.iam_role in ("", "default") else f"'{self._s3.iam_role}'"

    def write(self, outgoing: Outgoing, name: str, slices: int) -> tuple[Staged, StagedFiles]:
        """Write a frame's good rows as files in the folder `name`, for a cluster with that many slices."""
        folder = self._folder(name, slices)

        def sink(rows: Iterator["pa.RecordBatch"]) -> Iterator[Mapping[str, Any]]:
            return _put_files(rows, folder)

        receipts = outgoing.send(sink)
        files = [StagedFile(r.url, r.length, json.loads(r.bounds)) for r in receipts if r.url is not None]
        return staged(receipts, outgoing.target), files

    def write_rows(self, batches: Iterator["pa.RecordBatch"], name: str, slices: int) -> StagedFiles:
        """Write Arrow batches of this process, as an executor would."""
        with self._reported("write rows"):
            sent = list(_put_files(batches, self._folder(name, slices)))
        return [StagedFile(one["url"], one["length"], json.loads(one["bounds"])) for one in sent]

    def write_manifest(self, name: str, files: StagedFiles) -> str:
        """Write the list of files that COPY reads, with their lengths, and return its URL."""
        entries = [
            {"url": file.url, "mandatory": True, "meta": {"content_length": file.length}} for file in files
        ]
        key = f"{self._prefix}/{name}/{MANIFEST}"
        body = json.dumps({"entries": entries}).encode()
        with self._reported("write the manifest"):
            self._client().put_object(
                Bucket=self._bucket, Key=key, Body=body, **_encryption(self._s3.kms_key)
            )
        return f"s3://{self._bucket}/{key}"

    def remove(self, name: str) -> None:
        """Remove the folder `name`, with the files that killed tasks left."""
        with self._reported("remove staged files"):
            client = self._client()
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"{self._prefix}/{name}/"
            )
            for page in pages:
                keys = [{"Key": found["Key"]} for found in page.get("Contents", ())]
                if keys:
                    client.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})

    def folders(self, beginning: str, form: str) -> set[str]:
        """The names of the folders that begin with `beginning` and match the regular expression `form`."""
        with self._reported("list staged files"):
            pages = self._client().get_paginator("list_objects_v2")
            found = pages.paginate(Bucket=self._bucket, Prefix=f"{self._prefix}/{beginning}", Delimiter="/")
            names = (
                prefix["Prefix"].rstrip("/").rsplit("/", 1)[1]
                for page in found
                for prefix in page.get("CommonPrefixes", ())
            )
            return {name for name in names if re.fullmatch(form, name)}

    def _folder(self, name: str, slices: int) -> "_Folder":
        limits = self._limits
        folder = f"{self._prefix}/{name}"
        return _Folder(
            self._s3.endpoint,
            self._bucket,
            folder,
            slices,
            attempts=limits.s3_attempts,
            kms_key=self._s3.kms_key,
            file_bytes=limits.file_bytes,
            held_bytes=limits.held_bytes,
        )

    def _client(self) -> Any:
        return _client(self._s3.endpoint, self._limits.s3_attempts)

    def _reported(self, doing: str) -> "_Reported":
        return _Reported(f"S3 {self._s3.staging}: cannot {doing}")


class _Reported:
    """Turns an error of boto3 into a WarehouseError."""

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
class _Folder:
    """Where a task puts its files, and their sizes in bytes. Credentials are those of its process, by AWS's chain."""

    endpoint: str
    bucket: str
    name: str
    slices: int
    attempts: int
    kms_key: str
    file_bytes: int
    held_bytes: int


def _client(endpoint: str, attempts: int) -> Any:
    """An S3 client that retries slow answers and 503s with growing pauses."""
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"total_max_attempts": attempts, "mode": "standard"}, connect_timeout=10, read_timeout=60
    )
    return boto3.client("s3", endpoint_url=endpoint or None, config=config)


def _encryption(kms_key: str) -> Mapping[str, str]:
    """The headers that ask for a key of KMS; none for the bucket's default encryption."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}


def _put_files(batches: Iterable["pa.RecordBatch"], folder: _Folder) -> Iterator[Mapping[str, Any]]:
    """Each file of each attempt of a task has a separate, random key: none is ever overwritten.

    S3 is not asked to check that: a request that is repeated because its answer was lost would be refused.
    """
    import secrets

    client = _client(folder.endpoint, folder.attempts)
    for table in _tables(batches, folder.held_bytes):
        bounds = json.dumps(bounds_in(table))
        for body in _fitted(table, folder.slices, folder.file_bytes):
            key = f"{folder.name}/{secrets.token_hex(16)}.parquet"
            encryption = _encryption(folder.kms_key)
            client.put_object(Bucket=folder.bucket, Key=key, Body=body, **encryption)
            yield {"url": f"s3://{folder.bucket}/{key}", "length": len(body), "bounds": bounds}


def _tables(batches: Iterable["pa.RecordBatch"], held_bytes: int) -> Iterator["pa.Table"]:
    """The rows in tables that memory can hold. The last one includes the rest, so that none is small."""
    import pyarrow as pa

    full: list[pa.RecordBatch] = []
    filling: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        filling.append(batch)
        size += batch.nbytes
        if size >= held_bytes:
            if full:
                yield pa.Table.from_batches(full)
            full, filling, size = filling, [], 0
    if full or filling:
        yield pa.Table.from_batches([*full, *filling])


def _fitted(table: "pa.Table", slices: int, file_bytes: int) -> Iterator[bytes]:
    """The rows as Parquet files of equally many rows: one for each slice, if each then has at least file_bytes.

    Else one for every second slice, every third ..., down to one file. So tasks of about equal size make a multiple of
    the slices in all, though none knows how many other tasks there are. AWS advises files of 1 MB to 1 GB, about
    equal, and as many as the cluster has slices or a multiple of that.
    """
    for count in (parts for parts in range(slices, 0, -1) if slices % parts == 0):
        first = _encoded(_part(table, 0, count))
        if len(first) >= file_bytes:
            break
    yield first
    for number in range(1, count):
        yield _encoded(_part(table, number, count))


def _part(table: "pa.Table", number: int, count: int) -> "pa.Table":
    begin, end = (table.num_rows * at // count for at in (number, number + 1))
    return table.slice(begin, end - begin)


def _encoded(table: "pa.Table") -> bytes:
    """Timestamps in 96 bits and Snappy, as Spark and AWS's SDK for pandas write them.

    COPY read timestamps of 64 bits without a zone as other ones (apache/arrow#38000); no page documents ZSTD for it.
    """
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="snappy", use_deprecated_int96_timestamps=True)
    return buffer.getvalue()
