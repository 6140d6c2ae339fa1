"""What a decorated function is replaced with: one wrapper for each way of being called.

The kind of management (`Tool`, `Agent`, `Llm`) knows what goes around a call; `wrap` finds out
whether that is a plain call, a coroutine, or a generator.
"""

from __future__ import annotations

import functools
import inspect
import weakref

from ._arguments import Definition, LlmArguments, ToolArguments
from ._generators import (
    AgentSpan,
    AsyncStreamSteps,
    ManagedAsyncGenerator,
    ManagedGenerator,
    SpannedAsyncSteps,
    SpannedSteps,
    StreamSteps,
    ToolSpan,
)
from ._native import ScopeType, default_runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, Protocol

    from ._generators import AsyncSteps, Steps
    from ._native import Runtime

    class Management(Protocol):
        """What goes around the calls of one function."""

        def __init__(
            self, runtime: Runtime | None, definition: Definition, options: dict[str, Any]
        ) -> None: ...
        def call(self, args: tuple[Any, ...], named: dict[str, Any]) -> Any: ...
        async def wait(self, args: tuple[Any, ...], named: dict[str, Any]) -> Any: ...
        def steps(self, args: tuple[Any, ...], named: dict[str, Any]) -> Steps: ...
        def async_steps(self, args: tuple[Any, ...], named: dict[str, Any]) -> AsyncSteps: ...


# Wrappers that give generators without being generator functions -> whether async ones.
_generator_wrappers: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()


class _Managed:
    def __init__(
        self, runtime: Runtime | None, definition: Definition, options: dict[str, Any]
    ) -> None:
        self._own_runtime = runtime
        self._definition = definition
        self._name = definition.name
        self._options = options

    @property
    def _runtime(self) -> Runtime:
        # Looked up at each call: a test may have put another one there.
        return default_runtime if self._own_runtime is None else self._own_runtime


