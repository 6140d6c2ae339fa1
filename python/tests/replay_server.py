"""A loopback server that answers as a model provider would: with the payloads of an exchange of
tests/codecs/exchanges, as JSON or, where the request asks for a stream, as server-sent events."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CODECS = Path(__file__).resolve().parents[2] / "tests/codecs"


def vectors(name):
    """A file of tests/codecs."""
    return json.loads((CODECS / f"{name}.json").read_text(encoding="utf-8"))


def exchanges(provider):
    return vectors(f"exchanges/{provider}")


def frames(provider, chunks):
    """The events of a stream as their provider writes them."""
    for chunk in chunks:
        if "type" in chunk:
            yield f"event: {chunk['type']}\n"
        yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
    if provider == "openai_chat":
        yield "data: [DONE]\n\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(body)
        exchange = self.server.exchange
        if body.get("stream") or "streamGenerateContent" in self.path:
            kind = "text/event-stream"
            answer = "".join(frames(self.server.provider, exchange["chunks"]))
        else:
            kind = "application/json"
            answer = json.dumps(exchange["response"], ensure_ascii=False)
        content = answer.encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        # Bit by bit, so that no event and no character comes whole.
        for at in range(0, len(content), 1000):
            self.wfile.write(content[at : at + 1000])

    def log_message(self, *arguments):
        pass


class ReplayServer(ThreadingHTTPServer):
    """Plays `exchange` of `provider`; `asked` has the bodies that came."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.provider, self.exchange, self.asked = "", {}, []
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def play(self, provider, exchange):
        self.provider, self.exchange = provider, exchange
        self.asked.clear()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *raised):
        self.shutdown()
        self.thread.join()
        self.server_close()
