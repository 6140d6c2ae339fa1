"""Callables in C (ADR 0020): which of their answers are taken, and what an execution intercept is.

All others stand in the place of the host's and mean the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from .errors import Failure, RuntimeFailure
from .middleware import END_SANITIZER, INJECTOR, MARK_SANITIZER, START_SANITIZER, SUBSCRIBER
from .requests import LLMRequest
from .scopes import Context

GUARDS = ("conditional_execution_guardrail", "conditional_middleware_guardrail")
OF_OBJECTS = (MARK_SANITIZER, START_SANITIZER, END_SANITIZER, INJECTOR)


@dataclass(frozen=True)
class Verdict:
    """What a callable has said last; without a word everything goes on as it was."""

    kind: str = ""  # "", "refuse", "replace", "short_circuit", "retry" or "fail"
    text: str = ""  # a reason
    value: Any = None  # what the host makes of the JSON
    has_value: bool = False
    error: RuntimeFailure | None = None


class ExecutionIntercept(Protocol):
    """It cannot call `next`, and is asked around the rest of the chain."""

    def before(self, request: Any, context: Context) -> Verdict: ...

    def after(
        self, request: Any, context: Context, result: Any, error: Failure | None, attempt: int
    ) -> Verdict:
        """Not asked about a cancellation, which passes through (S4.4)."""


def failure(status: str, message: str) -> RuntimeFailure:
    """An error of the runtime's own, as each that a callable in C tells is."""
    words = {"invalid_json": "invalid JSON", "invalid_utf8": "invalid UTF-8"}
    prefix = words.get(status, status.replace("_", " "))
    return RuntimeFailure(status, f"{prefix}: {message}", is_fixed=True)


def fault(registry: str, is_after: bool, kind: str, text: str | None) -> str | None:
    """The error by which an answer is not taken: it does not fit, or is not what it has to be.

    It fails the callable, so that nobody passes on what was to be changed.
    """
    decides = registry.endswith("_execution_intercept")
    is_fitting = {
        "refuse": registry.endswith(GUARDS),
        "replace": not registry.endswith((*GUARDS, SUBSCRIBER)),
        "proceed": decides,
        "short_circuit": decides and not is_after,
        "retry": decides and is_after,
        "fail": True,
    }
    if not is_fitting[kind]:
        return "invalid_state"
    if kind in ("refuse", "proceed", "fail") or (kind == "retry" and text is None):
        return None
    try:
        value = json.loads(text or "")
    except ValueError:
        return "invalid_json"
    is_request = wants_request(registry, is_after, kind)
    if is_request and not _makes_a_request(value):
        return "invalid_argument"
    return "invalid_argument" if registry in OF_OBJECTS and not isinstance(value, dict) else None


def decoded(registry: str, is_after: bool, kind: str, text: str | None) -> Any:
    """What the host makes of the JSON of an answer that was taken."""
    value = None if text is None else json.loads(text)
    if text is not None and wants_request(registry, is_after, kind):
        return LLMRequest(value["headers"], value["content"])
    return value


def wants_request(registry: str, is_after: bool, kind: str) -> bool:
    """Whether the JSON is to be the request of an LLM call."""
    if registry == "llm_execution_intercept":
        return kind == "retry" or (kind == "replace" and not is_after)
    return registry in ("llm_request_intercept", "llm_sanitize_request_guardrail")


def _makes_a_request(value: Any) -> bool:
    return isinstance(value, dict) and "content" in value and isinstance(value.get("headers"), dict)
