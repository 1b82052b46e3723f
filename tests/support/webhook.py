"""A web server that remembers what it was sent."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook:
    """Takes JSON on a free port of 127.0.0.1 while its `with` block lasts.

    received: path and body of each request. types: the content type of each.
    """

    def __init__(self, status: int = 200) -> None:
        self.received: list[tuple[str, Any]] = []
        self.types: list[str] = []
        received, types = self.received, self.types

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append((self.path, json.loads(body)))
                types.append(self.headers["Content-Type"])
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> "Webhook":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def connection(self, path: str) -> dict[str, Any]:
        """The Airflow connection that leads here. path: the secret part of a webhook's address."""
        return {"conn_type": "http", "host": "127.0.0.1", "port": self._server.server_port, "password": path}

    @property
    def texts(self) -> list[str]:
        """The `text` of each message."""
        return [body["text"] for _, body in self.received]
