"""Decorators that put a function under management. The third is the module `llm` itself.

    @scopeflow.tool
    async def search(query: str, *, limit: int = 10) -> list[str]: ...

    @scopeflow.agent(name="planner")
    def plan(goal: str) -> str: ...

    @scopeflow.llm(model_name="gpt")
    async def ask(prompt: str, *, temperature: float = 0) -> AsyncIterator[str]:
        yield ...

All take plain functions, coroutine functions, generator functions and async generator functions,
methods included, and keep their signatures. What guards, intercepts and events see are the values
of the arguments by the names of the parameters, defaults among them; `self` and `cls` are left out,
`*args` is a list and `**named` an object under its own name, both only where something was given.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, overload

from . import _wrappers

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    import scopeflow.llm as llm_module

    from ._native import LLMAttributes, Runtime, ScopeAttributes, ToolAttributes
    from .codecs import LlmCodec, LlmResponseCodec

    Function = TypeVar("Function", bound=Callable[..., Any])


@overload
def tool(function: Function, /) -> Function: ...
@overload
def tool(
    *,
    name: str | None = None,
    attributes: ToolAttributes | int | None = None,
    metadata: object = None,
    runtime: Runtime | None = None,
) -> Callable[[Function], Function]: ...
def tool(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    attributes: ToolAttributes | int | None = None,
    metadata: object = None,
    runtime: Runtime | None = None,
) -> Any:
    """Makes a function a managed tool: each call goes through `tools.execute` or `execute_sync`.

    name: The tool's name, that of the function by default.
    attributes: ToolAttributes of each call.
    metadata: The metadata of each start event.
    runtime: A Runtime, the default one by default.

    The function gets the very objects that it was called with; where a request intercept changed
    one, the changed one. A generator's call lasts until the generator ends; since no execution
    intercept can wrap one, a call to which one applies is refused with InvalidState.

    Raises TypeError for what is no function; calls raise what `tools.execute` raises, and
    InvalidArgument for arguments of an intercept that the function cannot take.

    >>> @tool
    ... def add(a: int, b: int = 1) -> int:
    ...     return a + b
    >>> with testing.capture() as events:
    ...     add(2)
    3
    >>> events.find("add", phase="start").data
    {'a': 2, 'b': 1}
    """
    options = {"attributes": attributes, "metadata": metadata}
    return _decorate("tool", function, name, runtime, options)


@overload
def agent(function: Function, /) -> Function: ...
@overload
def agent(
    *,
    name: str | None = None,
    attributes: ScopeAttributes | int | None = None,
    metadata: object = None,
    runtime: Runtime | None = None,
) -> Callable[[Function], Function]: ...
def agent(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    attributes: ScopeAttributes | int | None = None,
    metadata: object = None,
    runtime: Runtime | None = None,
) -> Any:
    """Puts an Agent scope around each call of a function; its arguments are the scope's input, what
    it returns the output.

    name: The scope's name, that of the function by default.
    attributes: ScopeAttributes of each scope.
    metadata: The metadata of each start event.
    runtime: A Runtime, the default one by default.

    Raises TypeError for what is no function; calls raise what `scope.push` raises.

    >>> @agent
    ... def plan(goal: str) -> str:
    ...     return f"a way to {goal}"
    >>> with testing.capture() as events:
    ...     plan("win")
    'a way to win'
    >>> events.find("plan", phase="start").data
    {'goal': 'win'}
    """
    options = {"attributes": attributes, "metadata": metadata}
    return _decorate("agent", function, name, runtime, options)


class LlmModule(ModuleType):
    """The module `llm`, which can be called as the decorator `@scopeflow.llm`."""

    if TYPE_CHECKING:

        def __init__(self) -> None:
            # To a checker the package's attribute `llm` is an object of this class.
            self.call = llm_module.call
            self.call_end = llm_module.call_end
            self.conditional_execution = llm_module.conditional_execution
            self.conditional_execution_async = llm_module.conditional_execution_async
            self.conditional_execution_sync = llm_module.conditional_execution_sync
            self.execute = llm_module.execute
            self.execute_sync = llm_module.execute_sync
            self.request_intercepts = llm_module.request_intercepts
            self.request_intercepts_async = llm_module.request_intercepts_async
            self.request_intercepts_sync = llm_module.request_intercepts_sync
            self.stream_execute = llm_module.stream_execute
            self.stream_execute_sync = llm_module.stream_execute_sync

    @overload
    def __call__(self, function: Function, /) -> Function: ...
    @overload
    def __call__(
        self,
        /,
        *,
        name: str | None = None,
        model_name: str | None = None,
        codec: LlmCodec | str | None = None,
        response_codec: LlmResponseCodec | str | None = None,
        attributes: LLMAttributes | int | None = None,
        metadata: object = None,
        chunk_marks: bool = False,
        runtime: Runtime | None = None,
    ) -> Callable[[Function], Function]: ...
    def __call__(
        self,
        function: Any = None,
        /,
        *,
        name: str | None = None,
        model_name: str | None = None,
        codec: LlmCodec | str | None = None,
        response_codec: LlmResponseCodec | str | None = None,
        attributes: LLMAttributes | int | None = None,
        metadata: object = None,
        chunk_marks: bool = False,
        runtime: Runtime | None = None,
    ) -> Any:
        """Makes a function a managed call of a language model: each call goes through `execute` or
        `execute_sync`, that of a generator function through `stream_execute(_sync)`.

        name: The provider's name, that of the function by default.
        model_name: The name of the model; by default what an argument `model` says.
        codec: An LlmCodec, with which intercepts see and edit the request's annotated form.
        response_codec: An LlmResponseCodec, which annotates the response for observers.
        attributes: LLMAttributes of each call.
        metadata: The metadata of each start event.
        chunk_marks: Of a generator: whether to emit a mark for each chunk.
        runtime: A Runtime, the default one by default.

        The request is the first argument where that is an LLMRequest. Else one is made: its content
        are the arguments by name, its headers those of a parameter `headers`, whose credentials
        observers never see. The function gets the very objects that it was called with; where a
        request intercept changed one, the changed one.

        Raises TypeError for what is no function; calls raise what `execute` raises, and
        InvalidArgument for a request of an intercept that the function cannot take.

        >>> @llm(model_name="gpt-4o")
        ... def ask(prompt: str, *, temperature: float = 0) -> str:
        ...     return "hello"
        >>> with testing.capture() as events:
        ...     ask("hi")
        'hello'
        >>> events.find("ask", phase="start").data["content"]
        {'prompt': 'hi', 'temperature': 0}
        """
        options = {
            "model_name": model_name,
            "codec": codec,
            "response_codec": response_codec,
            "attributes": attributes,
            "metadata": metadata,
            "chunk_marks": chunk_marks,
        }
        return _decorate("llm", function, name, runtime, options)


def _decorate(
    kind: str, function: Any, name: str | None, runtime: Runtime | None, options: dict[str, Any]
) -> Any:
    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        return _wrappers.wrap(kind, function, name, runtime, options)

    return wrap if function is None else wrap(function)


__all__ = ["agent", "tool"]
