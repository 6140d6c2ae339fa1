"""Managed calls of functions that take and return objects of the application's own types.

A codec turns such an object into JSON, which is what middleware and events see, and JSON into such
an object. Where nobody changed the JSON on the way the function gets the very object that the
caller gave, and the caller the very object that the function returned (S4.4).

What a codec raises comes out unchanged, with a note that says whose it is.

>>> from dataclasses import dataclass
>>> @dataclass
... class Query:
...     text: str
>>> codec = typed.DataclassCodec(Query)
>>> with testing.capture() as events:
...     typed.tool_execute_sync("search", Query("x"), lambda query: query, codec, codec)
Query(text='x')
>>> events.find("search", phase="start").data
{'text': 'x'}
"""

from __future__ import annotations

from typing import Any, TypeVar

from . import _typed_codecs, llm, tools
from ._native import TypedResult, TypedTarget, TypedTool
from ._typed_codecs import (
    BestEffortAnyCodec,
    Codec,
    DataclassCodec,
    JsonPassthrough,
    PydanticCodec,
)
from .codecs import LlmCodec, LlmResponseCodec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from datetime import datetime

    from ._native import (
        LLMAttributes,
        LLMRequest,
        LlmStream,
        ScopeHandle,
        SyncLlmStream,
        ToolAttributes,
    )

TArgs = TypeVar("TArgs")
TResult = TypeVar("TResult")
TResponse = TypeVar("TResponse")
TResponseChunk = TypeVar("TResponseChunk")

# By these names users of NeMo Flow know them.
_register_runtime_type = _typed_codecs._register_runtime_type
_resolve_importable_type = _typed_codecs._resolve_importable_type
_resolve_runtime_type = _typed_codecs._resolve_runtime_type
_serialize_value = _typed_codecs._serialize_value


# --- Tools ---


async def tool_execute(
    name: str,
    args: TArgs,
    func: Callable[[TArgs], TResult] | Callable[[TArgs], Awaitable[TResult]],
    args_codec: Codec[TArgs],
    result_codec: Codec[TResult],
    *,
    handle: ScopeHandle | None = None,
    attributes: ToolAttributes | int | None = None,
    data: object = None,
    metadata: object = None,
    tool_call_id: str | None = None,
    timestamp: datetime | int | None = None,
) -> TResult:
    """Runs a tool under management, as `tools.execute`, whose arguments and errors it has.

    args: What `func` takes; middleware and events see its JSON form.
    func: The tool, sync or async.
    args_codec: The Codec of `args`.
    result_codec: The Codec of what `func` returns.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Query:
    ...     text: str
    >>> codec = typed.DataclassCodec(Query)
    >>> async def search(query):
    ...     return Query(query.text.upper())
    >>> await typed.tool_execute("search", Query("x"), search, codec, codec)
    Query(text='X')
    """
    call = TypedTool(func, args, args_codec, result_codec, name)
    given = await tools.execute(
        name,
        call.json,
        call,
        handle=handle,
        attributes=attributes,
        data=data,
        metadata=metadata,
        tool_call_id=tool_call_id,
        timestamp=timestamp,
    )
    result: TResult = call.decoded(given)
    return result


def tool_execute_sync(
    name: str,
    args: TArgs,
    func: Callable[[TArgs], TResult],
    args_codec: Codec[TArgs],
    result_codec: Codec[TResult],
    *,
    handle: ScopeHandle | None = None,
    attributes: ToolAttributes | int | None = None,
    data: object = None,
    metadata: object = None,
    tool_call_id: str | None = None,
    timestamp: datetime | int | None = None,
) -> TResult:
    """As `tool_execute`, at once, as `tools.execute_sync`.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Query:
    ...     text: str
    >>> codec = typed.DataclassCodec(Query)
    >>> with testing.capture() as events:
    ...     typed.tool_execute_sync("search", Query("x"), lambda query: query, codec, codec)
    Query(text='x')
    >>> events.find("search", phase="start").data
    {'text': 'x'}
    """
    call = TypedTool(func, args, args_codec, result_codec, name)
    given = tools.execute_sync(
        name,
        call.json,
        call,
        handle=handle,
        attributes=attributes,
        data=data,
        metadata=metadata,
        tool_call_id=tool_call_id,
        timestamp=timestamp,
    )
    result: TResult = call.decoded(given)
    return result


# --- Language models ---


