"""The peers' flat names behind the modules, which `scopeflow._native` offers to who asks."""

from __future__ import annotations

from . import codecs, context, llm, scope, tools
from ._native import default_runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def pop_scope(handle: Any, output: object = None, metadata: object = None, **named: Any) -> None:
    scope.pop(handle, output=output, metadata=metadata, **named)


def of_uuid(operation: Callable[..., Any]) -> Callable[..., Any]:
    """An operation on a scope's handle as one on its id."""

    def on_scope(scope_uuid: str, *arguments: Any, **named: Any) -> Any:
        return operation(default_runtime.find_scope(scope_uuid), *arguments, **named)

    return on_scope


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "AnnotatedLLMRequest": codecs.AnnotatedLLMRequest,
    "AnnotatedLLMResponse": codecs.AnnotatedLLMResponse,
    "capture_propagation_context": context.capture_propagation_context,
    "capture_propagation_context_with_root": context.capture_propagation_context_with_root,
    "capture_rootless_propagation_context": context.capture_rootless_propagation_context,
    "capture_traceparent": context.capture_traceparent,
    "create_scope_stack": context.create_scope_stack,
    "create_scope_stack_from_propagation": context.create_scope_stack_from_propagation,
    "event": scope.event,
    "get_handle": scope.get_handle,
    "llm_call": llm.call,
    "llm_call_end": llm.call_end,
    "llm_call_execute": llm.execute,
    "llm_conditional_execution": llm.conditional_execution,
    "llm_request_intercepts": llm.request_intercepts,
    "llm_stream_call_execute": llm.stream_execute,
    "pop_scope": pop_scope,
    "push_scope": scope.push,
    "scope_stack_active": context.scope_stack_active,
    "set_thread_scope_stack": context.set_thread_scope_stack,
    "sync_thread_scope_stack": context.set_thread_scope_stack,
    "tool_call": tools.call,
    "tool_call_end": tools.call_end,
    "tool_call_execute": tools.execute,
    "tool_conditional_execution": tools.conditional_execution,
    "tool_request_intercepts": tools.request_intercepts,
}


def find(name: str) -> Any:
    """Raises AttributeError for what neither the peers nor the compiled module have."""
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    if name.startswith(("scope_register_", "scope_deregister_")):
        return of_uuid(getattr(default_runtime, name))
    if name.startswith(("register_", "deregister_")) or name == "list_runtime_registrations":
        return getattr(default_runtime, name)
    raise AttributeError(f"module 'scopeflow._native' has no attribute {name!r}")
