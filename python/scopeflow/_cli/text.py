"""Text for terminals: escaping, cutting, durations."""

from __future__ import annotations

_NS_PER_US = 1_000
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


def escape(text: str, limit: int) -> str:
    """Return `text` in a form that is safe to print on one line.

    Control, format and bidirectional characters, line separators and lone surrogates become
    escapes such as ``\\x1b``, so that a name in an event file can neither move the cursor nor
    reorder the line. A text longer than `limit` characters is cut and ends with ``…``.
    """
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape_character(c) for c in text)


def _escape_character(character: str) -> str:
    code = ord(character)
    if code == 0xA0:  # A no-break space looks like a space and does no harm.
        return " "
    if code <= 0xFF:
        return f"\\x{code:02x}"
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    return f"\\U{code:08x}"


def duration(value_ns: int, micro: str = "µ") -> str:
    """Return a duration in nanoseconds in the unit that keeps it readable."""
    if value_ns < 0:
        return "-" + duration(-value_ns, micro)
    if value_ns < 10 * _NS_PER_US:
        return f"{value_ns / _NS_PER_US:.1f} {micro}s"
    if value_ns < _NS_PER_MS:
        return f"{value_ns // _NS_PER_US} {micro}s"
    if value_ns < _NS_PER_S:
        return f"{value_ns / _NS_PER_MS:.1f} ms"
    if value_ns < 60 * _NS_PER_S:
        return f"{value_ns / _NS_PER_S:.2f} s"
    minutes, seconds = divmod(value_ns // _NS_PER_S, 60)
    if minutes < 60:
        return f"{minutes} m {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} m"
