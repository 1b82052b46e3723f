"""A login that AWS Secrets Manager keeps, in place of a password in the configuration."""

import json

from dvdrental_etl.errors import ConfigError

#: A password of this form names a secret: secretsmanager:NAME, or secretsmanager:arn:aws:secretsmanager:...
PREFIX = "secretsmanager:"


def login(section: str, reference: str) -> tuple[str, str]:
    """User and password of the secret that a password refers to; the user is empty if the secret has none.

    The secret is JSON as AWS writes it for its databases: {"username": ..., "password": ...}. Read with the AWS
    credentials of this process. Raises ConfigError, never with the secret in it.
    """
    import boto3  # only where a secret is used
    from botocore.exceptions import BotoCoreError, ClientError

    name = reference.removeprefix(PREFIX)
    region = name.split(":")[3] if name.startswith("arn:") and name.count(":") >= 6 else None
    try:
        client = boto3.client("secretsmanager", region_name=region)
        text = client.get_secret_value(SecretId=name).get("SecretString", "")  # a binary one has none
    except (BotoCoreError, ClientError) as error:
        raise ConfigError(
            f"{section}.password names the secret {name}, which cannot be read: {error}",
            "check its name, AWS_REGION, and that this process may call secretsmanager:GetSecretValue",
        ) from None
    try:
        document = json.loads(text)
        return str(document.get("username", "")), str(document["password"])
    except (ValueError, KeyError, AttributeError):
        raise ConfigError(
            f"{section}.password names the secret {name}, which is not JSON with a password",
            'store {"username": ..., "password": ...} in it, as AWS does for its databases',
        ) from None
