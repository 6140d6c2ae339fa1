"""Payloads, metadata and errors made at random, in the notation of the vectors."""

from __future__ import annotations

import json
from random import Random
from typing import Any

TEXTS = ["", "a", "who", "grüß", "\u20ac", "\U0001f600", 'q"\\', "\n\x1f", "x" * 30, "é" * 40]
NUMBERS = [0, 1, -7, 2**53 - 1, -(2**53) + 1, 0.5, -2.25, 1e21, 1e-7, 5e-324, 123456789.125]
KEYS = ["q", "a", "b", "é", "\U0001f600", "", "10", "9"]
CREDENTIALS = ["Authorization", "x-api-key", "COOKIE"]
HEADERS = ["accept", "x-trace", *CREDENTIALS]
FIXTURES = ["cycle", "shared", "integers", "not_finite", "bytes", "set", "foreign", "integer_key"]


def random_payload(random: Random, is_read_back: bool = False) -> dict[str, str]:
    """Mostly an object, now and then a value that JSON text cannot say.

    One that a sanitizer of events reads back has no integers that some languages would round.
    """
    if random.random() < 0.1:
        some = [name for name in FIXTURES if not (is_read_back and name == "integers")]
        return {"host": random.choice(some)}
    return _as_text(_value(random, 0))


def random_value(random: Random) -> Any:
    """A value that JSON text can say."""
    return _value(random, 1)


def random_request(random: Random) -> dict[str, str]:
    """A request of a language model, often with credentials in its headers."""
    headers = dict.fromkeys(random.sample(HEADERS, random.randint(0, 3)), "text")
    return _as_text({"headers": headers, "content": _value(random, 1)})


def random_metadata(random: Random, small: bool) -> dict[str, str]:
    """Mostly an object, sometimes with keys that the runtime uses too; never null."""
    if small:
        return _as_text(random.choice([{"k": 1}, {}, [1]]))
    if random.random() < 0.15:
        return _as_text(random.choice([[1], "text", 7, True, []]))
    metadata = {key: _value(random, 1) for key in random.sample("kmnz", random.randint(0, 3))}
    if random.random() < 0.1:
        key = random.choice(["otel.status_code", "error.type", "scope.detached_from", "value"])
        metadata[key] = "MINE"
    return _as_text(metadata)


def random_error(random: Random, kind: str = "raise") -> dict[str, str]:
    message = random.choice(["boom", "", "nö\n", "\U0001f600 x"])
    if kind == "cancel":
        return {"type": "Cancelled", "message": message}
    return {"type": random.choice(["ValueError", "LookupError"]), "message": message}


def _value(random: Random, depth: int) -> Any:
    kinds = ["object", "list", "text", "number", "word"]
    (kind,) = random.choices(kinds, [4, 2, 2, 2, 1] if depth < 3 else [0, 0, 2, 2, 1])
    if kind == "object":
        keys = random.sample(KEYS, random.randint(0, 4))
        return {key: _value(random, depth + 1) for key in keys}
    if kind == "list":
        return [_value(random, depth + 1) for _ in range(random.randint(0, 4))]
    if kind == "text":
        return random.choice(TEXTS)
    return random.choice(NUMBERS) if kind == "number" else random.choice([None, True, False])


def _as_text(value: Any) -> dict[str, str]:
    """JSON text; all escaped where an escape is needed anyway, so that readers see both forms."""
    text = json.dumps(value, ensure_ascii=False)
    return {"json": json.dumps(value) if "\\" in text else text}
