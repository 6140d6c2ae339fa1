"""Tool calls of the default runtime.

    result = await tools.execute("search", {"query": "x"}, search)

Guardrails decide, the call's own span opens, the tool runs with its arguments as they are, and
exactly one end event follows one start, whatever happened (S4.1, S4.3). `call` and `call_end` emit
the same events for a call that the application runs by itself (S4.8).
"""

from ._native import default_runtime

execute = default_runtime.tool_execute
execute_sync = default_runtime.tool_execute_sync
call = default_runtime.tool_call
call_end = default_runtime.tool_call_end
request_intercepts = default_runtime.tool_request_intercepts
request_intercepts_sync = default_runtime.tool_request_intercepts_sync
conditional_execution = default_runtime.tool_conditional_execution
conditional_execution_sync = default_runtime.tool_conditional_execution_sync

__all__ = [
    "call",
    "call_end",
    "conditional_execution",
    "conditional_execution_sync",
    "execute",
    "execute_sync",
    "request_intercepts",
    "request_intercepts_sync",
]
