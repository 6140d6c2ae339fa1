"""scopeflow: the execution runtime under agent frameworks.

    scope                  open and end scopes, emit marks
    context                hand what is current on: to threads, workers, other processes
    tools                  run tools under management
    llm                    run language models under management, also in chunks
    guardrails             refuse calls, and sanitize what observers see
    intercepts             rewrite requests, wrap executions
    event_metadata         add to the metadata of every event
    runtime_registrations  switch a registration off for one call
    metrics                measurements as marks
    subscribers            receive events
    scope_local            register on one scope
    typed                  calls of functions that take and return objects of one's own types
    codecs                 what a codec is, and annotated requests and responses
    atof                   write event files, and read them
    errors                 what can be raised
    extensions             build middleware in C, which runs without the interpreter
    utils                  run a coroutine from sync code
    settings               take settings from environment variables
    testing                a runtime for each test, and what it emitted

`tool`, `agent` and `llm` are also decorators that put a function under management.

Importing the package starts no thread and reads no environment variable, and loads no module but
the compiled one: the others are loaded when they are first asked for.

The examples of the package take `import scopeflow` and `from scopeflow import *` for granted, and
may await, as in `python -m asyncio`.

>>> with testing.capture() as events, scope.scope("turn", ScopeType.Agent):
...     tools.execute_sync("search", {"query": "x"}, lambda args: {"hits": 2})
{'hits': 2}
>>> events.names()
['start turn', 'start search', 'end search', 'end turn']
"""

from __future__ import annotations

from ._native import (
    AlreadyExists,
    AtofExporterMode,
    CallContext,
    Cancelled,
    EndStatus,
    Event,
    GuardrailRejected,
    InterceptOutcome,
    Internal,
    InvalidArgument,
    InvalidJson,
    InvalidState,
    InvalidUtf8,
    LimitExceeded,
    LLMAttributes,
    LLMRequest,
    LLMRequestInterceptOutcome,
    LlmStream,
    LogSeverity,
    MarkEvent,
    NoMemory,
    NotFound,
    PendingMarkSpec,
    PluginError,
    RegistrationInfo,
    Runtime,
    RuntimeFlags,
    RuntimeStats,
    ScopeAttributes,
    ScopeEvent,
    ScopeflowError,
    ScopeHandle,
    ScopeStack,
    ScopeType,
    SinkDelivery,
    SinkOverflow,
    SinkStats,
    SyncLlmStream,
    ToolAttributes,
    ToolExecutionResult,
    __version__,
    default_runtime,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import (
        atof,
        codecs,
        context,
        errors,
        event_metadata,
        extensions,
        guardrails,
        intercepts,
        metrics,
        runtime_registrations,
        scope,
        scope_local,
        settings,
        subscribers,
        testing,
        tools,
        typed,
        utils,
    )
    from ._aliases import *  # noqa: F403 - For annotations.
    from ._decorators import agent, tool
    from ._event_file import read_atof
    from ._logging import logging_handler
    from ._scoped import Registration
    from ._shapes import (
        LlmCodecIdentity,
        LlmExecutionContext,
        LlmRequestContext,
        LlmResponseContext,
        LlmSanitizeRequestContext,
        LlmSanitizeResponseContext,
        ToolExecutionContext,
    )
    from .atof import AtofExporter, AtofExporterConfig
    from .codecs import AnnotatedLLMRequest, AnnotatedLLMResponse
    from .context import (
        PropagationContext,
        capture_propagation_context,
        capture_propagation_context_with_root,
        capture_rootless_propagation_context,
        capture_traceparent,
        create_scope_stack,
        create_scope_stack_from_propagation,
        fork_asyncio_context,
        propagate_scope_to_thread,
        scope_stack_active,
        use_scope_stack,
    )
    from .extensions import get_include
    from .llm import llm  # To checkers an object that can be called, too.
    from .metrics import MetricKind, MetricMeasurement, MetricValueType

get_handle = default_runtime.get_handle
get_scope_stack = default_runtime.get_scope_stack
set_thread_scope_stack = default_runtime.set_scope_stack
stats = default_runtime.stats

# The peers' names.
ToolHandle = ScopeHandle
LLMHandle = ScopeHandle
ToolExecutionInterceptOutcome = InterceptOutcome
_scope_stack_var = default_runtime.scope_stack_variable

# What is loaded when it is first asked for: a module, or a name and the module that has it.
_MODULES = {
    "atof",
    "codecs",
    "context",
    "errors",
    "event_metadata",
    "extensions",
    "guardrails",
    "intercepts",
    "llm",
    "metrics",
    "runtime_registrations",
    "scope",
    "scope_local",
    "settings",
    "subscribers",
    "testing",
    "tools",
    "typed",
    "utils",
}
_HOMES = {
    **dict.fromkeys(("AnnotatedLLMRequest", "AnnotatedLLMResponse"), "codecs"),
    **dict.fromkeys(("MetricKind", "MetricMeasurement", "MetricValueType"), "metrics"),
    **dict.fromkeys(
        (
            "DataSchema",
            "EventMetadata",
            "EventMetadataInjectorCallback",
            "EventMetadataScalar",
            "EventMetadataValue",
            "EventSanitizeFields",
            "EventSanitizeGuardrail",
            "Json",
            "JsonObject",
            "JsonPrimitive",
            "JsonValue",
            "LlmConditionalExecutionGuardrail",
            "LlmExecutionIntercept",
            "LlmRequestIntercept",
            "LlmSanitizeRequestGuardrail",
            "LlmSanitizeResponseGuardrail",
            "LlmStreamExecutionIntercept",
            "ToolConditionalExecutionGuardrail",
            "ToolExecutionIntercept",
            "ToolRequestIntercept",
            "ToolSanitizeGuardrail",
            "UnsupportedBehavior",
        ),
        "_aliases",
    ),
    "AtofExporter": "atof",
    "AtofExporterConfig": "atof",
    "PropagationContext": "context",
    "get_include": "extensions",
    "Registration": "_scoped",
    **dict.fromkeys(
        (
            "LlmCodecIdentity",
            "LlmExecutionContext",
            "LlmRequestContext",
            "LlmResponseContext",
            "LlmSanitizeRequestContext",
            "LlmSanitizeResponseContext",
            "ToolExecutionContext",
        ),
        "_shapes",
    ),
    "agent": "_decorators",
    "capture_propagation_context": "context",
    "capture_propagation_context_with_root": "context",
    "capture_rootless_propagation_context": "context",
    "capture_traceparent": "context",
    "create_scope_stack": "context",
    "create_scope_stack_from_propagation": "context",
    "fork_asyncio_context": "context",
    "logging_handler": "_logging",
    "propagate_scope_to_thread": "context",
    "read_atof": "_event_file",
    "scope_stack_active": "context",
    "tool": "_decorators",
    "use_scope_stack": "context",
}


if not TYPE_CHECKING:  # A checker knows what is there, and what is not.

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name in _MODULES:
            return import_module(f".{name}", __name__)
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_HOMES})


