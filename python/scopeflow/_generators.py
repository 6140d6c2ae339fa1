"""What decorated generator functions give: generators with a span around them (S1.11).

The body runs in its own copy of the context, taken when the function was called. It is entered for
each step and left before a value is handed over, so that nothing leaks either way and any task may
take the next step. The span opens at the first step, as the body does. Ending by exhaustion,
`close`, `throw` or an error ends it; one that is dropped is ended as abandoned (S1.12).
"""

from __future__ import annotations

import contextvars
import types

from ._native import InvalidState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from typing import Any, Protocol

    from ._native import ScopeHandle, ScopeManager, StreamOpening, SyncLlmStream

    class Span(Protocol):
        """What stands round a generator. Each function is awaited in no context of its own."""

        async def open(self, context: contextvars.Context) -> Any: ...
        async def finish(self, context: contextvars.Context, result: object) -> None: ...
        async def fail(self, context: contextvars.Context, error: BaseException) -> None: ...

    class Steps(Protocol):
        """A body that can be driven, and the span around it."""

        def begin(self) -> None: ...
        def step(self, method: str, argument: Any) -> Any: ...
        def stop(self) -> None: ...

    class AsyncSteps(Protocol):
        async def begin(self) -> None: ...
        async def step(self, method: str, argument: Any) -> Any: ...
        async def stop(self) -> None: ...


_NEW = "new"
_RUNNING = "running"
_BETWEEN = "between"
_ENDED = "ended"

_PAUSED = object()


# --- Driving ---


@types.coroutine
def _in_context(
    context: contextvars.Context,
    waiting: Any,
    argument: object = None,
    *,
    method: str = "send",
) -> Generator[Any, Any, Any]:
    """Awaits in a context: it is entered for each step, and not held while something is awaited.
    Gives `_PAUSED` where a managed call has been paused."""
    step = getattr(waiting, method)
    while True:
        try:
            waits_for = context.run(step, argument)
        except StopIteration as done:
            return done.value
        if waits_for is _PAUSED:
            return _PAUSED
        try:
            argument = yield waits_for
            step = waiting.send
        except BaseException as error:
            step, argument = waiting.throw, error


