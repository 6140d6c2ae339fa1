"""Callbacks in the shapes of the newer Relay, made to take what scopeflow calls them with (S3.9).

Loaded when the first one is registered. What the shapes are is told from the number of parameters
without a default:

| registry | scopeflow and NeMo Flow | Relay |
| --- | --- | --- |
| tool execution intercept | `(name, args, next)` | `(context, next)` |
| LLM execution intercepts | `(name, request, next)` | `(name, request, context, next)` |
| LLM sanitize guardrails | `(payload)` | `(payload, context)` |
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from ._native import CallContext, InterceptOutcome, ToolExecutionResult

AnyFunction = Callable[..., Any]


class ToolExecutionContext:
    """What a tool execution intercept learns of its call.

    tool_name: The name of the tool.
    args: The arguments, as the request intercepts left them.
    tool_call_id: The provider's id of the call, or None.

    >>> def around(context, next):
    ...     print(context.tool_name, context.args, context.tool_call_id)
    ...     return next(context.args).result
    >>> with intercepts.tool_execution("around", 10, around):
    ...     tools.execute_sync("search", {"query": "x"}, lambda args: "found", tool_call_id="c1")
    search {'query': 'x'} c1
    'found'
    """

    __slots__ = ("args", "tool_call_id", "tool_name")

    def __init__(self, tool_name: str, args: Any, tool_call_id: str | None) -> None:
        self.tool_name: str = tool_name
        self.args: Any = args
        self.tool_call_id: str | None = tool_call_id

    def __repr__(self) -> str:
        names = f"tool_name={self.tool_name!r}, tool_call_id={self.tool_call_id!r}"
        return f"ToolExecutionContext({names})"


class LlmCodecIdentity:
    """What kind of codec a call has.

    kind: `opaque` for one of the application's own, else `none`.
    id: Always None: an application's codec has no name.

    >>> def around(name, request, context, next):
    ...     print(context.response_codec.codec)
    ...     return next(request)
    >>> with intercepts.llm_execution("around", 10, around):
    ...     llm.execute_sync("openai", LLMRequest({}, {}), lambda request: "hello")
    LlmCodecIdentity(kind='none', id=None)
    'hello'
    """

    __slots__ = ("id", "kind")

    def __init__(self, codec: object) -> None:
        self.kind: Literal["none", "opaque"] = "none" if codec is None else "opaque"
        self.id: str | None = None

    def __repr__(self) -> str:
        return f"LlmCodecIdentity(kind={self.kind!r}, id={self.id!r})"


class LlmSanitizeRequestContext:
    """The request codec of a call, for those who look at its request.

    >>> def without_messages(request, context):
    ...     print(context.codec.kind)
    ...     return LLMRequest({}, {})
    >>> with guardrails.llm_sanitize_request("without-messages", 10, without_messages):
    ...     with testing.capture() as events:
    ...         llm.execute_sync("openai", LLMRequest({}, {"messages": []}), lambda r: "hello")
    none
    'hello'
    >>> events.find("openai", phase="start").data["content"]
    {}
    """

    __slots__ = ("_codec",)

    def __init__(self, codec: Any) -> None:
        self._codec = codec

    @property
    def codec(self) -> LlmCodecIdentity:
        return LlmCodecIdentity(self._codec)

    def resolve_codec(self) -> Any:
        """The call's own codec, or None.

        >>> class ChatCodec:
        ...     def decode_response(self, response):
        ...         return AnnotatedLLMResponse(message=response)
        >>> def sanitize(response, context):
        ...     print(context.codec.kind, type(context.resolve_codec()).__name__)
        ...     return response
        >>> with guardrails.llm_sanitize_response("sanitize", 10, sanitize), testing.capture():
        ...     request, codec = LLMRequest({}, {}), ChatCodec()
        ...     llm.execute_sync("openai", request, lambda request: "hi", response_codec=codec)
        opaque ChatCodec
        'hi'
        """
        return self._codec

    def __repr__(self) -> str:
        return f"{type(self).__name__}(codec={self.codec!r})"


class LlmSanitizeResponseContext(LlmSanitizeRequestContext):
    """The response codec of a call, for those who look at its response.

    >>> def only_text(response, context):
    ...     print(context.codec.kind)
    ...     return {"text": response["text"]}
    >>> with guardrails.llm_sanitize_response("only-text", 10, only_text):
    ...     with testing.capture() as events:
    ...         answer = llm.execute_sync("openai", LLMRequest({}, {}), lambda r: {"text": "hi"})
    none
    """

    __slots__ = ()


LlmRequestContext = LlmSanitizeRequestContext
LlmResponseContext = LlmSanitizeResponseContext


class LlmExecutionContext:
    """The codecs of a call, for an execution intercept.

    request_codec: An LlmSanitizeRequestContext.
    response_codec: An LlmSanitizeResponseContext.

    >>> def around(name, request, context, next):
    ...     print(context.request_codec.codec.kind)
    ...     return next(request)
    >>> with intercepts.llm_execution("around", 10, around):
    ...     llm.execute_sync("openai", LLMRequest({}, {}), lambda request: "hello")
    none
    'hello'
    """

    __slots__ = ("request_codec", "response_codec")

    def __init__(self, context: CallContext) -> None:
        self.request_codec: LlmSanitizeRequestContext = LlmSanitizeRequestContext(context.codec)
        self.response_codec: LlmSanitizeResponseContext = LlmSanitizeResponseContext(
            context.response_codec
        )

    def __repr__(self) -> str:
        return f"LlmExecutionContext({self.request_codec!r}, {self.response_codec!r})"


# --- Tool execution intercepts ---


class ResultNext:
    """`next` for who expects a ToolExecutionResult of it, whatever the tool returns."""

    __slots__ = ("gave_plain", "next")

    def __init__(self, next: AnyFunction) -> None:
        self.next = next
        self.gave_plain = False

    def __call__(self, args: Any) -> Any:
        result = self.next(args)
        return self.wait(result) if isinstance(result, Awaitable) else self.result_of(result)

    async def wait(self, result: Awaitable[Any]) -> ToolExecutionResult[Any]:
        return self.result_of(await result)

    def result_of(self, result: Any) -> ToolExecutionResult[Any]:
        if type(result) is ToolExecutionResult:
            return result
        self.gave_plain = True
        return ToolExecutionResult(result)

    def outcome_of(self, outcome: Any) -> Any:
        """A tool that gives a plain result goes on doing so, unless there is an annotation."""
        if type(outcome) is not InterceptOutcome:
            return outcome
        if self.gave_plain or outcome.annotation is not None:
            return outcome
        return InterceptOutcome(ToolExecutionResult(outcome.result), outcome.pending_marks)

    async def finish(self, outcome: Awaitable[Any]) -> Any:
        return self.outcome_of(await outcome)


def adapt_tool_execution(function: AnyFunction) -> AnyFunction:
    def adapted(name: str, args: Any, next: AnyFunction, *, context: CallContext) -> Any:
        results = ResultNext(next)
        outcome = function(ToolExecutionContext(name, args, context.tool_call_id), results)
        if isinstance(outcome, Awaitable):
            return results.finish(outcome)
        return results.outcome_of(outcome)

    return adapted


# --- LLM execution intercepts and sanitizers ---


def adapt_llm_execution(function: AnyFunction) -> AnyFunction:
    def adapted(name: str, request: Any, next: AnyFunction, *, context: CallContext) -> Any:
        return function(name, request, LlmExecutionContext(context), next)

    return adapted


def adapt_llm_sanitize_request(function: AnyFunction) -> AnyFunction:
    def adapted(request: Any, *, context: CallContext) -> Any:
        return function(request, LlmSanitizeRequestContext(context.codec))

    return adapted


def adapt_llm_sanitize_response(function: AnyFunction) -> AnyFunction:
    def adapted(response: Any, *, context: CallContext) -> Any:
        return function(response, LlmSanitizeResponseContext(context.response_codec))

    return adapted


# How many parameters without a default say that it is the newer shape, by registry.
ADAPTERS: dict[str, tuple[int, Callable[[AnyFunction], AnyFunction]]] = {
    "tool_execution_intercept": (2, adapt_tool_execution),
    "llm_execution_intercept": (4, adapt_llm_execution),
    "llm_stream_execution_intercept": (4, adapt_llm_execution),
    "llm_sanitize_request_guardrail": (2, adapt_llm_sanitize_request),
    "llm_sanitize_response_guardrail": (2, adapt_llm_sanitize_response),
}
