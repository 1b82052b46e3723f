"""Temporary credentials, as AWS gives them for a cluster and for a Serverless workgroup.

Sources: API references of Amazon Redshift, GetClusterCredentials, and of Redshift Serverless, GetCredentials.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

CLUSTER, WORKGROUP = "sandbox-cluster", "sandbox-workgroup"
XML, JSON = "text/xml", "application/x-amz-json-1.1"
#: Status, content type and body.
Answer = tuple[str, str, bytes]


class TemporaryLogins:
    """The logins that were given, as user to password, until the emulator stops."""

    def __init__(self) -> None:
        self.passwords: dict[str, str] = {}

    def answer(self, environ: Mapping[str, Any], body: bytes) -> Answer | None:
        """The answer to a request for a login; None for a request to another service."""
        if str(environ.get("HTTP_X_AMZ_TARGET", "")).endswith("RedshiftServerless.GetCredentials"):
            return self._of_workgroup(json.loads(body))
        asked = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
        return self._of_cluster(asked) if asked.get("Action") == "GetClusterCredentials" else None

    def _of_cluster(self, asked: Mapping[str, str]) -> Answer:
        if asked.get("ClusterIdentifier") != CLUSTER:
            error = "<Code>ClusterNotFound</Code><Message>Cluster not found.</Message>"
            return "404 Not Found", XML, f"<ErrorResponse><Error>{error}</Error></ErrorResponse>".encode()
        prefix = "IAMA" if asked.get("AutoCreate") == "true" else "IAM"
        user, password = self._given(f"{prefix}:{asked['DbUser']}")
        login = f"<DbUser>{user}</DbUser><DbPassword>{password}</DbPassword>"
        result = f"{login}<Expiration>2099-01-01T00:00:00Z</Expiration>"
        body = f"<GetClusterCredentialsResult>{result}</GetClusterCredentialsResult>"
        return (
            "200 OK",
            XML,
            f"<GetClusterCredentialsResponse>{body}</GetClusterCredentialsResponse>".encode(),
        )

    def _of_workgroup(self, asked: Mapping[str, str]) -> Answer:
        if asked.get("workgroupName") != WORKGROUP:
            error = {"__type": "ResourceNotFoundException", "message": "Workgroup not found."}
            return "400 Bad Request", JSON, json.dumps(error).encode()
        user, password = self._given("IAMR:sandbox")
        result = {"dbUser": user, "dbPassword": password, "expiration": 4070908800}
        return "200 OK", JSON, json.dumps(result).encode()

    def _given(self, user: str) -> tuple[str, str]:
        self.passwords[user] = secrets.token_urlsafe(24)
        return user, self.passwords[user]
