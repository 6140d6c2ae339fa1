"""Reading ATOF files line by line, as written by scopeflow or by its peers.

Only what a tree shows is kept of an event; its payload is dropped with the line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO, NamedTuple

START = "start"
END = "end"
MARK = "mark"

OK = "OK"
ERROR = "ERROR"
REFUSED = "refused"
UNSET = "-"

AGENT = "agent"
LLM = "llm"

NAME_LIMIT = 80
DETAIL_LIMIT = 100

_USAGE_NAMES = (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens"))
"""Of the counts, as OpenAI's chat completions call them, and as its responses and others do."""
_COUNT_LIMIT = 1 << 63

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?"
    r"(?:[Zz]|([+-])(\d{2}):(\d{2}))",
    re.ASCII,
)
_EPOCH_DAY = date(1970, 1, 1).toordinal()


class Tokens(NamedTuple):
    """How many tokens calls of models took."""

    prompt: int
    completion: int

    def plus(self, other: Tokens) -> Tokens:
        """Return both together."""
        return Tokens(self.prompt + other.prompt, self.completion + other.completion)


NO_TOKENS = Tokens(0, 0)


class Event(NamedTuple):
    """What is shown of one line of an event file."""

    kind: str
    """`START`, `END` or `MARK`."""
    uuid: str
    parent_uuid: str | None
    name: str
    category: str
    """Type of a scope, with its subtype if it is a custom one; may be empty for a mark."""
    time_ns: int | None
    """Nanoseconds since 1970-01-01 UTC; `None` if the line has no readable time."""
    status: str
    detail: str
    tokens: Tokens = NO_TOKENS
    """What the output of a scope says in its `usage`, as responses of models do."""


class Problem(NamedTuple):
    """A line that could not be used, or only in part."""

    line: int
    text: str


def read(stream: BinaryIO, line_limit: int) -> Iterator[tuple[int, Event | None, Problem | None]]:
    """Yield line number, event and problem of every line that is not blank.

    Never raises for what stands in the file. A line longer than `line_limit` bytes is not read
    into memory.
    """
    for number, line in _lines(stream, line_limit):
        if line is None:
            yield number, None, Problem(number, f"longer than {line_limit:,} bytes, skipped")
            continue
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            event = parse(line)
        except ValueError as error:
            yield number, None, Problem(number, f"{error}, skipped")
            continue
        problem = Problem(number, "no readable timestamp") if event.time_ns is None else None
        yield number, event, problem


def _lines(stream: BinaryIO, limit: int) -> Iterator[tuple[int, bytes | None]]:
    number = 0
    while line := stream.readline(limit + 1):
        number += 1
        if len(line) <= limit or line.endswith(b"\n"):
            yield number, line
            continue
        while (rest := stream.readline(65_536)) and not rest.endswith(b"\n"):
            pass
        yield number, None


def parse(line: bytes) -> Event:
    """Return the event that `line` holds; `ValueError` says why it holds none."""
    fields = _load(line)
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")
    return from_fields(fields)


def from_fields(fields: dict[str, Any]) -> Event:
    """Return the event that a line's object is; `ValueError` says why it is none."""
    kind = _kind(fields)
    uuid = fields.get("uuid")
    if not isinstance(uuid, str) or not uuid:
        raise ValueError("no uuid")
    parent_uuid = fields.get("parent_uuid")
    status, detail = _mark_outcome(fields) if kind is MARK else _scope_outcome(fields)
    return Event(
        kind,
        uuid,
        parent_uuid if isinstance(parent_uuid, str) else None,
        _text(fields.get("name"), NAME_LIMIT) or "?",
        _category(fields),
        parse_time(fields.get("timestamp")),
        status,
        detail,
        _tokens(fields) if kind is END else NO_TOKENS,
    )


def parse_time(value: object) -> int | None:
    """Return an ATOF timestamp in nanoseconds, or `None` if it is none (S2.3)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value * 1_000
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    try:
        days = date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    if hour > 23 or minute > 59 or second > 60:
        return None
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    if match[8] is not None:
        offset = (int(match[9]) * 60 + int(match[10])) * 60
        seconds -= offset if match[8] == "+" else -offset
    return seconds * 1_000_000_000 + int((match[7] or "0").ljust(9, "0"))


def _load(line: bytes) -> Any:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start + 1}") from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON at column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        # An integer with more digits than Python converts. It is valid JSON, and is not needed.
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 20 else None)


def _kind(fields: dict[str, Any]) -> str:
    kind = fields.get("kind")
    if kind == "mark":
        return MARK
    if kind != "scope":
        raise ValueError("kind is neither scope nor mark")
    category = fields.get("scope_category")
    if category == "start":
        return START
    if category == "end":
        return END
    raise ValueError("scope_category is neither start nor end")


def _category(fields: dict[str, Any]) -> str:
    category = _text(fields.get("category"), NAME_LIMIT)
    profile = _mapping(fields.get("category_profile"))
    subtype = _text(profile.get("subtype"), NAME_LIMIT)
    return f"{category}:{subtype}" if subtype else category


def _scope_outcome(fields: dict[str, Any]) -> tuple[str, str]:
    metadata = _mapping(fields.get("metadata"))
    code = metadata.get("otel.status_code")
    if code != ERROR:
        return (OK, "") if code == OK else (UNSET, "")
    message = _text(metadata.get("otel.status_description"), DETAIL_LIMIT)
    error_type = _text(metadata.get("error.type"), NAME_LIMIT)
    exception_type = _text(metadata.get("exception.type"), NAME_LIMIT)
    if error_type == "guardrail_rejected":
        return REFUSED, message
    kind = exception_type if error_type in ("", "exception") else error_type
    return ERROR, ": ".join(part for part in (kind, message) if part)


def _mark_outcome(fields: dict[str, Any]) -> tuple[str, str]:
    data = fields.get("data")
    if isinstance(data, dict) and data.get("rejected") is True:
        return REFUSED, _text(data.get("rejection_reason"), DETAIL_LIMIT)
    if isinstance(data, dict) and data.get("failed") is True:
        error = _mapping(data.get("error"))
        parts = (data.get("registration"), error.get("type"), error.get("message"))
        return ERROR, ": ".join(text for text in (_text(p, DETAIL_LIMIT) for p in parts) if text)
    if data is None:
        return UNSET, ""
    return UNSET, _text(json.dumps(data, ensure_ascii=False), DETAIL_LIMIT)


def _tokens(fields: dict[str, Any]) -> Tokens:
    usage = _mapping(_mapping(fields.get("data")).get("usage"))
    return Tokens(*(_count(usage, names) for names in _USAGE_NAMES))


def _count(usage: dict[str, Any], names: tuple[str, ...]) -> int:
    for name in names:
        value = usage.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _COUNT_LIMIT:
            return value
    return 0


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object, limit: int) -> str:
    # One character more than is shown, so that whoever prints the text sees that it was cut.
    return value[: limit + 1] if isinstance(value, str) else ""
