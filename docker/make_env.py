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
    "AIRFLOW_ADMIN_PASSWORD",
    "AIRFLOW_SECRET_KEY",
    "AIRFLOW_JWT_SECRET",
)


def write(path: Path) -> dict[str, str] | None:
    """Create `path`, readable by its owner only, and return its content; None if it exists."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return None
    values = {name: secrets.token_hex(24) for name in PASSWORDS}
    values["AIRFLOW_FERNET_KEY"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    return values


if __name__ == "__main__":
    written = write(Path(sys.argv[1]))
    said = "exists already, nothing changed"
    if written:
        said = f"written; Airflow's login: user admin, password {written['AIRFLOW_ADMIN_PASSWORD']}"
    sys.stdout.write(f"{sys.argv[1]}: {said}\n")
