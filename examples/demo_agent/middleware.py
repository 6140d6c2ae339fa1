"""What is done to the calls of agents without their knowing: guardrails and intercepts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from openai import APIStatusError

from scopeflow import Event, LLMRequest, guardrails, intercepts, scope

_PERSONAL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b\d{4}(?:[ -]?\d{4}){3}\b")
_TRY_LIMIT = 4
_FIRST_WAIT_S = 0.05
_WAIT_LIMIT_S = 2.0


@contextmanager
def installed() -> Iterator[None]:
    """Have all of it in force for the length of the block."""
    with (
        guardrails.tool_conditional_execution("read-only SQL", 10, refuse_writes),
        guardrails.llm_sanitize_request("privacy", 10, redact_request),
        guardrails.scope_sanitize_start("privacy", 10, redact_event),
        guardrails.scope_sanitize_end("privacy", 10, redact_event),
        guardrails.mark_sanitize("privacy", 10, redact_event),
        intercepts.llm_request("agent's name", 10, False, name_agent),
        intercepts.llm_execution("retry", 10, retry),
        intercepts.llm_stream_execution("retry", 10, retry),
    ):
        yield


def refuse_writes(name: str, arguments: dict[str, Any]) -> str | None:
    """A guardrail: SQL may read, and nothing else. Returns the reason of a refusal."""
    if name != "sql":
        return None
    (verb,) = re.findall(r"\A[\s(]*(\w*)", arguments["statement"].upper())
    if verb in {"SELECT", "WITH", "EXPLAIN"}:
        return None
    return f"only statements that read are allowed, and this one begins with {verb or 'no word'}"


def redact_request(request: LLMRequest) -> LLMRequest:
    """A sanitizer: observers see no personal data in what a model is asked. The model does."""
    return LLMRequest(redact(request.headers), redact(request.content))


def redact_event(event: Event, fields: dict[str, Any]) -> dict[str, Any]:
    """A sanitizer of events: the same for whatever else they tell, of agents and of tools."""
    if event.category == "llm" and event.scope_category == "start":
        return fields  # The longest of them, and `redact_request` has been there.
    redacted: dict[str, Any] = redact(fields)
    return redacted


def redact(value: Any) -> Any:
    """Return a JSON value with `(hidden)` for each e-mail address and card number."""
    if isinstance(value, str):
        return _PERSONAL.sub("(hidden)", value)
    if isinstance(value, dict):
        return {key: redact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redact(item) for item in value]
    return value


def name_agent(name: str, request: LLMRequest, annotated: object) -> LLMRequest:
    """A request intercept: the model's server is told which agent asks."""
    return LLMRequest({**request.headers, "x-agent": scope.get_handle().name}, request.content)


async def retry(name: str, request: LLMRequest, next: Callable[[LLMRequest], Any]) -> Any:
    """An execution intercept: who is turned away by a busy server (503) asks again, after a while.

    It waits as long as `Retry-After` says, and longer each time, but neither for ever nor often.
    """
    for attempt in range(_TRY_LIMIT - 1):
        try:
            return await next(request)
        except APIStatusError as error:
            wait_s = max(_retry_after_s(error), _FIRST_WAIT_S * 2**attempt)
            if error.status_code != 503 or wait_s > _WAIT_LIMIT_S:
                raise
        scope.event("backoff", data={"status": 503, "wait_s": wait_s})
        await asyncio.sleep(wait_s)
    return await next(request)


def _retry_after_s(error: APIStatusError) -> float:
    seconds = error.response.headers.get("retry-after", "")
    return float(seconds) if seconds.isdecimal() else 0.0
