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
    settings               take settings from environment variables
    testing                a runtime for each test, and what it emitted

`tool`, `agent` and `llm` are also decorators that put a function under management.

Importing the package starts no thread and reads no environment variable.
"""

from . import (
    codecs,
    errors,
    event_metadata,
    guardrails,
    intercepts,
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
from ._scoped import Registration
from .atof import AtofExporter, AtofExporterConfig
from .errors import *  # noqa: F403 - The names are those of errors.__all__.

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import settings, testing
    from ._decorators import agent, tool
    from .llm import llm  # To checkers an object that can be called, too.
else:
    from . import llm

get_handle = scope.get_handle
stats = default_runtime.stats

# The peers' names.
ToolHandle = ScopeHandle
LLMHandle = ScopeHandle
ToolExecutionInterceptOutcome = InterceptOutcome


def __getattr__(name: str) -> object:
    """Loads what most programs do not need when it is first asked for."""
    from importlib import import_module

    if name in ("settings", "testing"):
        return import_module(f".{name}", __name__)
    if name in ("agent", "tool"):
        return getattr(import_module("._decorators", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
    "Registration",
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
    "agent",
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
    "settings",
    "stats",
    "subscribers",
    "testing",
    "tool",
    "tools",
    *errors.__all__,
]
