"""What a codec takes to decode, beside orjson, which reads the same text.

    pip install orjson
    python benchmarks/python/provider_codecs.py [--check] [--rounds 40]

The chat is the request of request.py and a short response. Both are objects already when the codec
gets them, as they are in a call; what it makes are objects again, those of the common form. A
chunk is one of a streamed chat, and a stream of 1,000 of them is put together. `--check` ends with
1 where decoding takes more than three times as long as `orjson.loads` of the texts, or a chunk more
than twice. The rows take turns, and each keeps its fastest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import orjson
from contestants import ANSWER
from request import REQUEST_8K

from scopeflow import LLMRequest, codecs

CHUNKS = [
    {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_767_225_600,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": {"content": f" word{number}"}, "finish_reason": None}],
    }
    for number in range(1_000)
]
# Row -> how many times as long as orjson at most.
LIMITS = {"request and response": 3.0, "chunk of a stream": 2.0}


def decoded(request: LLMRequest) -> None:
    codec = codecs.OpenAIChatCodec()
    assert codec.decode(request).model == codec.decode_response(ANSWER).model


def gathered() -> None:
    codec = codecs.OpenAIChatStreamingCodec()
    collect = codec.collector()
    for chunk in CHUNKS:
        collect(chunk)
    assert codec.finalizer()()["choices"][0]["message"]["content"].startswith(" word0 word1")


def loaded(texts: list[bytes]) -> None:
    for text in texts:
        orjson.loads(text)


def measure(rounds: int) -> dict[str, tuple[float, float]]:
    """Row -> the codec's microseconds and orjson's."""
    request = LLMRequest({}, REQUEST_8K)
    chat = [orjson.dumps(REQUEST_8K), orjson.dumps(ANSWER)]
    texts = [orjson.dumps(chunk) for chunk in CHUNKS]
    turns: dict[tuple[str, str], tuple[Callable[[], Any], int, int]] = {
        ("request and response", "codec"): (lambda: decoded(request), 100, 1),
        ("request and response", "orjson"): (lambda: loaded(chat), 100, 1),
        ("chunk of a stream", "codec"): (gathered, 1, len(CHUNKS)),
        ("chunk of a stream", "orjson"): (lambda: loaded(texts), 1, len(CHUNKS)),
    }
    best = dict.fromkeys(turns, float("inf"))
    for _ in range(rounds):
        for key, (work, count, parts) in turns.items():
            began_at_ns = time.perf_counter_ns()
            for _ in range(count):
                work()
            took_us = (time.perf_counter_ns() - began_at_ns) / 1_000 / count / parts
            best[key] = min(best[key], took_us)
    return {row: (best[row, "codec"], best[row, "orjson"]) for row in LIMITS}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where a limit is passed")
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    is_passed = False
    print(f"{'':<24}{'codec, µs':>12}{'orjson, µs':>12}{'times':>8}{'limit':>8}")
    for row, (ours, theirs) in measure(arguments.rounds).items():
        is_passed |= ours > LIMITS[row] * theirs
        print(f"{row:<24}{ours:>12.2f}{theirs:>12.2f}{ours / theirs:>8.2f}{LIMITS[row]:>8g}")
    return 1 if is_passed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
