"""Write the secrets of docker-compose.yml: `python docker/make_env.py .env`. An existing file is not changed."""

import base64
import os
import secrets
import sys
from pathlib import Path

PASSWORDS = (
    "SOURCE_PASSWORD",
    "WAREHOUSE_PASSWORD",
    "AIRFLOW_DB_PASSWORD",
    "AIRFLOW_SECRET_KEY",
    "AIRFLOW_JWT_SECRET",
)


def write(path: Path) -> bool:
    """Create `path`, readable by its owner only; False if it exists."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return False
    values = {name: secrets.token_hex(24) for name in PASSWORDS}
    values["AIRFLOW_FERNET_KEY"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    return True


if __name__ == "__main__":
    written = write(Path(sys.argv[1]))
    sys.stdout.write(f"{sys.argv[1]}: {'written' if written else 'exists already, nothing changed'}\n")
