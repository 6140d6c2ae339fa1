"""Registrations on one scope: in force for it and for what is opened under it (S1.7).

They need no removing: they go with the scope and the last work that started under it. What the
callbacks look like, `guardrails`, `intercepts`, `event_metadata` and `subscribers` say.

>>> with testing.capture() as events:
...     with scope.scope("turn", ScopeType.Agent) as handle:
...         scope_local.register_tool_request(handle, "empty", 10, False, lambda name, args: {})
...         tools.execute_sync("search", {"query": "x"}, lambda args: args)
...     tools.execute_sync("search", {"query": "x"}, lambda args: args)
{}
{'query': 'x'}
"""

from ._native import default_runtime
from ._scoped import scoped

register_mark_sanitize = default_runtime.scope_register_mark_sanitize_guardrail
deregister_mark_sanitize = default_runtime.scope_deregister_mark_sanitize_guardrail
register_scope_sanitize_start = default_runtime.scope_register_scope_sanitize_start_guardrail
deregister_scope_sanitize_start = default_runtime.scope_deregister_scope_sanitize_start_guardrail
register_scope_sanitize_end = default_runtime.scope_register_scope_sanitize_end_guardrail
deregister_scope_sanitize_end = default_runtime.scope_deregister_scope_sanitize_end_guardrail
register_tool_sanitize_request = default_runtime.scope_register_tool_sanitize_request_guardrail
deregister_tool_sanitize_request = default_runtime.scope_deregister_tool_sanitize_request_guardrail
register_tool_sanitize_response = default_runtime.scope_register_tool_sanitize_response_guardrail
deregister_tool_sanitize_response = (
    default_runtime.scope_deregister_tool_sanitize_response_guardrail
)
register_tool_conditional_execution = (
    default_runtime.scope_register_tool_conditional_execution_guardrail
)
deregister_tool_conditional_execution = (
    default_runtime.scope_deregister_tool_conditional_execution_guardrail
)
register_llm_sanitize_request = default_runtime.scope_register_llm_sanitize_request_guardrail
deregister_llm_sanitize_request = default_runtime.scope_deregister_llm_sanitize_request_guardrail
register_llm_sanitize_response = default_runtime.scope_register_llm_sanitize_response_guardrail
deregister_llm_sanitize_response = default_runtime.scope_deregister_llm_sanitize_response_guardrail
register_llm_conditional_execution = (
    default_runtime.scope_register_llm_conditional_execution_guardrail
)
deregister_llm_conditional_execution = (
    default_runtime.scope_deregister_llm_conditional_execution_guardrail
)
register_tool_request = default_runtime.scope_register_tool_request_intercept
deregister_tool_request = default_runtime.scope_deregister_tool_request_intercept
register_tool_execution = default_runtime.scope_register_tool_execution_intercept
deregister_tool_execution = default_runtime.scope_deregister_tool_execution_intercept
register_llm_request = default_runtime.scope_register_llm_request_intercept
deregister_llm_request = default_runtime.scope_deregister_llm_request_intercept
register_llm_execution = default_runtime.scope_register_llm_execution_intercept
deregister_llm_execution = default_runtime.scope_deregister_llm_execution_intercept
register_llm_stream_execution = default_runtime.scope_register_llm_stream_execution_intercept
deregister_llm_stream_execution = default_runtime.scope_deregister_llm_stream_execution_intercept
register_event_metadata_injector = default_runtime.scope_register_event_metadata_injector
deregister_event_metadata_injector = default_runtime.scope_deregister_event_metadata_injector
register_conditional_middleware_guardrail = (
    default_runtime.scope_register_conditional_middleware_guardrail
)
deregister_conditional_middleware_guardrail = (
    default_runtime.scope_deregister_conditional_middleware_guardrail
)
register_subscriber = default_runtime.scope_register_subscriber
deregister_subscriber = default_runtime.scope_deregister_subscriber

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
tool_request = scoped(register_tool_request, deregister_tool_request)
tool_execution = scoped(register_tool_execution, deregister_tool_execution)
llm_request = scoped(register_llm_request, deregister_llm_request)
llm_execution = scoped(register_llm_execution, deregister_llm_execution)
llm_stream_execution = scoped(register_llm_stream_execution, deregister_llm_stream_execution)
event_metadata_injector = scoped(
    register_event_metadata_injector, deregister_event_metadata_injector
)
conditional_middleware_guardrail = scoped(
    register_conditional_middleware_guardrail, deregister_conditional_middleware_guardrail
)
subscriber = scoped(register_subscriber, deregister_subscriber)

__all__ = [
    "conditional_middleware_guardrail",
    "deregister_conditional_middleware_guardrail",
    "deregister_event_metadata_injector",
    "deregister_llm_conditional_execution",
    "deregister_llm_execution",
    "deregister_llm_request",
    "deregister_llm_sanitize_request",
    "deregister_llm_sanitize_response",
    "deregister_llm_stream_execution",
    "deregister_mark_sanitize",
    "deregister_scope_sanitize_end",
    "deregister_scope_sanitize_start",
    "deregister_subscriber",
    "deregister_tool_conditional_execution",
    "deregister_tool_execution",
    "deregister_tool_request",
    "deregister_tool_sanitize_request",
    "deregister_tool_sanitize_response",
    "event_metadata_injector",
    "llm_conditional_execution",
    "llm_execution",
    "llm_request",
    "llm_sanitize_request",
    "llm_sanitize_response",
    "llm_stream_execution",
    "mark_sanitize",
    "register_conditional_middleware_guardrail",
    "register_event_metadata_injector",
    "register_llm_conditional_execution",
    "register_llm_execution",
    "register_llm_request",
    "register_llm_sanitize_request",
    "register_llm_sanitize_response",
    "register_llm_stream_execution",
    "register_mark_sanitize",
    "register_scope_sanitize_end",
    "register_scope_sanitize_start",
    "register_subscriber",
    "register_tool_conditional_execution",
    "register_tool_execution",
    "register_tool_request",
    "register_tool_sanitize_request",
    "register_tool_sanitize_response",
    "scope_sanitize_end",
    "scope_sanitize_start",
    "subscriber",
    "tool_conditional_execution",
    "tool_execution",
    "tool_request",
    "tool_sanitize_request",
    "tool_sanitize_response",
]
