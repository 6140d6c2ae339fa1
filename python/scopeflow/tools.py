"""Tool calls of the default runtime.

Guardrails decide, the call's own span opens, the tool runs with its arguments as they are, and
exactly one end event follows one start, whatever happened (S4.1, S4.3). `call` and `call_end` emit
the same events for a call that the application runs by itself (S4.8).

>>> async def search(args):
...     return {"hits": 2}
>>> with testing.capture() as events:
...     await tools.execute("search", {"query": "x"}, search)
{'hits': 2}
>>> events.names()
['start search', 'end search']
"""

from __future__ import annotations

from ._helpers import begin
from ._native import default_runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any

execute = default_runtime.tool_execute
execute_sync = default_runtime.tool_execute_sync
call = default_runtime.tool_call
call_end = default_runtime.tool_call_end
request_intercepts_async = default_runtime.tool_request_intercepts
request_intercepts_sync = default_runtime.tool_request_intercepts_sync
conditional_execution_async = default_runtime.tool_conditional_execution
conditional_execution_sync = default_runtime.tool_conditional_execution_sync


def request_intercepts(name: str, args: Any) -> Any:
    """Runs only the request intercepts, without a span or an event (S4.9).

    name: The tool's name.
    args: The arguments; they themselves are left as they are.

    Returns the arguments as the intercepts leave them; where one of them waits for something, an
    awaitable for them. `request_intercepts_async` is to be awaited always, `…_sync` never. Raises
    what an intercept raises.

    >>> with intercepts.tool_request("tenant", 10, False, lambda name, args: {"tenant": "a"}):
    ...     tools.request_intercepts("search", {})
    {'tenant': 'a'}
    """
    return begin(request_intercepts_async(name, args))


def conditional_execution(name: str, args: object) -> Awaitable[None] | None:
    """Asks only the guardrails, without a span or an event (S4.9).

    name: The tool's name.
    args: The arguments.

    Returns None; where a guardrail waits for something, an awaitable for that.
    `conditional_execution_async` is to be awaited always, `…_sync` never. Raises GuardrailRejected
    when one refuses, and what one raises.

    >>> with guardrails.tool_conditional_execution("closed", 10, lambda name, args: "closed"):
    ...     tools.conditional_execution("search", {"query": "x"})
    Traceback (most recent call last):
        ...
    scopeflow._native.GuardrailRejected: guardrail rejected: closed
    """
    waiting: Awaitable[None] | None = begin(conditional_execution_async(name, args))
    return waiting


__all__ = [
    "call",
    "call_end",
    "conditional_execution",
    "conditional_execution_async",
    "conditional_execution_sync",
    "execute",
    "execute_sync",
    "request_intercepts",
    "request_intercepts_async",
    "request_intercepts_sync",
]
