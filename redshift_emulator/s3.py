"""The emulator's S3 server: moto, behind a gate that checks the access key and can inject faults."""

from __future__ import annotations

import io
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from redshift_emulator.iam import TemporaryLogins
from sandbox.postgres import HOST

REGION = "us-east-1"
#: What this server stands for: temporary credentials are its own, the others are moto's.
SERVICES = "S3", "REDSHIFT", "REDSHIFT_SERVERLESS", "SECRETS_MANAGER"
StartResponse = Callable[..., Any]


@dataclass
class S3Faults:
    """Pending faults of the next requests, counted down under a lock."""

    failures: int = 0
    delays: int = 0
    seconds: float = 0.0
    holds: int = 0
    held: list[int] = field(default_factory=list)
    lost_answers: int = 0
    under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)

    def apply(self, client_port: int) -> bool:
        """Delay or hold this request if that is pending; whether it must fail."""
        with self.lock:
            seconds = self.seconds if self.delays > 0 else 0.0
            self.delays -= 1 if self.delays > 0 else 0
            fails = self.failures > 0
            self.failures -= 1 if fails else 0
            is_held = self.holds > 0
            self.holds -= 1 if is_held else 0
            self.held += [client_port] if is_held else []
        if is_held:
            self.released.wait()
        time.sleep(seconds)
        return fails

    def loses_answer(self, method: str) -> bool:
        """Whether the answer to this request is to be lost: only those of PUT are."""
        with self.lock:
            loses = method == "PUT" and self.lost_answers > 0
            self.lost_answers -= 1 if loses else 0
        return loses


@dataclass(frozen=True)
class Access:
    """Endpoint, keys and bucket for clients."""

    endpoint: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    bucket: str

    def environment(self) -> dict[str, str]:
        """The environment variables that AWS clients read."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": REGION,
            **{f"AWS_ENDPOINT_URL_{service}": self.endpoint for service in SERVICES},
        }

    def client(self) -> Any:
        """A boto3 client of this server."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name=REGION,
            config=Config(retries={"max_attempts": 2, "mode": "standard"}, s3={"addressing_style": "path"}),
        )


class S3:
    """The server. `faults` is for tests. logins: gives temporary credentials of the cluster."""

    def __init__(self, logins: TemporaryLogins, port: int = 0) -> None:
        self._logins = logins
        self.faults = S3Faults()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(HOST, port, self._gate, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        key, secret = f"AKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30)
        # moto keeps buckets per process, not per server: a unique name keeps two servers apart.
        bucket = f"sandbox-{secrets.token_hex(6)}"
        self.access = Access(f"http://{HOST}:{self._server.server_port}", key, secret, bucket)

    def start(self) -> None:
        """Start to serve, with an empty bucket."""
        self._thread.start()
        self.access.client().create_bucket(Bucket=self.access.bucket)

    def stop(self) -> None:
        """Delete the objects and stop."""
        self.faults.released.set()
        client = self.access.client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.access.bucket)
        for key in [entry["Key"] for page in pages for entry in page.get("Contents", ())]:
            client.delete_object(Bucket=self.access.bucket, Key=key)
        client.delete_bucket(Bucket=self.access.bucket)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _gate(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        with self.faults.lock:
            self.faults.under_way += 1
        try:
            return self._answer(environ, start_response)
        finally:
            with self.faults.lock:
                self.faults.under_way -= 1

    def _answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        # The request is read completely before it may be held, so that the death of its sender changes nothing.
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        if self.faults.apply(int(environ["REMOTE_PORT"])):
            return _error(start_response, "503 Slow Down", "SlowDown", "Please reduce your request rate.")
        signature = environ.get("HTTP_AUTHORIZATION", "") + "&" + environ.get("QUERY_STRING", "")
        found = re.search(r"Credential=([A-Za-z0-9]+)(/|%2F)", signature)
        if found is None or found[1] != self.access.access_key_id:
            what = "The AWS Access Key Id you provided does not exist in our records."
            return _error(start_response, "403 Forbidden", "InvalidAccessKeyId", what)
        if (answer := self._logins.answer(environ, body)) is not None:
            status, content_type, content = answer
            start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(content)))])
            return [content]
        if self.faults.loses_answer(environ["REQUEST_METHOD"]):
            list(self._moto(environ, lambda *_: None))
            return _error(start_response, "500 Internal Server Error", "InternalError", "Please try again.")
        return self._moto(environ, start_response)


class _Quiet(MotoRequestHandler):
    """Handles requests without logging them."""

    def log(self, *_: Any) -> None:
        """Log nothing."""


def _error(start_response: StartResponse, status: str, code: str, message: str) -> Iterable[bytes]:
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'.encode()
    start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]
