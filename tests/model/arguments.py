"""What an operation refuses before it does, draws or emits anything (S7.1, S7.3, S7.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .errors import RuntimeFailure

NAME_LIMIT_BYTES = 65_535


def checked_text(what: str, text: str | bytes) -> str:
    """A name or another short text: UTF-8 and not too long (S7.4)."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(raw) > NAME_LIMIT_BYTES:
        message = f"{what} has {len(raw)} bytes, the limit is {NAME_LIMIT_BYTES}"
        raise RuntimeFailure("limit_exceeded", message)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise RuntimeFailure("invalid_utf8", f"{what} is not UTF-8") from None


def checked_choice(what: str, value: str | int, choices: Sequence[str]) -> str:
    """An enum's value; a number stands for itself, so that a wrong one can be given (S1.1)."""
    if isinstance(value, str):
        return value
    if 0 <= value < len(choices):
        return choices[value]
    raise RuntimeFailure("invalid_argument", f"{what} {value} is none of {', '.join(choices)}")


def checked_flags(what: str, value: Iterable[str] | int, bits: Mapping[str, int]) -> frozenset[str]:
    """Flags by name or as raw bits; unknown bits are refused (S1.2)."""
    if not isinstance(value, int):
        return frozenset(value)
    if value & ~sum(bits.values()):
        raise RuntimeFailure("invalid_argument", f"{what} has bits that are not known: {value}")
    return frozenset(name for name, bit in bits.items() if value & bit)
