"""scopeflow: the execution runtime under agent frameworks.

    scope         open and end scopes, emit marks
    tools         run tools under management
    guardrails    refuse calls
    subscribers   receive events
    scope_local   register on one scope
    errors        what can be raised

Importing the package starts no thread and reads no environment variable.
"""

from . import errors, guardrails, scope, scope_local, subscribers, tools
from ._native import (
    AtofExporterMode,
    EndStatus,
    Event,
    MarkEvent,
    Runtime,
    RuntimeFlags,
    RuntimeStats,
    ScopeAttributes,
    ScopeEvent,
    ScopeHandle,
    ScopeType,
    ToolAttributes,
    __version__,
    default_runtime,
)
from .atof import AtofExporter, AtofExporterConfig
from .errors import *  # noqa: F403 - The names are those of errors.__all__.

get_handle = scope.get_handle
stats = default_runtime.stats

__all__ = [
    "AtofExporter",
    "AtofExporterConfig",
    "AtofExporterMode",
    "EndStatus",
    "Event",
    "MarkEvent",
    "Runtime",
    "RuntimeFlags",
    "RuntimeStats",
    "ScopeAttributes",
    "ScopeEvent",
    "ScopeHandle",
    "ScopeType",
    "ToolAttributes",
    "__version__",
    "default_runtime",
    "errors",
    "get_handle",
    "guardrails",
    "scope",
    "scope_local",
    "stats",
    "subscribers",
    "tools",
    *errors.__all__,
]
