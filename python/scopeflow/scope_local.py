"""Registrations on one scope: in force for it and for what is opened under it (S1.7).

They need no removing: they go with the scope and the last work that started under it.
"""

from ._native import default_runtime

register_tool_conditional_execution = (
    default_runtime.scope_register_tool_conditional_execution_guardrail
)
deregister_tool_conditional_execution = (
    default_runtime.scope_deregister_tool_conditional_execution_guardrail
)
register_subscriber = default_runtime.scope_register_subscriber
deregister_subscriber = default_runtime.scope_deregister_subscriber

__all__ = [
    "deregister_subscriber",
    "deregister_tool_conditional_execution",
    "register_subscriber",
    "register_tool_conditional_execution",
]
