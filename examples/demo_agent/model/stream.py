"""A completion in pieces: OpenAI's chunks, and their way over the wire as server-sent events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_WORDS = re.compile(r"\s*\S+\s*")


def chunks(completion: Mapping[str, Any], with_usage: bool) -> Iterator[dict[str, Any]]:
    """Yield the chunks of `completion`: a word each, the reason to end, and the usage if wanted."""
    head = {key: completion[key] for key in ("id", "created", "model")}
    head["object"] = "chat.completion.chunk"
    (choice,) = completion["choices"]
    for delta in _deltas(choice["message"]):
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    end = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    yield {**head, "choices": [end]}
    if with_usage:
        yield {**head, "choices": [], "usage": completion["usage"]}


def events(chunks: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield the body of a `text/event-stream` with the chunks, event by event."""
    for chunk in chunks:
        yield b"data: %b\n\n" % json.dumps(chunk).encode()
    yield b"data: [DONE]\n\n"


def _deltas(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"role": message["role"], "content": ""}
    for word in _WORDS.findall(message["content"] or ""):
        yield {"content": word}
    for index, call in enumerate(message.get("tool_calls", ())):
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        function = {"name": name, "arguments": ""}
        yield {"tool_calls": [{**call, "index": index, "function": function}]}
        for word in _WORDS.findall(arguments):
            yield {"tool_calls": [{"index": index, "function": {"arguments": word}}]}