class Tool(_Managed):
    """Each call is a managed tool call."""

    def call(self, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        given = ToolArguments(self._definition, args, named)
        return self._runtime.tool_execute_sync(
            self._name, given.request, given.run, **self._options
        )

    async def wait(self, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        given = ToolArguments(self._definition, args, named)
        return await self._runtime.tool_execute(
            self._name, given.request, given.run, **self._options
        )

    def _span(self, given: ToolArguments) -> ToolSpan:
        def begin(target: Callable[[Any], Any]) -> Coroutine[Any, Any, Any]:
            return self._runtime.tool_execute(self._name, given.request, target, **self._options)

        return ToolSpan(self._name, begin)

    def steps(self, args: tuple[Any, ...], named: dict[str, Any]) -> Steps:
        given = ToolArguments(self._definition, args, named)
        return SpannedSteps(self._span(given), given.run)

    def async_steps(self, args: tuple[Any, ...], named: dict[str, Any]) -> AsyncSteps:
        given = ToolArguments(self._definition, args, named)
        return SpannedAsyncSteps(self._span(given), given.run)


class Agent(_Managed):
    """Each call has a scope around it."""

    def _scope(self, members: dict[str, Any]) -> Any:
        return self._runtime.scope(self._name, ScopeType.Agent, input=members, **self._options)

    def call(self, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        with self._scope(self._definition.bind(args, named)) as handle:
            handle.output = self._definition.function(*args, **named)
            return handle.output

    async def wait(self, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        with self._scope(self._definition.bind(args, named)) as handle:
            handle.output = await self._definition.function(*args, **named)
            return handle.output

    def _spanned(self, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
        span = AgentSpan(self._scope(self._definition.bind(args, named)))
        return span, lambda _: self._definition.function(*args, **named)

    def steps(self, args: tuple[Any, ...], named: dict[str, Any]) -> Steps:
        return SpannedSteps(*self._spanned(args, named))

    def async_steps(self, args: tuple[Any, ...], named: dict[str, Any]) -> AsyncSteps:
        return SpannedAsyncSteps(*self._spanned(args, named))


class Llm(_Managed):
    """Each call is a managed call of a language model; a generator is a managed stream."""

    def _given(
        self, args: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[LlmArguments, dict[str, Any]]:
        given = LlmArguments(self._definition, args, named)
        options = dict(self._options)
        if options["model_name"] is None:
            options["model_name"] = given.model
        return given, options

    def call(self, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        given, options = self._given(args, named)
        del options["chunk_marks"]
        return self._runtime.llm_execute_sync(self._name, given.request, given.run, **options)

    async def wait(self, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        given, options = self._given(args, named)
        del options["chunk_marks"]
        return await self._runtime.llm_execute(self._name, given.request, given.run, **options)

    def steps(self, args: tuple[Any, ...], named: dict[str, Any]) -> Steps:
        given, options = self._given(args, named)
        execute = self._runtime.llm_stream_execute_sync
        return StreamSteps(
            lambda producer: execute(self._name, given.request, producer, **options), given.run
        )

    def async_steps(self, args: tuple[Any, ...], named: dict[str, Any]) -> AsyncSteps:
        given, options = self._given(args, named)
        execute = self._runtime.llm_stream_execute
        return AsyncStreamSteps(
            lambda producer: execute(self._name, given.request, producer, **options), given.run
        )


_MANAGEMENTS: dict[str, type[Management]] = {"tool": Tool, "agent": Agent, "llm": Llm}


def wrap(
    kind: str,
    function: Callable[..., Any],
    name: str | None,
    runtime: Runtime | None,
    options: dict[str, Any],
) -> Callable[..., Any]:
    """The function under management."""
    _check(kind, function, name)
    definition = Definition(function, _name_of(function) if name is None else name)
    managed = _MANAGEMENTS[kind](runtime, definition, options)
    is_generator, is_async = _way_of_calling(function)
    if is_generator:
        wrapper = _generator_wrapper(function, managed, definition.name, is_async)
        _generator_wrappers[wrapper] = is_async
        return wrapper
    return _wrapper(function, managed, is_async)


def _check(kind: str, function: object, name: object) -> None:
    if isinstance(function, (classmethod, staticmethod)):
        place = type(function).__name__
        raise TypeError(f"@scopeflow.{kind} goes below @{place}, next to the function")
    if not callable(function):
        raise TypeError(
            f"@scopeflow.{kind} decorates a function, not {type(function).__name__}; "
            f"options are given by keyword"
        )
    if name is not None and not isinstance(name, str):
        raise TypeError(f"name must be str, not {type(name).__name__}")


def _name_of(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else type(function).__name__


def _way_of_calling(function: Any) -> tuple[bool, bool]:
    """Whether it gives a generator, and whether it is async."""
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function) and not inspect.isclass(function):
        function = function.__call__
    inner = getattr(function, "__func__", function)
    if inner in _generator_wrappers:
        return True, _generator_wrappers[inner]
    if inspect.isasyncgenfunction(function):
        return True, True
    return inspect.isgeneratorfunction(function), inspect.iscoroutinefunction(function)


def _wrapper(
    function: Callable[..., Any], managed: Management, is_async: bool
) -> Callable[..., Any]:
    if is_async:

        @functools.wraps(function)
        async def wait(*args: Any, **named: Any) -> Any:
            return await managed.wait(args, named)

        return wait

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        return managed.call(args, named)

    return call


def _generator_wrapper(
    function: Callable[..., Any], managed: Management, name: str, is_async: bool
) -> Callable[..., Any]:
    if is_async:

        @functools.wraps(function)
        def generate_async(*args: Any, **named: Any) -> ManagedAsyncGenerator:
            return ManagedAsyncGenerator(managed.async_steps(args, named), name)

        return generate_async

    @functools.wraps(function)
    def generate(*args: Any, **named: Any) -> ManagedGenerator:
        return ManagedGenerator(managed.steps(args, named), name)

    return generate
