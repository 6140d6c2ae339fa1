"""Calls of language models of the default runtime.

As with tools, guardrails decide, the call's own span opens, and exactly one end event follows one
start (S4.1, S4.3). A stream takes no chunk ahead of its consumer and keeps none (S4.7). `call` and
`call_end` emit the same events for a call that the application runs by itself (S4.8).

The module is also a decorator, `@scopeflow.llm`.

>>> async def produce(request):
...     yield "Hel"
...     yield "lo"
>>> request = LLMRequest({}, {"messages": [{"role": "user", "content": "hi"}]})
>>> async with await llm.stream_execute("openai", request, produce) as chunks:
...     async for chunk in chunks:
...         print(chunk)
Hel
lo
"""

from __future__ import annotations

import sys

from ._helpers import begin
from ._native import default_runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any

    from ._decorators import LlmModule
    from ._native import LLMRequest

execute = default_runtime.llm_execute
execute_sync = default_runtime.llm_execute_sync
stream_execute = default_runtime.llm_stream_execute
stream_execute_sync = default_runtime.llm_stream_execute_sync
call = default_runtime.llm_call
call_end = default_runtime.llm_call_end
request_intercepts_async = default_runtime.llm_request_intercepts
request_intercepts_sync = default_runtime.llm_request_intercepts_sync
conditional_execution_async = default_runtime.llm_conditional_execution
conditional_execution_sync = default_runtime.llm_conditional_execution_sync


def request_intercepts(name: str, request: LLMRequest) -> LLMRequest | Awaitable[LLMRequest]:
    """Runs only the request intercepts, without a span or an event (S4.9).

    name: The provider's name.
    request: The LLMRequest; it itself is left as it is.

    Returns the request as the intercepts leave it; where one of them waits for something, an
    awaitable for it. `request_intercepts_async` is to be awaited always, `…_sync` never. Raises
    what an intercept raises.

    >>> def with_trace(name, request, annotated):
    ...     return LLMRequest({"x-trace": "7f3a"}, request.content)
    >>> with intercepts.llm_request("with-trace", 10, False, with_trace):
    ...     llm.request_intercepts("openai", LLMRequest({}, {}))
    LLMRequest(headers=['x-trace'], content={})
    """
    given: LLMRequest | Awaitable[LLMRequest] = begin(request_intercepts_async(name, request))
    return given


def conditional_execution(request: LLMRequest, *, name: str = "") -> Awaitable[None] | None:
    """Asks only the guardrails, without a span or an event (S4.9).

    request: The LLMRequest.
    name: The provider's name, for the guardrails' context.

    Returns None; where a guardrail waits for something, an awaitable for that.
    `conditional_execution_async` is to be awaited always, `…_sync` never. Raises GuardrailRejected
    when one refuses, and what one raises.

    >>> with guardrails.llm_conditional_execution("closed", 10, lambda request: "closed"):
    ...     llm.conditional_execution(LLMRequest({}, {}), name="openai")
    Traceback (most recent call last):
        ...
    scopeflow._native.GuardrailRejected: guardrail rejected: closed
    """
    waiting: Awaitable[None] | None = begin(conditional_execution_async(request, name=name))
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
    "stream_execute",
    "stream_execute_sync",
]


class _CallableModule(type(sys)):  # type: ignore[misc]
    """What this module is: to type checkers an LlmModule, which loads more than a module should."""

    def __call__(self, *args: Any, **named: Any) -> Any:
        from ._decorators import LlmModule

        return LlmModule.__call__(self, *args, **named)


sys.modules[__name__].__class__ = _CallableModule
if TYPE_CHECKING:
    llm = LlmModule()  # What the package's attribute `llm` is to a checker.