async def llm_execute(
    name: str,
    request: LLMRequest,
    func: Callable[[LLMRequest], TResponse] | Callable[[LLMRequest], Awaitable[TResponse]],
    response_json_codec: Codec[TResponse],
    *,
    handle: ScopeHandle | None = None,
    attributes: LLMAttributes | int | None = None,
    data: object = None,
    metadata: object = None,
    model_name: str | None = None,
    codec: LlmCodec | str | None = None,
    response_codec: LlmResponseCodec | str | None = None,
    timestamp: datetime | int | None = None,
) -> TResponse:
    """Runs a call of a language model under management, as `llm.execute`, whose arguments and
    errors it has.

    func: The model, sync or async: `func(request)`.
    response_json_codec: The Codec of what `func` returns.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Answer:
    ...     text: str
    >>> codec = typed.DataclassCodec(Answer)
    >>> request = LLMRequest({}, {"messages": []})
    >>> async def complete(request):
    ...     return Answer("hello")
    >>> await typed.llm_execute("openai", request, complete, codec)
    Answer(text='hello')
    """
    call = TypedTarget(func, response_json_codec, "the response", name)
    given = await llm.execute(
        name,
        request,
        call,
        handle=handle,
        attributes=attributes,
        data=data,
        metadata=metadata,
        model_name=model_name,
        codec=codec,
        response_codec=response_codec,
        timestamp=timestamp,
    )
    response: TResponse = call.decoded(given)
    return response


def llm_execute_sync(
    name: str,
    request: LLMRequest,
    func: Callable[[LLMRequest], TResponse],
    response_json_codec: Codec[TResponse],
    *,
    handle: ScopeHandle | None = None,
    attributes: LLMAttributes | int | None = None,
    data: object = None,
    metadata: object = None,
    model_name: str | None = None,
    codec: LlmCodec | str | None = None,
    response_codec: LlmResponseCodec | str | None = None,
    timestamp: datetime | int | None = None,
) -> TResponse:
    """As `llm_execute`, at once, as `llm.execute_sync`.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Answer:
    ...     text: str
    >>> codec = typed.DataclassCodec(Answer)
    >>> request = LLMRequest({}, {"messages": []})
    >>> with testing.capture() as events:
    ...     typed.llm_execute_sync("openai", request, lambda request: Answer("hello"), codec)
    Answer(text='hello')
    >>> events.find("openai", phase="end").data
    {'text': 'hello'}
    """
    call = TypedTarget(func, response_json_codec, "the response", name)
    given = llm.execute_sync(
        name,
        request,
        call,
        handle=handle,
        attributes=attributes,
        data=data,
        metadata=metadata,
        model_name=model_name,
        codec=codec,
        response_codec=response_codec,
        timestamp=timestamp,
    )
    response: TResponse = call.decoded(given)
    return response


# --- Streams ---


async def llm_stream_execute(
    name: str,
    request: LLMRequest,
    func: Callable[[LLMRequest], AsyncIterator[TResponseChunk]],
    collector: Callable[[TResponseChunk], object] | None,
    finalizer: Callable[[], TResponse] | None,
    chunk_json_codec: Codec[TResponseChunk],
    response_json_codec: Codec[TResponse],
    *,
    handle: ScopeHandle | None = None,
    attributes: LLMAttributes | int | None = None,
    data: object = None,
    metadata: object = None,
    model_name: str | None = None,
    codec: LlmCodec | str | None = None,
    response_codec: LlmResponseCodec | str | None = None,
    timestamp: datetime | int | None = None,
) -> LlmStream[Any]:
    """Runs a call that answers in chunks, as `llm.stream_execute`, whose arguments and errors it
    has. The stream gives the JSON forms of the chunks.

    func: The producer: `func(request)` gives an async iterator, or is awaited for one.
    collector: `collector(chunk)` gets each chunk as an object.
    finalizer: Gives the response as an object.
    chunk_json_codec: The Codec of the chunks.
    response_json_codec: The Codec of what `finalizer` returns.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Answer:
    ...     text: str
    >>> codec = typed.DataclassCodec(Answer)
    >>> said = []
    >>> async def produce(request):
    ...     yield Answer("Hel")
    ...     yield Answer("lo")
    >>> stream = await typed.llm_stream_execute(
    ...     "openai", LLMRequest({}, {}), produce, said.append, lambda: said[-1], codec, codec
    ... )
    >>> [chunk async for chunk in stream]
    [{'text': 'Hel'}, {'text': 'lo'}]
    >>> said
    [Answer(text='Hel'), Answer(text='lo')]
    """
    chunks = TypedResult(chunk_json_codec, "the chunks", name)
    return await llm.stream_execute(
        name,
        request,
        _producer(func, chunks),
        _collector(collector, chunks),
        _finalizer(finalizer, response_json_codec, name),
        handle=handle,
        attributes=attributes,
        data=data,
        metadata=metadata,
        model_name=model_name,
        codec=codec,
        response_codec=response_codec,
        timestamp=timestamp,
    )


