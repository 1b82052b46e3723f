"""Reads the JSON file of the configuration, and checks its form: sections and keys, not values."""

import json
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from dvdrental_etl.errors import ConfigError

TEMPLATE = "config/credentials_template.json"


def read(path: Path, known: Mapping[str, Set[str]]) -> dict[str, dict[str, Any]]:
    """The sections of the file. known: the keys that each may have. Raises ConfigError, naming the file."""
    if not path.is_file():
        raise ConfigError(f"there is no configuration file {path}", f"copy {TEMPLATE} there and fill it in")
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply", f"compare it with {TEMPLATE}") from None
    except ValueError as error:  # no JSON, no UTF-8, or a number of thousands of digits
        raise ConfigError(f"{path} is not valid JSON: {error}", f"compare it with {TEMPLATE}") from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", "check the file's permissions"
        ) from None
    if not isinstance(document, dict) or not all(isinstance(part, dict) for part in document.values()):
        raise ConfigError(f"{path} is not an object of sections", f"compare it with {TEMPLATE}")
    for section, part in document.items():
        for key in part:
            if key not in known.get(section, set()):
                raise ConfigError(f"{path} has an unknown key {section}.{key}", f"compare it with {TEMPLATE}")
    return document


def warnings(path: Path, document: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """As libpq does for .pgpass. No refusal: a mounted secret may have a mode that nobody can change."""
    if any(part.get("password") for part in document.values()) and path.stat().st_mode & 0o077:
        return (f"{path} holds passwords, and other users can read it -> chmod 600 {path}",)
    return ()
