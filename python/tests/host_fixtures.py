"""The values of tests/vectors/README.md that JSON text cannot say."""

from __future__ import annotations

from collections import OrderedDict


class Foreign:
    """A kind of object that has no encoding."""


def _cycle():
    root = {}
    child = {}
    root["child"] = child
    child["list"] = [root, child]
    return root


def _shared():
    shared = [1]
    return {"a": shared, "b": shared}


def _too_deep():
    value = []
    for _ in range(129):
        value = [value]
    return value


_FIXTURES = {
    "cycle": _cycle,
    "shared": _shared,
    "integers": lambda: {
        "max": 2**64 - 1,
        "min": -(2**63),
        "over": 2**64,
        "under": -(2**63) - 1,
    },
    "not_finite": lambda: {
        "nan": float("nan"),
        "plus": float("inf"),
        "minus": float("-inf"),
        "zero": -0.0,
    },
    "bytes": lambda: {"empty": b"", "some": bytes([0, 1, 2, 0xFE, 0xFF])},
    "set": lambda: {10, 2, 1, "b", "a"},
    "too_deep": _too_deep,
    "foreign": lambda: {"value": Foreign()},
    "opaque": Foreign,
    "surrogate": lambda: {"text": "a\ud800b"},
    "integer_key": lambda: OrderedDict({7: "seven"}),
}


def make(payload):
    """The value of `{"host": name}`."""
    return _FIXTURES[payload["host"]]()
