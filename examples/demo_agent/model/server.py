"""The HTTP side: chat completions on loopback, in threads of their own."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .protocol import MODEL, ProtocolError, answer, overloaded, server_error
from .stream import events

_BODY_LIMIT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Outages:
    """Requests that the server turns away with status 503, to see what its clients make of it."""

    agents: Mapping[str, int]
    """How many requests, the first ones, of each agent: what the header `X-Agent` says."""
    retry_after_s: int = 0
    """When a client is asked to come back, in seconds."""


@dataclass(frozen=True)
class Request:
    """A request that the server has answered."""

    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes
    status: int


NO_OUTAGES = Outages({})


class ModelServer(ThreadingHTTPServer):
    """The server, and what it has been asked."""

    def __init__(self, thinking_s: float, outages: Outages) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.requests: list[Request] = []
        self.thinking_s = thinking_s
        self._outages = outages
        self._left = Counter(outages.agents)
        self._lock = threading.Lock()

    def admit(self, agent: str) -> None:
        """Raise `ProtocolError` for a request that is to be turned away."""
        with self._lock:
            self._left[agent] -= 1
            if self._left[agent] >= 0:
                raise overloaded(self._outages.retry_after_s)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that has gone, perhaps in the middle of a stream."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serve(thinking_s: float, outages: Outages = NO_OUTAGES) -> Iterator[ModelServer]:
    """Run the server for the length of the block.

    `thinking_s` is how long an answer takes, in seconds: models are slow, and one would not see
    that the sub-agents work at the same time.
    """
    with ModelServer(thinking_s, outages) as server:
        # The interval is how long stopping may take.
        thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # One packet an answer: headers and body are flushed together.
    disable_nagle_algorithm = True  # A chunk of a stream does not wait for the next one.
    body = b""

    def do_POST(self) -> None:
        self._answer(self._complete)

    def do_GET(self) -> None:
        self._answer(self._models)

    def _answer(self, route: Callable[[], Any]) -> None:
        headers: Mapping[str, str] = {}
        try:
            status, body = HTTPStatus.OK, route()
        except ProtocolError as error:
            status, body, headers = error.status, error.body, error.headers
        except Exception as error:
            failure = server_error(f"{type(error).__name__}: {error}")
            status, body = failure.status, failure.body
        self._send(status, body, headers)

    def _send(self, status: HTTPStatus, body: Any, headers: Mapping[str, str]) -> None:
        received = {name.lower(): value for name, value in self.headers.items()}
        self._server.requests.append(Request(received, self.body, status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if isinstance(body, list):
            self._send_stream(body)
            return
        text = json.dumps(body).encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _send_stream(self, chunks: list[dict[str, Any]]) -> None:
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (*events(chunks), b""):  # An empty piece is the end of the body.
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()

    def _complete(self) -> Any:
        # The body comes first: an answer before it is read would break the kept connection.
        self.body = self._read_body()
        self._check("/v1/chat/completions")
        self._server.admit(self.headers.get("X-Agent", ""))
        time.sleep(self._server.thinking_s)
        return answer(self.body)

    def _models(self) -> dict[str, Any]:
        self._check("/v1/models")
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "scopeflow"}
        return {"object": "list", "data": [model]}

    def _check(self, path: str) -> None:
        if self.path != path:
            message = f"Invalid URL ({self.command} {self.path})"
            raise ProtocolError(HTTPStatus.NOT_FOUND, message)
        if not self.headers.get("Authorization", "").startswith("Bearer "):
            message = "You did not provide an API key."
            raise ProtocolError(HTTPStatus.UNAUTHORIZED, message, code="invalid_api_key")

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _BODY_LIMIT_BYTES:
            self.close_connection = True
            message = f"A body of at most {_BODY_LIMIT_BYTES} bytes is needed."
            raise ProtocolError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
        return self.rfile.read(int(length))

    @property
    def _server(self) -> ModelServer:
        assert isinstance(self.server, ModelServer)
        return self.server

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: progress is shown by a subscriber."""
