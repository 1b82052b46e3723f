"""A TCP proxy before a server of the tests: it forwards, until bytes of a client let it do something else."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from sandbox.postgres import HOST

SILENCE, CUT, LOSE_THE_ANSWER = "silence", "cut", "lose the answer"


@dataclass(frozen=True)
class Trap:
    """What to do when a client sends these bytes, after they have passed `passes` times.

    then: SILENCE stops to forward all connections, also later ones, and keeps them open; CUT ends the connection
    that sent them; LOSE_THE_ANSWER does so when the server has answered; a function is called first, and then the
    bytes are forwarded.
    """

    trigger: bytes
    then: str | Callable[[], object] = SILENCE
    passes: int = 0


class Proxy:
    """Forwards connections to a port of this machine while the `with` block runs."""

    def __init__(self, port: int, trap: Trap | None = None) -> None:
        self._server, self._trap, self._passed = port, trap, 0
        self._listener = socket.create_server((HOST, 0))
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.was_triggered, self._silent = threading.Event(), threading.Event()
        self.is_closed = False

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all connections, and take no others."""
        self.is_closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            _close(one)

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed at the end
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                if not self._silent.is_set():
                    threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((HOST, self._server))
        except OSError:  # the server is down
            _close(client)
            return
        self._open.append(server)
        with suppress(OSError, ValueError):  # a socket that another thread has closed
            self._copy(client, server)
        if not self._silent.is_set():
            _close(client)
            _close(server)

    def _copy(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        while not self._silent.is_set():
            for one in select.select([client, server], [], [], 0.1)[0]:
                data = one.recv(1 << 16)
                if not data:
                    return
                then = self._sprung(data) if one is client else None
                if then == SILENCE:
                    self._silent.set()
                    return
                if then == CUT:
                    return
                if callable(then):
                    then()
                other[one].sendall(data)
                if then == LOSE_THE_ANSWER:
                    server.recv(1 << 16)
                    return

    def _sprung(self, data: bytes) -> str | Callable[[], object] | None:
        trap = self._trap
        if trap is None or self.was_triggered.is_set() or trap.trigger not in data:
            return None
        self._passed += 1
        if self._passed <= trap.passes:
            return None
        self.was_triggered.set()
        return trap.then


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
