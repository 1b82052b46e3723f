"""COPY, executed: which files the source names, each checked and fed into the client's own transaction."""

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
from redshift_emulator.wire import Refusal

CANNOT_READ = 15007
#: Where a failed COPY, and its table, are written down for SYS_LOAD_ERROR_DETAIL.
Journal = Callable[[BadFile, str], None]


@dataclass(frozen=True)
class File:
    """An object of S3; size is what the manifest says of it, None without manifest."""

    bucket: str
    key: str
    size: int | None = None
    mandatory: bool = True

    @property
    def url(self) -> str:
        """Its address in SQL's spelling."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Scanner:
    """Reads S3 as the cluster does, with a role's rights."""

    client: Any
    role: str
    key_id: str = ""
    secret: str = ""

    def authorize(self, copy: Copy) -> None:
        """Raises Refusal unless the statement names the cluster's role."""
        if copy.role:
            if copy.role not in ("default", self.role):
                raise Refusal(
                    "XX000",
                    "User arn:aws:redshift:us-east-1:123456789012:dbuser:sandbox is not authorized to assume IAM Role "
                    + copy.role,
                    hint=f"the emulator's role is {self.role}",
                )
        elif not self.key_id:
            raise Refusal(
                "XX000",
                "emulator: access keys in COPY are refused, as AWS advises",
                hint="use IAM_ROLE, or start the emulator with keys_in_copy=True",
            )
        elif (copy.key_id, copy.secret) != (self.key_id, self.secret):
            raise Refusal(
                "XX000",
                "S3ServiceException:The AWS Access Key Id you provided does not exist in our records.,"
                "Status 403,Error InvalidAccessKeyId",
            )

    def files(self, copy: Copy) -> list[File]:
        """What the source names. Raises Refusal."""
        if copy.manifest:
            return self._listed_in(copy)
        try:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=copy.bucket, Prefix=copy.key)
            keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        except (ClientError, BotoCoreError) as error:
            raise _service(error) from None
        if not keys:
            raise Refusal("XX000", f"The specified S3 prefix '{copy.key}' does not exist")
        return [File(copy.bucket, key) for key in keys if not key.endswith("/")]

    def _listed_in(self, copy: Copy) -> list[File]:
        try:
            document = json.loads(self.client.get_object(Bucket=copy.bucket, Key=copy.key)["Body"].read())
            entries = document["entries"]
        except (ClientError, BotoCoreError) as error:
            raise _service(error) from None
        except (ValueError, KeyError, TypeError):
            raise Refusal(
                "XX000", f"Problem reading manifest file - {copy.source}: it is no JSON with entries"
            ) from None
        files = []
        for entry in entries:
            match = re.fullmatch(r"s3://([^/]+)/(.+)", str(entry.get("url", "")))
            size = (entry.get("meta") or {}).get("content_length")
            if match is None:
                raise Refusal(
                    "XX000",
                    f"Problem reading manifest file - {copy.source}: an entry needs a url s3://bucket/key",
                )
            if not isinstance(size, int):
                raise Refusal(
                    "XX000",
                    f"Manifest {copy.source} must contain meta key with content_length: Parquet asks for it",
                )
            files.append(File(match[1], match[2], size, bool(entry.get("mandatory", False))))
        return files

    def read(self, file: File) -> bytes | None:
        """The object; None if it is missing and may be. Raises BadFile, Refusal."""
        try:
            data = self.client.get_object(Bucket=file.bucket, Key=file.key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404", "NoSuchBucket"):
                if not file.mandatory:
                    return None
                raise BadFile(
                    CANNOT_READ, f"File '{file.url}' not found (Status 404, Error NoSuchKey)", file.url
                ) from None
            raise _service(error) from None
        except BotoCoreError as error:
            raise _service(error) from None
        if file.size is not None and len(data) != file.size:
            context = f"File '{file.url}' has {len(data)} bytes, and its manifest entry says content_length {file.size}"
            raise BadFile(15001, context, file.url)
        return bytes(data)


def _service(error: Exception) -> Refusal:
    if isinstance(error, ClientError):
        said = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        message = f"S3ServiceException:{said.get('Message')},Status {status},Error {said.get('Code')}"
    else:
        message = f"S3ServiceException:{error}"
    return Refusal("XX000", message)


def columns_of(backend: Backend, copy: Copy) -> list[Column]:
    """The columns that COPY fills, in order. Raises Refusal, BackendError."""
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
            raise Refusal("42703", f'column "{name}" of relation "{copy.table}" does not exist')
    return [found[name] for name in copy.columns] if copy.columns else list(found.values())


def execute(backend: Backend, scanner: Scanner, copy: Copy, journal: Journal) -> int:
    """Load all files, or fail as a whole; how many rows. Raises Refusal, BackendError."""
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

    def told() -> Iterator[bytes]:
        try:
            yield from chunks()
        except BadFile as bad:
            journal(bad, copy.table)
            raise parquet.scan_error(bad) from None

    names = ", ".join('"' + column.name.replace('"', '""') + '"' for column in columns)
    return backend.copy(f"COPY {copy.table} ({names}) FROM STDIN (FORMAT csv)", told())