def _now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Runs what cannot wait: whoever wants to, gets an error there (S3.8)."""
    step: Callable[..., Any] = coroutine.send
    argument: object = None
    while True:
        try:
            step(argument)
        except StopIteration as done:
            return done.value
        step = coroutine.throw
        argument = InvalidState("a plain generator cannot wait: make it async")


# --- Spans ---


class AgentSpan:
    """A scope round a generator."""

    def __init__(self, manager: ScopeManager) -> None:
        self._manager = manager
        self._handle: ScopeHandle | None = None

    async def open(self, context: contextvars.Context) -> None:
        self._handle = context.run(self._manager.__enter__)

    async def finish(self, context: contextvars.Context, result: object) -> None:
        assert self._handle is not None
        self._handle.output = result
        context.run(self._manager.__exit__, None, None, None)

    async def fail(self, context: contextvars.Context, error: BaseException) -> None:
        context.run(self._manager.__exit__, type(error), error, error.__traceback__)


class _Pause:
    """A target that comes to rest, so that its call lasts for as long as a generator does. It must
    not know the span: a generator that is dropped goes at once."""

    def __init__(self) -> None:
        self.request: Any = None
        self.waiting: Any = None

    def __call__(self, request: object) -> Any:
        self.request = request
        self.waiting = _wait()
        return self.waiting


@types.coroutine
def _wait() -> Generator[Any, Any, Any]:
    return (yield _PAUSED)


class ToolSpan:
    """A managed tool call round a generator: the call is paused in its target."""

    def __init__(self, name: str, begin: Callable[[Callable[[Any], Any]], Any]) -> None:
        self._name = name
        self._begin = begin
        self._call: Any = None

    async def open(self, context: contextvars.Context) -> Any:
        """The request as the intercepts leave it."""
        pause = _Pause()
        self._call = self._begin(pause)
        paused = await _in_context(context, self._call)
        if paused is not _PAUSED:  # An execution intercept came to a result without the target.
            raise self._refused()
        if self._call.cr_await is not pause.waiting:
            await _in_context(context, self._call, self._refused(), method="throw")
        return pause.request

    async def finish(self, context: contextvars.Context, result: object) -> None:
        await _in_context(context, self._call, result)

    async def fail(self, context: contextvars.Context, error: BaseException) -> None:
        try:
            await _in_context(context, self._call, error, method="throw")
        except BaseException as raised:
            if raised is not error:
                raise

    def _refused(self) -> InvalidState:
        return InvalidState(
            f"invalid state: the tool '{self._name}' is a generator, which no execution intercept "
            f"can wrap"
        )


# --- Steps ---


class _Spanned:
    """A body and the span around it, both in a context of their own."""

    def __init__(self, span: Span, make_body: Callable[[Any], Any]) -> None:
        self._context = contextvars.copy_context()
        self._span = span
        self._make_body = make_body
        self._body: Any = None

    async def _open(self) -> None:
        given = await self._span.open(self._context)
        try:
            self._body = self._context.run(self._make_body, given)
        except BaseException as error:
            await self._fail(error)
            raise

    async def _finish(self, result: object) -> None:
        await self._span.finish(self._context, result)

    async def _fail(self, error: BaseException) -> None:
        await self._span.fail(self._context, error)


class SpannedSteps(_Spanned):
    """Of a generator function."""

    def begin(self) -> None:
        _now(self._open())

    def step(self, method: str, argument: Any) -> Any:
        try:
            return self._context.run(getattr(self._body, method), argument)
        except StopIteration as done:
            _now(self._finish(done.value))
            raise
        except BaseException as error:
            _now(self._fail(error))
            raise

    def stop(self) -> None:
        try:
            self._context.run(self._body.close)
        except BaseException as error:
            _now(self._fail(error))
            raise
        _now(self._fail(GeneratorExit()))


class SpannedAsyncSteps(_Spanned):
    """Of an async generator function."""

    async def begin(self) -> None:
        await self._open()

    async def step(self, method: str, argument: Any) -> Any:
        try:
            waiting = getattr(self._body, f"a{method}")(argument)
            return await _in_context(self._context, waiting.__await__())
        except StopAsyncIteration:
            await self._finish(None)
            raise
        except BaseException as error:
            await self._fail(error)
            raise

    async def stop(self) -> None:
        try:
            await _in_context(self._context, self._body.aclose().__await__())
        except BaseException as error:
            await self._fail(error)
            raise
        await self._fail(GeneratorExit())


class _Mail:
    """What a managed stream takes for its producer: it also passes on what is sent and thrown."""

    def __init__(self, make_body: Callable[[Any], Any]) -> None:
        self._make_body = make_body
        self.body: Any = None
        self.letter: tuple[str, Any] = ("send", None)
        self.result: object = None

    def produce(self, request: object) -> Any:
        self.body = self._make_body(request)
        return self

    def take(self) -> tuple[str, Any]:
        """What is to be passed on, once: an intercept may ask for several chunks at a step."""
        letter = self.letter
        self.letter = ("send", None)
        return letter


class _PlainMail(_Mail):
    def __iter__(self) -> _PlainMail:
        return self

    def __next__(self) -> Any:
        method, argument = self.take()
        try:
            return getattr(self.body, method)(argument)
        except StopIteration as done:
            self.result = done.value
            raise

    def close(self) -> None:
        self.body.close()


class _AsyncMail(_Mail):
    def __aiter__(self) -> _AsyncMail:
        return self

    def __anext__(self) -> Any:
        method, argument = self.take()
        return getattr(self.body, f"a{method}")(argument)

    def aclose(self) -> Any:
        return self.body.aclose()


class StreamSteps:
    """Of a generator function that is a managed stream."""

    def __init__(
        self,
        execute: Callable[[Callable[[Any], Any]], SyncLlmStream[Any]],
        make_body: Callable[[Any], Any],
    ) -> None:
        self._context = contextvars.copy_context()
        self._execute = execute
        self._mail = _PlainMail(make_body)
        self._stream: Any = None

    def begin(self) -> None:
        self._stream = self._context.run(self._execute, self._mail.produce)

    def step(self, method: str, argument: Any) -> Any:
        self._mail.letter = (method, argument)
        try:
            return next(self._stream)
        except StopIteration:
            raise StopIteration(self._mail.result) from None

    def stop(self) -> None:
        self._stream.close()


class AsyncStreamSteps:
    """Of an async generator function that is a managed stream."""

    def __init__(
        self,
        execute: Callable[[Callable[[Any], Any]], StreamOpening[Any]],
        make_body: Callable[[Any], Any],
    ) -> None:
        self._context = contextvars.copy_context()
        self._execute = execute
        self._mail = _AsyncMail(make_body)
        self._stream: Any = None

    async def begin(self) -> None:
        self._stream = await _in_context(self._context, self._execute(self._mail.produce))

    async def step(self, method: str, argument: Any) -> Any:
        self._mail.letter = (method, argument)
        return await self._stream.__anext__()

    async def stop(self) -> None:
        await self._stream.aclose()


# --- What the caller gets ---


class ManagedGenerator:
    """What a decorated generator function gives: it is driven as any generator."""

    __slots__ = ("__name__", "__weakref__", "_state", "_steps")

    def __init__(self, steps: Steps, name: str) -> None:
        self._steps: Any = steps
        self._state = _NEW
        self.__name__ = name

    def __iter__(self) -> ManagedGenerator:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        """Goes on with a value for the `yield` that the body waits at."""
        if self._state is _ENDED:
            raise StopIteration
        if self._state is _NEW and value is not None:
            raise TypeError("can't send non-None value to a just-started generator")
        return self._step("send", value)

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        """Raises an exception at the `yield` that the body waits at."""
        error = _exception_of(kind, value, traceback)
        if self._state is _NEW or self._state is _ENDED:
            self._end()
            raise error
        return self._step("throw", error)

    def close(self) -> None:
        """Ends the body where it waits, and its span as cancelled."""
        if self._state is _NEW or self._state is _ENDED:
            self._end()
            return
        steps = self._begin_step()
        try:
            steps.stop()
        finally:
            self._end()

    def _step(self, method: str, argument: Any) -> Any:
        is_new = self._state is _NEW
        steps = self._begin_step()
        try:
            if is_new:
                steps.begin()
            value = steps.step(method, argument)
        except BaseException:
            self._end()
            raise
        self._state = _BETWEEN
        return value

    def _begin_step(self) -> Any:
        if self._state is _RUNNING:
            raise ValueError("generator already executing")
        self._state = _RUNNING
        return self._steps

    def _end(self) -> None:
        self._state = _ENDED
        self._steps = None

    def __repr__(self) -> str:
        return f"<managed generator {self.__name__!r}>"


class ManagedAsyncGenerator:
    """What a decorated async generator function gives: it is driven as any async generator, also
    by several tasks in turn."""

    __slots__ = ("__name__", "__weakref__", "_state", "_steps")

    def __init__(self, steps: AsyncSteps, name: str) -> None:
        self._steps: Any = steps
        self._state = _NEW
        self.__name__ = name

    def __aiter__(self) -> ManagedAsyncGenerator:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Any]:
        return self._step("anext", "send", None)

    def asend(self, value: Any) -> Coroutine[Any, Any, Any]:
        """Goes on with a value for the `yield` that the body waits at; to be awaited."""
        return self._step("asend", "send", value)

    async def athrow(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        """Raises an exception at the `yield` that the body waits at; to be awaited."""
        error = _exception_of(kind, value, traceback)
        if self._state is _NEW:
            self._end()
            raise error
        return await self._step("athrow", "throw", error)

    async def aclose(self) -> None:
        """Ends the body where it waits, and its span as cancelled; to be awaited."""
        if self._state is _NEW or self._state is _ENDED:
            self._end()
            return
        steps = self._begin_step("aclose")
        try:
            await steps.stop()
        finally:
            self._end()

    async def _step(self, asked: str, method: str, argument: Any) -> Any:
        if self._state is _ENDED:
            raise StopAsyncIteration
        is_new = self._state is _NEW
        if is_new and argument is not None:
            raise TypeError("can't send non-None value to a just-started async generator")
        steps = self._begin_step(asked)
        try:
            if is_new:
                await steps.begin()
            value = await steps.step(method, argument)
        except BaseException:
            self._end()
            raise
        self._state = _BETWEEN
        return value

    def _begin_step(self, asked: str) -> Any:
        if self._state is _RUNNING:
            raise RuntimeError(f"{asked}(): asynchronous generator is already running")
        self._state = _RUNNING
        return self._steps

    def _end(self) -> None:
        self._state = _ENDED
        self._steps = None

    def __repr__(self) -> str:
        return f"<managed async generator {self.__name__!r}>"


def _exception_of(kind: Any, value: Any, traceback: Any) -> BaseException:
    """What the three arguments of `throw` say."""
    error = kind
    if isinstance(kind, type) and issubclass(kind, BaseException):
        error = value if isinstance(value, kind) else kind() if value is None else kind(value)
    if not isinstance(error, BaseException):
        raise TypeError(
            f"exceptions must be classes or instances deriving from BaseException, "
            f"not {type(kind).__name__}"
        )
    return error if traceback is None else error.with_traceback(traceback)