def llm_stream_execute_sync(
    name: str,
    request: LLMRequest,
    func: Callable[[LLMRequest], Iterator[TResponseChunk]],
    collector: Callable[[TResponseChunk], object] | None,
    finalizer: Callable[[], TResponse] | None,
    chunk_json_codec: Codec[TResponseChunk],
    response_json_codec: Codec[TResponse],
    *,
    handle: ScopeHandle | None = None,
    attributes: LLMAttributes | int | None = None,
    data: object = None,
    metadata: object = None,
    model_name: str | None = None,
    codec: LlmCodec | str | None = None,
    response_codec: LlmResponseCodec | str | None = None,
    timestamp: datetime | int | None = None,
) -> SyncLlmStream[Any]:
    """As `llm_stream_execute`, at once, as `llm.stream_execute_sync`; `func` gives an iterator.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Answer:
    ...     text: str
    >>> codec = typed.DataclassCodec(Answer)
    >>> said = []
    >>> def produce(request):
    ...     yield Answer("Hel")
    ...     yield Answer("lo")
    >>> stream = typed.llm_stream_execute_sync(
    ...     "openai", LLMRequest({}, {}), produce, said.append, lambda: said[-1], codec, codec
    ... )
    >>> list(stream)
    [{'text': 'Hel'}, {'text': 'lo'}]
    >>> said
    [Answer(text='Hel'), Answer(text='lo')]
    """
    chunks = TypedResult(chunk_json_codec, "the chunks", name)
    return llm.stream_execute_sync(
        name,
        request,
        _producer(func, chunks),
        _collector(collector, chunks),
        _finalizer(finalizer, response_json_codec, name),
        handle=handle,
        attributes=attributes,
        data=data,
        metadata=metadata,
        model_name=model_name,
        codec=codec,
        response_codec=response_codec,
        timestamp=timestamp,
    )


def _producer(
    func: Callable[[LLMRequest], Any], chunks: TypedResult
) -> Callable[[LLMRequest], Any]:
    async def opened(waiting: Awaitable[Any]) -> Any:
        return encoded(await waiting)

    def encoded(source: Any) -> Any:
        if hasattr(source, "__anext__"):
            return _encoded_async(source, chunks)
        return _encoded_sync(source, chunks) if hasattr(source, "__next__") else source

    def produce(request: LLMRequest) -> Any:
        source = func(request)
        return opened(source) if hasattr(source, "__await__") else encoded(source)

    return produce


async def _encoded_async(source: AsyncIterator[Any], chunks: TypedResult) -> AsyncIterator[Any]:
    try:
        async for chunk in source:
            yield chunks.encoded(chunk)
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()


def _encoded_sync(source: Iterator[Any], chunks: TypedResult) -> Iterator[Any]:
    try:
        for chunk in source:
            yield chunks.encoded(chunk)
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()


def _collector(
    collector: Callable[[Any], object] | None, chunks: TypedResult
) -> Callable[[Any], object] | None:
    if collector is None:
        return None
    taken = collector
    return lambda data: taken(chunks.decoded(data))


def _finalizer(
    finalizer: Callable[[], Any] | None, codec: Codec[Any], name: str
) -> Callable[[], Any] | None:
    if finalizer is None:
        return None
    given = finalizer
    response = TypedResult(codec, "the response", name)
    return lambda: response.encoded(given())


__all__ = [
    "BestEffortAnyCodec",
    "Codec",
    "DataclassCodec",
    "JsonPassthrough",
    "PydanticCodec",
    "llm_execute",
    "llm_execute_sync",
    "llm_stream_execute",
    "llm_stream_execute_sync",
    "tool_execute",
    "tool_execute_sync",
]
