"""Managed tool calls of the default runtime.

    result = await tools.execute("search", {"query": "x"}, search)

Guardrails decide, the call's own span opens, the tool runs with its arguments as they are, and
exactly one end event follows one start, whatever happened (S4.1, S4.3).
"""

from ._native import default_runtime

execute = default_runtime.tool_execute
execute_sync = default_runtime.tool_execute_sync

__all__ = ["execute", "execute_sync"]
