"""The shapes of values and callbacks, under the peers' names; for annotations.

What of a callback both peers accept, old and new, is accepted here too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal, Optional, TypedDict, Union

from ._native import LLMRequest, LLMRequestInterceptOutcome, MarkEvent, ScopeEvent
from ._shapes import (
    LlmExecutionContext,
    LlmSanitizeRequestContext,
    LlmSanitizeResponseContext,
    ToolExecutionContext,
)
from .codecs import AnnotatedLLMRequest

# Written for the oldest Python that is supported, where `|` does not take a text.
JsonPrimitive = Union[str, int, float, bool, None]  # noqa: UP007
JsonValue = Union[JsonPrimitive, list["JsonValue"], dict[str, "JsonValue"]]  # noqa: UP007
JsonObject = dict[str, JsonValue]
Json = JsonValue
UnsupportedBehavior = Literal["ignore", "warn", "error"]


class DataSchema(TypedDict):
    """The schema that the data of an event follows.

    >>> with testing.capture() as events:
    ...     scope.event("order", data={"id": 7}, data_schema={"name": "order", "version": "1"})
    >>> events[0].data_schema
    {'name': 'order', 'version': '1'}
    """

    name: str
    version: str


class EventSanitizeFields(TypedDict):
    """What an event sanitizer gets and returns (S3.12).

    >>> def sanitize(event, fields: scopeflow.EventSanitizeFields) -> scopeflow.EventSanitizeFields:
    ...     return {**fields, "data": sorted(fields["data"])}
    >>> with guardrails.mark_sanitize("sanitize", 10, sanitize), testing.capture() as events:
    ...     scope.event("login", data={"name": "ann", "password": "x"})
    >>> events[0].data
    ['name', 'password']
    """

    data: Optional[JsonValue]  # noqa: UP045
    category_profile: Optional[JsonObject]  # noqa: UP045
    metadata: Optional[JsonValue]  # noqa: UP045


EventMetadataScalar = Union[str, int, float, bool]  # noqa: UP007
EventMetadataValue = Union[  # noqa: UP007
    EventMetadataScalar, list[str], list[int], list[float], list[bool]
]
EventMetadata = dict[str, EventMetadataValue]

Reason = Optional[str]  # noqa: UP045
Annotated = Optional[AnnotatedLLMRequest]  # noqa: UP045
AnyEvent = Union[ScopeEvent, MarkEvent]  # noqa: UP007
Rewritten = Union[  # noqa: UP007
    LLMRequest, tuple[LLMRequest, Annotated], LLMRequestInterceptOutcome
]

ToolSanitizeGuardrail = Callable[[str, Any], Any | Awaitable[Any]]
ToolConditionalExecutionGuardrail = Callable[[str, Any], Reason | Awaitable[Reason]]
SanitizedRequest = Union[LLMRequest, Awaitable[LLMRequest]]  # noqa: UP007
LlmSanitizeRequestGuardrail = Union[  # noqa: UP007
    Callable[[LLMRequest], SanitizedRequest],
    Callable[[LLMRequest, LlmSanitizeRequestContext], SanitizedRequest],
]
LlmSanitizeResponseGuardrail = Union[  # noqa: UP007
    Callable[[Any], Any | Awaitable[Any]],
    Callable[[Any, LlmSanitizeResponseContext], Any | Awaitable[Any]],
]
LlmConditionalExecutionGuardrail = Callable[[LLMRequest], Reason | Awaitable[Reason]]
EventSanitizeGuardrail = Callable[
    [AnyEvent, EventSanitizeFields], EventSanitizeFields | Awaitable[EventSanitizeFields]
]
EventMetadataInjectorCallback = Callable[[AnyEvent], EventMetadata | Awaitable[EventMetadata]]
ToolRequestIntercept = Callable[[str, Any], Any | Awaitable[Any]]
ToolExecutionIntercept = Union[  # noqa: UP007
    Callable[[str, Any, Callable[[Any], Any]], Any | Awaitable[Any]],
    Callable[[ToolExecutionContext, Callable[[Any], Any]], Any | Awaitable[Any]],
]
LlmRequestIntercept = Callable[[str, LLMRequest, Annotated], Rewritten | Awaitable[Rewritten]]
LlmNext = Callable[[LLMRequest], Any]
LlmExecutionIntercept = Union[  # noqa: UP007
    Callable[[str, LLMRequest, LlmNext], Any | Awaitable[Any]],
    Callable[[str, LLMRequest, LlmExecutionContext, LlmNext], Any | Awaitable[Any]],
]
Chunks = Union[AsyncIterator[Any], Awaitable[AsyncIterator[Any]]]  # noqa: UP007
LlmStreamExecutionIntercept = Union[  # noqa: UP007
    Callable[[LLMRequest, LlmNext], Chunks],
    Callable[[str, LLMRequest, LlmNext], Chunks],
    Callable[[str, LLMRequest, LlmExecutionContext, LlmNext], Chunks],
]

JSON_ALIASES = ("Json", "JsonObject", "JsonPrimitive", "JsonValue", "UnsupportedBehavior")
EVENT_ALIASES = (
    "DataSchema",
    "EventMetadata",
    "EventMetadataInjectorCallback",
    "EventMetadataScalar",
    "EventMetadataValue",
    "EventSanitizeFields",
    "EventSanitizeGuardrail",
)
GUARDRAIL_ALIASES = (
    "LlmConditionalExecutionGuardrail",
    "LlmSanitizeRequestGuardrail",
    "LlmSanitizeResponseGuardrail",
    "ToolConditionalExecutionGuardrail",
    "ToolSanitizeGuardrail",
)
INTERCEPT_ALIASES = (
    "LlmExecutionIntercept",
    "LlmRequestIntercept",
    "LlmStreamExecutionIntercept",
    "ToolExecutionIntercept",
    "ToolRequestIntercept",
)
__all__ = [*JSON_ALIASES, *EVENT_ALIASES, *GUARDRAIL_ALIASES, *INTERCEPT_ALIASES]
