"""Closes the port of a server of this process behind its only client: for a server that accepts every connection."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any


def close(port: int) -> bool:
    """Close the port on which a server of this process listens, and keep this process's own connections to it.

    Connections of others are cut. Returns whether there were none.
    """
    for number, one in _sockets():
        if one.getsockname()[1] == port and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            _listen_elsewhere(number)
    ours = {_name(one.getsockname()) for _, one in _sockets()}
    strangers = 0
    for _, one in _sockets():
        if one.getsockname()[1] == port and _name(one.getpeername()) not in ours:
            one.shutdown(socket.SHUT_RDWR)
            strangers += 1
    return not strangers


def _sockets() -> Iterator[tuple[int, socket.socket]]:
    """The TCP sockets of this process by file number, each as a duplicate that is closed afterwards."""
    for path in list(Path("/dev/fd").iterdir()):
        with suppress(OSError), socket.socket(fileno=os.dup(int(path.name))) as one:
            if one.family in (socket.AF_INET, socket.AF_INET6):
                yield int(path.name), one


def _name(address: Any) -> tuple[str, int]:
    """Address and port, the same for a socket of IPv6 that speaks IPv4."""
    return address[0].removeprefix("::ffff:"), address[1]


def _listen_elsewhere(number: int) -> None:
    """Give the server another socket to listen on, at a path that nobody can name. A closed one would keep it busy."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as nowhere:
        nowhere.bind(str(Path(folder, "nowhere")))
        nowhere.listen()
        nowhere.setblocking(False)
        os.dup2(nowhere.fileno(), number, inheritable=False)
