"""scopeflow: the execution runtime under agent frameworks.

    scope                  open and end scopes, emit marks
    tools                  run tools under management
    llm                    run language models under management, also in chunks
    guardrails             refuse calls, and sanitize what observers see
    intercepts             rewrite requests, wrap executions
    event_metadata         add to the metadata of every event
    runtime_registrations  switch a registration off for one call
    subscribers            receive events
    scope_local            register on one scope
    codecs                 what a codec is
    errors                 what can be raised

Importing the package starts no thread and reads no environment variable.
"""

from . import (
    codecs,
    errors,
    event_metadata,
    guardrails,
    intercepts,
    llm,
    runtime_registrations,
    scope,
    scope_local,
    subscribers,
    tools,
)
from ._native import (
    AtofExporterMode,
    CallContext,
    EndStatus,
    Event,
    InterceptOutcome,
    LLMAttributes,
    LLMRequest,
    LLMRequestInterceptOutcome,
    LlmStream,
    MarkEvent,
    PendingMarkSpec,
    Runtime,
    RuntimeFlags,
    RuntimeStats,
    ScopeAttributes,
    ScopeEvent,
    ScopeHandle,
    ScopeType,
    SinkDelivery,
    SinkOverflow,
    SinkStats,
    SyncLlmStream,
    ToolAttributes,
    __version__,
    default_runtime,
)
from .atof import AtofExporter, AtofExporterConfig
from .errors import *  # noqa: F403 - The names are those of errors.__all__.

get_handle = scope.get_handle
stats = default_runtime.stats

# The peers' names.
ToolHandle = ScopeHandle
LLMHandle = ScopeHandle
ToolExecutionInterceptOutcome = InterceptOutcome

__all__ = [
    "AtofExporter",
    "AtofExporterConfig",
    "AtofExporterMode",
    "CallContext",
    "EndStatus",
    "Event",
    "InterceptOutcome",
    "LLMAttributes",
    "LLMHandle",
    "LLMRequest",
    "LLMRequestInterceptOutcome",
    "LlmStream",
    "MarkEvent",
    "PendingMarkSpec",
    "Runtime",
    "RuntimeFlags",
    "RuntimeStats",
    "ScopeAttributes",
    "ScopeEvent",
    "ScopeHandle",
    "ScopeType",
    "SinkDelivery",
    "SinkOverflow",
    "SinkStats",
    "SyncLlmStream",
    "ToolAttributes",
    "ToolExecutionInterceptOutcome",
    "ToolHandle",
    "__version__",
    "codecs",
    "default_runtime",
    "errors",
    "event_metadata",
    "get_handle",
    "guardrails",
    "intercepts",
    "llm",
    "runtime_registrations",
    "scope",
    "scope_local",
    "stats",
    "subscribers",
    "tools",
    *errors.__all__,
]
