"""The values that JSON text cannot say, under the names of `tests/vectors/README.md`."""

from __future__ import annotations

from typing import Any


class Foreign:
    """None of the kinds that can be encoded."""


def _cycle() -> Any:
    outer: dict[str, Any] = {"child": {}}
    outer["child"]["list"] = [outer, outer["child"]]
    return outer


def _shared() -> Any:
    one = [1]
    return {"a": one, "b": one}


def _too_deep() -> Any:
    value: list[Any] = []
    for _ in range(129):
        value = [value]
    return value


def fixture(name: str) -> Any:
    """A fresh value of that name."""
    if name in _MADE:
        return _MADE[name]()
    return _PLAIN[name]


_MADE = {"cycle": _cycle, "shared": _shared, "too_deep": _too_deep}
_PLAIN: dict[str, Any] = {
    "integers": {"max": 2**64 - 1, "min": -(2**63), "over": 2**64, "under": -(2**63) - 1},
    "not_finite": {
        "nan": float("nan"),
        "plus": float("inf"),
        "minus": float("-inf"),
        "zero": -0.0,
    },
    "bytes": {"empty": b"", "some": b"\x00\x01\x02\xfe\xff"},
    "set": {10, 2, 1, "b", "a"},
    "foreign": {"value": Foreign()},
    "opaque": Foreign(),
    "surrogate": {"text": "a\ud800b"},
    "integer_key": {7: "seven"},
}
