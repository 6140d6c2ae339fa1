"""Requests of LLMs, and copies of what belongs to the application (S3.6, S3.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .payload import is_json_shaped

CREDENTIAL_HEADERS = (  # S3.6
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "anthropic-api-key",
    "ocp-apim-subscription-key",
    "x-goog-api-key",
    "x-auth-token",
)


@dataclass(eq=False)
class LLMRequest:
    """What is sent to a language model."""

    headers: Any
    content: Any


def private_copy(value: Any, copies: dict[int, Any] | None = None) -> Any:
    """Copies the containers and shares the leaves; aliases and cycles are kept (S3.10)."""
    copies = {} if copies is None else copies
    if id(value) in copies:
        return copies[id(value)]
    if isinstance(value, dict):
        made: Any = copies.setdefault(id(value), {})
        made.update({key: private_copy(item, copies) for key, item in value.items()})
        return made
    if isinstance(value, list):
        made = copies.setdefault(id(value), [])
        made.extend(private_copy(item, copies) for item in value)
        return made
    if isinstance(value, LLMRequest):
        made = copies.setdefault(id(value), LLMRequest(None, None))
        made.headers = private_copy(value.headers, copies)
        made.content = private_copy(value.content, copies)
        return made
    return value


def without_credentials(request: LLMRequest, names: tuple[str, ...]) -> LLMRequest:
    """The observers' copy: its credential headers are removed, in any case of letters (S3.6)."""
    headers = request.headers
    if isinstance(headers, dict):
        headers = {name: text for name, text in headers.items() if name.lower() not in names}
    return LLMRequest(headers, request.content)


def is_sound(value: Any, as_request: bool) -> bool:
    """Whether a sanitizer may return this: a JSON-shaped top level, or an LLMRequest (S3.6)."""
    return isinstance(value, LLMRequest) if as_request else is_json_shaped(value)
