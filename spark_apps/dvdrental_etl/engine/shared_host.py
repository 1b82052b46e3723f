"""Whether other people can log in on this machine, by what it knows of its accounts."""

import os
import pwd
import re
import sys
from pathlib import Path

from dvdrental_etl.errors import ConfigError

NSSWITCH = Path("/etc/nsswitch.conf")
#: Where accounts come from that pwd lists in full. A directory service need not list its own.
LISTED = {"files", "compat", "db", "systemd", "mymachines", "altfiles", "extrausers"}
#: The number of the first person; below are services. 65534 is nobody.
FIRST = 500 if sys.platform == "darwin" else 1000
NOBODY = 65534
NO_SHELL = ("nologin", "false")


def require_alone() -> None:
    """Raise ConfigError where others can log in, for an engine whose server they could connect to."""
    if found := others():
        raise ConfigError(
            f"Sail's server has no password, and {found} could connect while it starts, and act as this process",
            "run on a machine or in a container of its own, with engine.kind = spark, or accept it by"
            " engine.on_shared_host = allow (DVDRENTAL_ENGINE_ON_SHARED_HOST=allow)",
        )


def others() -> str:
    """Who else could log in, for a message; empty if nobody could. Not root, who can do all anyway."""
    found = re.search(r"^passwd:(.*)$", NSSWITCH.read_text(), re.M) if NSSWITCH.is_file() else None
    services = set(re.sub(r"\[.*?\]", " ", found[1]).split()) if found else set()
    if unknown := sorted(services - LISTED):
        return f"accounts of {', '.join(unknown)} (/etc/nsswitch.conf), which nobody can list,"
    people = [
        account.pw_name
        for account in pwd.getpwall()
        if FIRST <= account.pw_uid != NOBODY
        and account.pw_uid != os.getuid()
        and not account.pw_shell.endswith(NO_SHELL)
    ]
    if not people:
        return ""
    return f"{len(people)} other account{'s' if len(people) > 1 else ''} of this machine ({', '.join(people[:3])})"
