"""A loopback server that answers what it is told, and one around the tiny model."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Scripted:
    """A server's answers, given in turn and the last one for ever, and the requests that came."""

    base_url: str
    answers: list[tuple[int, str, dict[str, str]]]
    requests: list[dict[str, Any]] = field(default_factory=list)


Script = Callable[..., Scripted]


@pytest.fixture
def script() -> Iterator[Script]:
    """Start a server that gives (status, body, headers) in turn."""
    servers: list[ThreadingHTTPServer] = []

    def start(*answers: tuple[int, object] | tuple[int, object, dict[str, str]]) -> Scripted:
        plain = [
            (status, body if isinstance(body, str) else json.dumps(body), more[0] if more else {})
            for status, body, *more in answers
        ]

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                scripted.requests.append(
                    {"path": self.path, "headers": dict(self.headers), "body": json.loads(body) if body else None}
                )
                status, text, headers = scripted.answers[min(len(scripted.requests), len(scripted.answers)) - 1]
                self.send_response(status)
                for name, value in {"content-length": str(len(text.encode())), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = answer

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        scripted = Scripted(f"http://127.0.0.1:{server.server_port}/v1", plain)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return scripted

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
