"""Guardrails of the default runtime: they decide whether a call may run (S3.5).

A tool's guardrail is `guardrail(name, args)` or an `async def` of it. None passes; a text is the
reason of a refusal, for which the caller gets GuardrailRejected. A guardrail that fails refuses
too, with its own exception. Lower priorities come first.
"""

from __future__ import annotations

from ._native import default_runtime
from ._scoped import Registration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

register_tool_conditional_execution = default_runtime.register_tool_conditional_execution_guardrail
deregister_tool_conditional_execution = (
    default_runtime.deregister_tool_conditional_execution_guardrail
)


def tool_conditional_execution(
    name: str,
    priority: int,
    guardrail: Callable[[str, Any], str | Awaitable[str | None] | None],
) -> Registration:
    """A context manager that registers the guardrail for as long as it is entered."""
    return Registration(
        register_tool_conditional_execution,
        deregister_tool_conditional_execution,
        name,
        priority,
        guardrail,
    )


__all__ = [
    "deregister_tool_conditional_execution",
    "register_tool_conditional_execution",
    "tool_conditional_execution",
]