__all__ = [
    "LlmSanitizeResponseContext",
    "LlmSanitizeRequestContext",
    "LlmResponseContext",
    "LlmRequestContext",
    "LlmExecutionContext",
    "LlmCodecIdentity",
    "AlreadyExists",
    "AnnotatedLLMRequest",
    "AnnotatedLLMResponse",
    "AtofExporter",
    "AtofExporterConfig",
    "AtofExporterMode",
    "CallContext",
    "Cancelled",
    "EndStatus",
    "Event",
    "GuardrailRejected",
    "InterceptOutcome",
    "Internal",
    "InvalidArgument",
    "InvalidJson",
    "InvalidState",
    "InvalidUtf8",
    "LLMAttributes",
    "LLMHandle",
    "LLMRequest",
    "LLMRequestInterceptOutcome",
    "LimitExceeded",
    "LlmStream",
    "LogSeverity",
    "MarkEvent",
    "MetricKind",
    "MetricMeasurement",
    "MetricValueType",
    "NoMemory",
    "NotFound",
    "PendingMarkSpec",
    "PluginError",
    "PropagationContext",
    "Registration",
    "RegistrationInfo",
    "Runtime",
    "RuntimeFlags",
    "RuntimeStats",
    "ScopeAttributes",
    "ScopeEvent",
    "ScopeHandle",
    "ScopeStack",
    "ScopeType",
    "ScopeflowError",
    "SinkDelivery",
    "SinkOverflow",
    "SinkStats",
    "SyncLlmStream",
    "ToolAttributes",
    "ToolExecutionContext",
    "ToolExecutionInterceptOutcome",
    "ToolExecutionResult",
    "ToolHandle",
    "__version__",
    "agent",
    "atof",
    "capture_propagation_context",
    "capture_propagation_context_with_root",
    "capture_rootless_propagation_context",
    "capture_traceparent",
    "codecs",
    "context",
    "create_scope_stack",
    "create_scope_stack_from_propagation",
    "default_runtime",
    "errors",
    "event_metadata",
    "extensions",
    "fork_asyncio_context",
    "get_handle",
    "get_include",
    "get_scope_stack",
    "guardrails",
    "intercepts",
    "llm",
    "logging_handler",
    "metrics",
    "propagate_scope_to_thread",
    "read_atof",
    "runtime_registrations",
    "scope",
    "scope_local",
    "scope_stack_active",
    "set_thread_scope_stack",
    "settings",
    "stats",
    "subscribers",
    "testing",
    "tool",
    "tools",
    "typed",
    "use_scope_stack",
    "utils",
]
