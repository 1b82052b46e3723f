"""A TCP proxy before a server of the tests: it forwards, until it cuts connections or becomes silent."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from types import TracebackType

from sandbox.postgres import HOST


class Proxy:
    """Forwards connections to a port of this machine while the `with` block runs.

    trigger: bytes of a client at which it does `then`: "silence" stops to forward all connections, also later ones,
    and keeps them open; "cut" ends the connection that sent them. times: how often the bytes pass before that.
    """

    def __init__(self, port: int, trigger: bytes, then: str = "silence", times: int = 0) -> None:
        self._server, self._trigger, self._then, self._left = port, trigger, then, times
        self._listener = socket.create_server((HOST, 0))
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.was_triggered = threading.Event()
        self._silent = threading.Event()

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed at the end
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                if not self._silent.is_set():
                    threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with suppress(OSError):
            server = socket.create_connection((HOST, self._server))
            self._open.append(server)
            other = {client: server, server: client}
            while not self._silent.is_set():
                for one in select.select([client, server], [], [], 0.1)[0]:
                    data = one.recv(1 << 16)
                    if one is client and self._triggers(data):
                        if self._then == "silence":
                            self._silent.set()
                            return
                        data = b""
                    if not data:
                        for end in (client, server):
                            end.close()
                        return
                    other[one].sendall(data)

    def _triggers(self, data: bytes) -> bool:
        if self.was_triggered.is_set() or self._trigger not in data:
            return False
        self._left -= 1
        if self._left >= 0:
            return False
        self.was_triggered.set()
        return True
