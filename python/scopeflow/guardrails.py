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

A callback with a keyword-only parameter `context` also gets a CallContext (S3.9). A sanitizer of an
LLM's payload may have Relay's shape, `guardrail(payload, context)`, which tells of the codec.

>>> with guardrails.tool_sanitize_request("redact", 10, lambda name, args: "***"):
...     with testing.capture() as events:
...         tools.execute_sync("login", {"password": "x"}, lambda args: "done")
'done'
>>> events.find("login", phase="start").data
'***'
"""

from ._native import default_runtime
from ._scoped import scoped

TYPE_CHECKING = False

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

# Each as a Registration, for a `with`.
mark_sanitize = scoped(register_mark_sanitize, deregister_mark_sanitize)
scope_sanitize_start = scoped(register_scope_sanitize_start, deregister_scope_sanitize_start)
scope_sanitize_end = scoped(register_scope_sanitize_end, deregister_scope_sanitize_end)
tool_sanitize_request = scoped(register_tool_sanitize_request, deregister_tool_sanitize_request)
tool_sanitize_response = scoped(register_tool_sanitize_response, deregister_tool_sanitize_response)
tool_conditional_execution = scoped(
    register_tool_conditional_execution, deregister_tool_conditional_execution
)
llm_sanitize_request = scoped(register_llm_sanitize_request, deregister_llm_sanitize_request)
llm_sanitize_response = scoped(register_llm_sanitize_response, deregister_llm_sanitize_response)
llm_conditional_execution = scoped(
    register_llm_conditional_execution, deregister_llm_conditional_execution
)


if TYPE_CHECKING:
    from ._aliases import (
        LlmConditionalExecutionGuardrail as LlmConditionalExecutionGuardrail,
    )
    from ._aliases import (
        LlmSanitizeRequestGuardrail as LlmSanitizeRequestGuardrail,
    )
    from ._aliases import (
        LlmSanitizeResponseGuardrail as LlmSanitizeResponseGuardrail,
    )
    from ._aliases import (
        ToolConditionalExecutionGuardrail as ToolConditionalExecutionGuardrail,
    )
    from ._aliases import (
        ToolSanitizeGuardrail as ToolSanitizeGuardrail,
    )
else:

    def __getattr__(name: str) -> object:
        """The shapes of the callbacks, for annotations."""
        from . import _aliases

        if name in _aliases.GUARDRAIL_ALIASES:
            return getattr(_aliases, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
    "llm_conditional_execution",
    "llm_sanitize_request",
    "llm_sanitize_response",
    "mark_sanitize",
    "register_llm_conditional_execution",
    "register_llm_sanitize_request",
    "register_llm_sanitize_response",
    "register_mark_sanitize",
    "register_scope_sanitize_end",
    "register_scope_sanitize_start",
    "register_tool_conditional_execution",
    "register_tool_sanitize_request",
    "register_tool_sanitize_response",
    "scope_sanitize_end",
    "scope_sanitize_start",
    "tool_conditional_execution",
    "tool_sanitize_request",
    "tool_sanitize_response",
]
