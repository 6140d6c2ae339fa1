"""How a host's value becomes JSON text: the table of S2.6, its budget, the canonical form (S2.7).

The values are Python's own. Nothing here raises, whatever the value is.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

DEPTH_LIMIT = 128
DEFAULT_BUDGET = 1 << 20
UNLIMITED = 1 << 62

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r"}
_ESCAPES["\t"] = "\\t"


def encode(value: Any, budget: int = DEFAULT_BUDGET, canonical: bool = True) -> str:
    """The JSON text of one payload, at most `budget` bytes without marker and closers (S2.6)."""
    return _Writer(budget, canonical).text(value)


def quote(text: str) -> str:
    """A text as RFC 8785 writes it; a lone surrogate is U+FFFD (S2.6)."""
    return '"' + "".join(map(_escape, _well_formed(text))) + '"'


def utf16_order(key: str) -> bytes:
    """Sorts keys by their UTF-16 code units, as RFC 8785 wants it."""
    return key.encode("utf-16-be", "surrogatepass")


def is_json_shaped(value: Any) -> bool:
    """Whether the table knows the kind of the value itself, whatever is in it (S2.6)."""
    plain = _plain(value)
    return isinstance(plain, (dict, list, set, str)) or "$unserializable" not in _scalar(plain)


class _Stopped(Exception):
    """The budget is used up: nothing after is visited (S2.6)."""


class _Writer:
    """Writes one value depth-first; knows how many bytes are left and which containers are open."""

    def __init__(self, budget: int, canonical: bool) -> None:
        self.budget = budget
        self.canonical = canonical
        self.left = budget
        self.pieces: list[str] = []
        self.closers: list[str] = []  # of the open containers, the innermost last
        self.filled: list[bool] = []  # whether each of them has a member or an element

    def text(self, value: Any) -> str:
        try:
            self.value(value, "", ())
        except _Stopped:
            self.pieces.extend(reversed(self.closers))
        return "".join(self.pieces)

    def value(self, value: Any, lead: str, ancestors: tuple[Any, ...]) -> None:
        """Writes `lead` (comma, key) and a value that stands inside `ancestors`."""
        value = _plain(value)
        if isinstance(value, str):
            return self.string(_well_formed(value), lead)
        if not isinstance(value, (dict, list, set)):
            return self.whole(lead + _scalar(value))
        for i, ancestor in enumerate(ancestors):
            if ancestor is value:
                return self.whole(f'{lead}{{"$cycle":{len(ancestors) - i}}}')
        if len(ancestors) == DEPTH_LIMIT:
            return self.whole(f'{lead}{{"$depth":{DEPTH_LIMIT}}}')

        self.whole(lead + ("{" if isinstance(value, dict) else "["))
        self.closers.append("}" if isinstance(value, dict) else "]")
        self.filled.append(False)
        for key, item in self.items(value, ancestors):
            comma = "," if self.filled[-1] else ""
            self.value(item, comma + key, (*ancestors, value))
        self.filled.pop()
        self.pieces.append(self.closers.pop())
        return None

    def items(
        self, container: dict[str, Any] | list[Any] | set[Any], ancestors: tuple[Any, ...]
    ) -> Iterator[tuple[str, Any]]:
        """What stands in a container, in the order being written, each with its key's text."""
        if isinstance(container, dict):
            members = {_well_formed(key): item for key, item in container.items()}  # the last wins
            keys = sorted(members, key=utf16_order) if self.canonical else members
            return ((quote(key) + ":", members[key]) for key in keys)
        if isinstance(container, set):  # S2.6: sorted by canonical bytes
            container = sorted(container, key=lambda item: encode(item, UNLIMITED).encode())
        return (("", item) for item in container)

    def whole(self, text: str) -> None:
        """Writes what is not cut: it fits, or it is dropped with its key."""
        if len(text.encode()) > self.left:
            self.stop()
        self.put(text)

    def string(self, text: str, lead: str) -> None:
        """Writes a string; the first one that does not fit is cut at a code point."""
        room = self.left - len(lead.encode()) - len('""')
        if room < 0:
            self.stop()
        for end, char in enumerate(text):
            room -= len(_escape(char).encode())
            if room < 0:
                self.put(lead + quote(text[:end]))
                self.stop()
        self.put(lead + quote(text))

    def put(self, text: str) -> None:
        self.pieces.append(text)
        self.left -= len(text.encode())
        if self.filled:
            self.filled[-1] = True

    def stop(self) -> None:
        """One element or member tells of the cut; it is free, as the closers are."""
        if self.closers:
            marker = f'"$truncated":{self.budget}'
            comma = "," if self.filled[-1] else ""
            self.pieces.append(comma + (marker if self.closers[-1] == "}" else f"{{{marker}}}"))
        raise _Stopped


def _plain(value: Any) -> Any:
    """Reduces what the table names to null, boolean, number, text, bytes, dict, list, set."""
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime.datetime) and value.utcoffset() == datetime.timedelta(0):
        return value.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, Mapping) and not all(isinstance(key, str) for key in value):
        return {str(key): item for key, item in value.items()}  # a later key of that text wins
    if isinstance(value, Mapping) and not isinstance(value, dict):
        return dict(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, frozenset):
        return set(value)
    return value


def _scalar(value: Any) -> str:
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        fits = -(2**63) <= value < 2**64
        return str(int(value)) if fits else f'{{"$integer":"{int(value)}"}}'
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, (bytes, bytearray)):
        return f'{{"$bytes":"{base64.b64encode(value).decode()}"}}'
    return f'{{"$unserializable":{quote(type(value).__name__)}}}'


def _number(value: float) -> str:
    """A double as ECMAScript writes it: the shortest digits, exponents from 1e21 and below 1e-6."""
    if not math.isfinite(value):
        return "null"
    if value == 0:
        return "0"
    sign, digits, exponent = decimal.Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    point = len(text) + exponent  # where the decimal point stands, counted from the first digit
    if 0 < point <= 21:
        shown = text.ljust(point, "0")
        shown = shown[:point] + ("." + shown[point:] if shown[point:] else "")
    elif -6 < point <= 0:
        shown = "0." + "0" * -point + text
    else:
        shown = text[0] + ("." + text[1:] if text[1:] else "") + f"e{point - 1:+d}"
    return "-" * sign + shown


def _well_formed(text: str) -> str:
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _escape(char: str) -> str:
    return _ESCAPES.get(char) or (char if char >= " " else f"\\u{ord(char):04x}")
