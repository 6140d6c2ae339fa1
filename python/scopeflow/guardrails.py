"""Guardrails of the default runtime: some decide whether a call may run, the others sanitize what
observers see of it. All may be `async def`. Lower priorities come first.

Conditional execution (S3.5): `guardrail(name, args)` for tools, `guardrail(request)` for LLMs. None
passes; a text is the reason of a refusal, for which the caller gets GuardrailRejected. A guardrail
that fails refuses too, with its own exception.

Sanitizers of payloads (S3.6): `guardrail(name, payload)` for tools, `guardrail(payload)` for LLMs.
They get a copy of their own and return what observers are to see. One that fails, or returns None,
withholds the payload; the call itself goes on.

Sanitizers of events (S3.12): `guardrail(event, fields)`, for marks and for the starts and ends of
all scopes and calls. They return the fields `data`, `metadata` and `category_profile` anew.

A callback with a keyword-only parameter `context` also gets a CallContext (S3.9).
"""

from __future__ import annotations

from ._native import default_runtime
from ._scoped import Registration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

register_mark_sanitize = default_runtime.register_mark_sanitize_guardrail
deregister_mark_sanitize = default_runtime.deregister_mark_sanitize_guardrail
register_scope_sanitize_start = default_runtime.register_scope_sanitize_start_guardrail
deregister_scope_sanitize_start = default_runtime.deregister_scope_sanitize_start_guardrail
register_scope_sanitize_end = default_runtime.register_scope_sanitize_end_guardrail
deregister_scope_sanitize_end = default_runtime.deregister_scope_sanitize_end_guardrail
register_tool_sanitize_request = default_runtime.register_tool_sanitize_request_guardrail
deregister_tool_sanitize_request = default_runtime.deregister_tool_sanitize_request_guardrail
register_tool_sanitize_response = default_runtime.register_tool_sanitize_response_guardrail
deregister_tool_sanitize_response = default_runtime.deregister_tool_sanitize_response_guardrail
register_tool_conditional_execution = default_runtime.register_tool_conditional_execution_guardrail
deregister_tool_conditional_execution = (
    default_runtime.deregister_tool_conditional_execution_guardrail
)
register_llm_sanitize_request = default_runtime.register_llm_sanitize_request_guardrail
deregister_llm_sanitize_request = default_runtime.deregister_llm_sanitize_request_guardrail
register_llm_sanitize_response = default_runtime.register_llm_sanitize_response_guardrail
deregister_llm_sanitize_response = default_runtime.deregister_llm_sanitize_response_guardrail
register_llm_conditional_execution = default_runtime.register_llm_conditional_execution_guardrail
deregister_llm_conditional_execution = (
    default_runtime.deregister_llm_conditional_execution_guardrail
)


def tool_conditional_execution(
    name: str,
    priority: int,
    guardrail: Callable[[str, Any], str | Awaitable[str | None] | None],
) -> Registration:
    """A context manager that registers the guardrail for as long as it is entered."""
    return Registration(
        register_tool_conditional_execution,
        deregister_tool_conditional_execution,
        name,
        priority,
        guardrail,
    )


__all__ = [
    "deregister_llm_conditional_execution",
    "deregister_llm_sanitize_request",
    "deregister_llm_sanitize_response",
    "deregister_mark_sanitize",
    "deregister_scope_sanitize_end",
    "deregister_scope_sanitize_start",
    "deregister_tool_conditional_execution",
    "deregister_tool_sanitize_request",
    "deregister_tool_sanitize_response",
    "register_llm_conditional_execution",
    "register_llm_sanitize_request",
    "register_llm_sanitize_response",
    "register_mark_sanitize",
    "register_scope_sanitize_end",
    "register_scope_sanitize_start",
    "register_tool_conditional_execution",
    "register_tool_sanitize_request",
    "register_tool_sanitize_response",
    "tool_conditional_execution",
]
