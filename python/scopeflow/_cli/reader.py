"""What is shown of an event, of a running program or of a file.

Only that is kept; the payload is dropped with the event.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .._native import MarkEvent, ScopeEvent

START = "start"
END = "end"
MARK = "mark"

_KINDS = {"start": START, "end": END, None: MARK}

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


class Tokens(NamedTuple):
    """How many tokens calls of models took, and what they have cost: None where that of one is not
    known, or where they are not of one currency."""

    prompt: int
    completion: int
    cost: float | None = 0.0
    currency: str = ""

    def plus(self, other: Tokens) -> Tokens:
        """Return both together."""
        if NO_TOKENS in (self, other):
            return self if other == NO_TOKENS else other
        prompt, completion = self.prompt + other.prompt, self.completion + other.completion
        if self.cost is None or other.cost is None or self.currency != other.currency:
            return Tokens(prompt, completion, None)
        return Tokens(prompt, completion, self.cost + other.cost, self.currency)


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
    time_ns: int
    """Nanoseconds since 1970-01-01 UTC."""
    status: str
    detail: str
    tokens: Tokens = NO_TOKENS
    """What a codec says of a model's response, else the output of a scope in its `usage`."""


def from_event(event: ScopeEvent | MarkEvent, *, with_tokens: bool = True) -> Event:
    """Return what is shown of `event`.

    Without `with_tokens` the data of scopes, in which they stand, is not looked at.
    """
    status, detail = _outcome(event)
    return Event(
        _KINDS[event.scope_category],
        event.uuid,
        event.parent_uuid,
        _text(event.name, NAME_LIMIT) or "?",
        category_of(event.category, event.category_profile),
        event.timestamp_ns,
        status,
        detail,
        _tokens(event) if with_tokens and event.scope_category == END else NO_TOKENS,
    )


def _outcome(event: ScopeEvent | MarkEvent) -> tuple[str, str]:
    if event.scope_category == START:
        return UNSET, ""
    if event.scope_category == END:
        return scope_outcome(event.metadata)
    status, detail = mark_outcome(event.data)
    return status, payload_text(event.data) if status is UNSET else detail


def category_of(category: object, profile: object) -> str:
    """Return a category, of a custom one with its subtype."""
    text = _text(category, NAME_LIMIT)
    subtype = _text(_mapping(profile).get("subtype"), NAME_LIMIT)
    return f"{text}:{subtype}" if subtype else text


def scope_outcome(metadata: object) -> tuple[str, str]:
    """Return the status that an end's metadata says, and what more there is to say."""
    said = _mapping(metadata)
    code = said.get("otel.status_code")
    if code != ERROR:
        return (OK, "") if code == OK else (UNSET, "")
    message = _text(said.get("otel.status_description"), DETAIL_LIMIT)
    error_type = _text(said.get("error.type"), NAME_LIMIT)
    exception_type = _text(said.get("exception.type"), NAME_LIMIT)
    if error_type == "guardrail_rejected":
        return REFUSED, message
    kind = exception_type if error_type in ("", "exception") else error_type
    return ERROR, ": ".join(part for part in (kind, message) if part)


def mark_outcome(data: object) -> tuple[str, str]:
    """Return the same of a mark's data: what the runtime leaves of a call that did not begin."""
    if isinstance(data, dict) and data.get("rejected") is True:
        return REFUSED, _text(data.get("rejection_reason"), DETAIL_LIMIT)
    if isinstance(data, dict) and data.get("failed") is True:
        error = _mapping(data.get("error"))
        parts = (data.get("registration"), error.get("type"), error.get("message"))
        return ERROR, ": ".join(text for text in (_text(p, DETAIL_LIMIT) for p in parts) if text)
    return UNSET, ""


def payload_text(data: object) -> str:
    """Return a payload as JSON, as much of it as is shown; nothing for none."""
    return "" if data is None else _text(json.dumps(data, ensure_ascii=False), DETAIL_LIMIT)


def _tokens(event: ScopeEvent | MarkEvent) -> Tokens:
    # A codec counts all that went in as the prompt; some providers leave out what a cache had.
    said = _mapping(event.annotated_response).get("usage")
    usage = _mapping(said or _mapping(event.data).get("usage"))
    prompt, completion = (_count(usage, names) for names in _USAGE_NAMES)
    if not prompt and not completion:
        return NO_TOKENS
    return Tokens(prompt, completion, *_cost(_mapping(usage.get("cost"))))


def _cost(cost: dict[str, Any]) -> tuple[float | None, str]:
    total = cost.get("total")
    if isinstance(total, bool) or not isinstance(total, (int, float)):
        return None, ""
    is_sum = 0 <= total < _COUNT_LIMIT  # Which no NaN is, nor what is without end.
    return (float(total), _text(cost.get("currency"), NAME_LIMIT)) if is_sum else (None, "")


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
