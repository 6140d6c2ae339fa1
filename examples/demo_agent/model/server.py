"""The HTTP side: chat completions on loopback, in threads of their own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .protocol import MODEL, ProtocolError, complete, server_error

_BODY_LIMIT_BYTES = 4 * 1024 * 1024


@contextmanager
def serve(thinking_s: float) -> Iterator[str]:
    """Run the server for the length of the block; give its base URL.

    `thinking_s` is how long an answer takes, in seconds: models are slow, and one would not see
    that the sub-agents work at the same time.
    """
    handler = type("Handler", (_Handler,), {"thinking_s": thinking_s})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        # The interval is how long stopping may take.
        thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # One packet an answer: headers and body are flushed together.
    thinking_s = 0.0

    def do_POST(self) -> None:
        self._answer(self._complete)

    def do_GET(self) -> None:
        self._answer(self._models)

    def _answer(self, route: Any) -> None:
        try:
            status, body = HTTPStatus.OK, route()
        except ProtocolError as error:
            status, body = error.status, error.body
        except Exception as error:
            failure = server_error(f"{type(error).__name__}: {error}")
            status, body = failure.status, failure.body
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _complete(self) -> dict[str, Any]:
        # The body comes first: an answer before it is read would break the kept connection.
        body = self._body()
        self._check("/v1/chat/completions")
        time.sleep(self.thinking_s)
        return complete(body)

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

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _BODY_LIMIT_BYTES:
            self.close_connection = True
            message = f"A body of at most {_BODY_LIMIT_BYTES} bytes is needed."
            raise ProtocolError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
        return self.rfile.read(int(length))

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: progress is shown by a subscriber."""
