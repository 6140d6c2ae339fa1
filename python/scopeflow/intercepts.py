"""Intercepts of the default runtime: they change what is called, or how. All may be `async def`.
Lower priorities come first, and are outermost.

Request intercepts (S3.11) rewrite the request before the call starts, on a copy of their own:
`fn(name, args)` for tools returns the arguments; `fn(name, request, annotated)` for LLMs returns an
LLMRequest, the pair of it and its annotated form, or an LLMRequestInterceptOutcome. With
`break_chain` no later one runs.

Execution intercepts (S3.7) run around the target: `fn(name, request, next)`. `next(request)` runs
the rest of the chain, as often as they like, until they return; in an async call it is awaited.
What they return is the call's result. A stream intercept, `fn(name, request, next)` or
`fn(request, next)`, returns the iterator of the chunks, or is a generator itself: its `next` works
until the stream has ended.

An InterceptOutcome leaves marks with the call besides. A callback with a keyword-only parameter
`context` also gets a CallContext (S3.9). Relay's shapes are taken too: `fn(context, next)` for
tools, whose `next` gives a ToolExecutionResult, and `fn(name, request, context, next)` for LLMs.

>>> with intercepts.tool_request("tenant", 10, False, lambda name, args: {"tenant": "a"}):
...     tools.execute_sync("search", {}, lambda args: args)
{'tenant': 'a'}
"""

from ._native import default_runtime
from ._scoped import scoped

TYPE_CHECKING = False

register_tool_request = default_runtime.register_tool_request_intercept
deregister_tool_request = default_runtime.deregister_tool_request_intercept
register_tool_execution = default_runtime.register_tool_execution_intercept
deregister_tool_execution = default_runtime.deregister_tool_execution_intercept
register_llm_request = default_runtime.register_llm_request_intercept
deregister_llm_request = default_runtime.deregister_llm_request_intercept
register_llm_execution = default_runtime.register_llm_execution_intercept
deregister_llm_execution = default_runtime.deregister_llm_execution_intercept
register_llm_stream_execution = default_runtime.register_llm_stream_execution_intercept
deregister_llm_stream_execution = default_runtime.deregister_llm_stream_execution_intercept

# Each as a Registration, for a `with`.
tool_request = scoped(register_tool_request, deregister_tool_request)
tool_execution = scoped(register_tool_execution, deregister_tool_execution)
llm_request = scoped(register_llm_request, deregister_llm_request)
llm_execution = scoped(register_llm_execution, deregister_llm_execution)
llm_stream_execution = scoped(register_llm_stream_execution, deregister_llm_stream_execution)


if TYPE_CHECKING:
    from ._aliases import (
        LlmExecutionIntercept as LlmExecutionIntercept,
    )
    from ._aliases import (
        LlmRequestIntercept as LlmRequestIntercept,
    )
    from ._aliases import (
        LlmStreamExecutionIntercept as LlmStreamExecutionIntercept,
    )
    from ._aliases import (
        ToolExecutionIntercept as ToolExecutionIntercept,
    )
    from ._aliases import (
        ToolRequestIntercept as ToolRequestIntercept,
    )
else:

    def __getattr__(name: str) -> object:
        """The shapes of the callbacks, for annotations."""
        from . import _aliases

        if name in _aliases.INTERCEPT_ALIASES:
            return getattr(_aliases, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "deregister_llm_execution",
    "deregister_llm_request",
    "deregister_llm_stream_execution",
    "deregister_tool_execution",
    "deregister_tool_request",
    "llm_execution",
    "llm_request",
    "llm_stream_execution",
    "register_llm_execution",
    "register_llm_request",
    "register_llm_stream_execution",
    "register_tool_execution",
    "register_tool_request",
    "tool_execution",
    "tool_request",
]
