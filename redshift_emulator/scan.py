"""Execute COPY: find the files, validate each, and load them in the client's transaction."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from redshift_emulator import parquet
from redshift_emulator.backend import Backend, quoted
from redshift_emulator.copy import Copy
from redshift_emulator.parquet import BadFile, Column
from redshift_emulator.wire import SqlError

CANNOT_READ = 15007
#: Records a failed COPY and its table for SYS_LOAD_ERROR_DETAIL.
RecordError = Callable[[BadFile, str], None]


@dataclass(frozen=True)
class File:
    """An object in S3; size is the manifest's content_length, None without a manifest."""

    bucket: str
    key: str
    size: int | None = None
    mandatory: bool = True

    @property
    def url(self) -> str:
        """Its address as s3://bucket/key."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Scanner:
    """Reads S3 with the rights of the cluster's role."""

    client: Any
    role: str
    key_id: str = ""
    secret: str = ""

    def authorize(self, copy: Copy) -> None:
        """Check that the command names the cluster's role, or allowed keys. Raises SqlError."""
        if copy.role:
            # In a chain, the cluster assumes the first role, that the second, and the last one reads.
            if copy.role.rpartition(",")[2] not in ("default", self.role):
                raise SqlError(
                    "XX000",
                    "User arn:aws:redshift:us-east-1:123456789012:dbuser:sandbox is not authorized to assume IAM Role "
                    + copy.role,
                    hint=f"the emulator's role is {self.role}",
                )
        elif not self.key_id:
            raise SqlError(
                "XX000",
                "emulator: access keys in COPY are refused, as AWS advises",
                hint="use IAM_ROLE, or start the emulator with keys_in_copy=True",
            )
        elif (copy.key_id, copy.secret) != (self.key_id, self.secret):
            raise SqlError(
                "XX000",
                "S3ServiceException:The AWS Access Key Id you provided does not exist in our records.,"
                "Status 403,Error InvalidAccessKeyId",
            )

    def files(self, copy: Copy) -> list[File]:
        """The files that the source names. Raises SqlError."""
        if copy.manifest:
            return self._listed_in(copy)
        try:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=copy.bucket, Prefix=copy.key)
            keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        except (ClientError, BotoCoreError) as error:
            raise _service_error(error) from None
        if not keys:
            raise SqlError("XX000", f"The specified S3 prefix '{copy.key}' does not exist")
        return [File(copy.bucket, key) for key in keys if not key.endswith("/")]

    def _listed_in(self, copy: Copy) -> list[File]:
        try:
            document = json.loads(self.client.get_object(Bucket=copy.bucket, Key=copy.key)["Body"].read())
            entries = document["entries"]
        except (ClientError, BotoCoreError) as error:
            raise _service_error(error) from None
        except (ValueError, KeyError, TypeError):
            raise SqlError(
                "XX000", f"Problem reading manifest file - {copy.source}: it is not JSON with entries"
            ) from None
        files = []
        for entry in entries:
            match = re.fullmatch(r"s3://([^/]+)/(.+)", str(entry.get("url", "")))
            size = (entry.get("meta") or {}).get("content_length")
            if match is None:
                raise SqlError(
                    "XX000",
                    f"Problem reading manifest file - {copy.source}: an entry needs a url s3://bucket/key",
                )
            if not isinstance(size, int):
                raise SqlError(
                    "XX000",
                    f"Manifest {copy.source} must contain meta key with content_length: Parquet requires it",
                )
            files.append(File(match[1], match[2], size, bool(entry.get("mandatory", False))))
        return files

    def read(self, file: File) -> bytes | None:
        """The content; None if an optional file is missing. Raises BadFile, SqlError."""
        try:
            data = self.client.get_object(Bucket=file.bucket, Key=file.key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404", "NoSuchBucket"):
                if not file.mandatory:
                    return None
                raise BadFile(
                    CANNOT_READ, f"File '{file.url}' not found (Status 404, Error NoSuchKey)", file.url
                ) from None
            raise _service_error(error) from None
        except BotoCoreError as error:
            raise _service_error(error) from None
        if file.size is not None and len(data) != file.size:
            context = (
                f"File '{file.url}' has {len(data)} bytes, but content_length {file.size} in the manifest"
            )
            raise BadFile(15001, context, file.url)
        return bytes(data)


def _service_error(error: Exception) -> SqlError:
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        message = f"S3ServiceException:{details.get('Message')},Status {status},Error {details.get('Code')}"
    else:
        message = f"S3ServiceException:{error}"
    return SqlError("XX000", message)


def columns_of(backend: Backend, copy: Copy) -> list[Column]:
    """The columns that COPY loads, in order. Raises SqlError, BackendError."""
    rows = backend.run(
        "SELECT attname, replace(format_type(atttypid, atttypmod), ' without time zone', ''), "
        "CASE WHEN atttypid IN (1042, 1043) AND atttypmod > 4 THEN atttypmod - 4 ELSE 0 END, attnotnull, attidentity "
        f"FROM pg_attribute WHERE attrelid = {quoted(copy.table)}::regclass AND attnum > 0 AND NOT attisdropped "
        "ORDER BY attnum"
    )
    found = {
        str(name): Column(str(name), str(kind), int(n or 0), required == "t")
        for name, kind, n, required, identity in rows
        if not identity or name in copy.columns
    }
    for name in copy.columns:
        if name not in found:
            raise SqlError("42703", f'column "{name}" of relation "{copy.table}" does not exist')
    return [found[name] for name in copy.columns] if copy.columns else list(found.values())


def execute(backend: Backend, scanner: Scanner, copy: Copy, record_error: RecordError) -> int:
    """Load all files or none; returns the number of rows. Raises SqlError, BackendError."""
    scanner.authorize(copy)
    columns = columns_of(backend, copy)

    def chunks() -> Iterator[bytes]:
        found = 0
        for file in scanner.files(copy):
            if (data := scanner.read(file)) is not None:
                found += 1
                yield from parquet.rows(data, file.url, columns)
        if not found:
            raise BadFile(CANNOT_READ, f"no file of {copy.source} exists", copy.source)

    def chunks_or_sql_error() -> Iterator[bytes]:
        try:
            yield from chunks()
        except BadFile as bad:
            record_error(bad, copy.table)
            raise parquet.scan_error(bad) from None

    names = ", ".join('"' + column.name.replace('"', '""') + '"' for column in columns)
    return backend.copy(f"COPY {copy.table} ({names}) FROM STDIN (FORMAT csv)", chunks_or_sql_error())
