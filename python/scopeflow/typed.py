"""Managed calls of functions that take and return objects of the application's own types.

    class Args(pydantic.BaseModel): ...

    result = await typed.tool_execute(
        "search", Args(query="x"), search, PydanticCodec(Args), PydanticCodec(Hits)
    )

A codec turns such an object into JSON, which is what middleware and events see, and JSON into such
an object. Where nobody changed the JSON on the way the function gets the very object that the
caller gave, and the caller the very object that the function returned (S4.4).

What a codec raises comes out unchanged, with a note that says whose it is.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any, Generic, TypeVar

from . import llm, tools
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

T = TypeVar("T")
TArgs = TypeVar("TArgs")
TResult = TypeVar("TResult")
TResponse = TypeVar("TResponse")
TResponseChunk = TypeVar("TResponseChunk")


# --- Codecs ---


class Codec(Generic[T]):
    """What turns objects of one type into JSON and back. Subclasses write both methods."""

    def to_json(self, value: T) -> Any:
        """The JSON form of an object."""
        raise NotImplementedError(f"{type(self).__name__} has no method to_json")

    def from_json(self, data: Any) -> T:
        """The object of a JSON form."""
        raise NotImplementedError(f"{type(self).__name__} has no method from_json")


class JsonPassthrough(Codec[Any]):
    """For what is JSON already: both ways the very object that was given."""

    def to_json(self, value: Any) -> Any:
        return value

    def from_json(self, data: Any) -> Any:
        return data


class PydanticCodec(Codec[T]):
    """For a pydantic model: `model_dump(mode="json")` and `model_validate`.

    model_cls: The class of the model.
    """

    def __init__(self, model_cls: type[T]) -> None:
        if not hasattr(model_cls, "model_validate"):
            raise TypeError(f"model_cls must be a pydantic model, not {model_cls!r}")
        self._model_cls: Any = model_cls

    def to_json(self, value: T) -> Any:
        return value.model_dump(mode="json")  # type: ignore[attr-defined]

    def from_json(self, data: Any) -> T:
        made: T = self._model_cls.model_validate(data)
        return made


class DataclassCodec(Codec[T]):
    """For a dataclass, with dataclasses in its fields, lists, tuples and dicts.

    dc_cls: The dataclass. Fields that are annotated with a dataclass, or with `list`, `dict` or
        `Optional` of one, are made of their JSON form again.
    """

    def __init__(self, dc_cls: type[T]) -> None:
        if not _is_dataclass(dc_cls):
            raise TypeError(f"dc_cls must be a dataclass, not {dc_cls!r}")
        self._dc_cls = dc_cls

    def to_json(self, value: T) -> Any:
        return _serialize_value(value)

    def from_json(self, data: Any) -> T:
        made: T = _make_dataclass(self._dc_cls, data)
        return made


class BestEffortAnyCodec(Codec[object]):
    """For whatever comes: JSON as it is; dataclasses, pydantic models and all else in an object
    that names the type.

    Only dataclasses and pydantic models are made again, and only of types that this program has
    loaded: nothing that a payload names is ever imported, called or unpickled. Whatever cannot be
    made again comes out as the JSON that it is.
    """

    def to_json(self, value: object) -> Any:
        if value is None or isinstance(value, (str, int, float, bool)):
            return value
        if isinstance(value, (list, tuple)):
            return [self.to_json(element) for element in value]
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return {key: self.to_json(element) for key, element in value.items()}
        if _is_dataclass(type(value)):
            return {"__nv_dataclass__": _type_name(type(value)), "data": _serialize_value(value)}
        if _is_pydantic_model(type(value)):
            dumped = value.model_dump(mode="json")  # type: ignore[attr-defined]
            return {"__nv_pydantic__": _type_name(type(value)), "data": dumped}
        return _pickled(value)

    def from_json(self, data: Any) -> object:
        if isinstance(data, list):
            return [self.from_json(element) for element in data]
        if not isinstance(data, dict):
            return data
        if "data" in data:
            for tag, make in (
                ("__nv_dataclass__", _remake_dataclass),
                ("__nv_pydantic__", _remake_model),
            ):
                if tag in data:
                    return make(data[tag], data)
            if "__nv_fallback_str__" in data:
                return data["data"]
        return {key: self.from_json(element) for key, element in data.items()}


def _pickled(value: object) -> Any:
    """The peers read this form; here nothing is ever unpickled."""
    import base64
    import pickle

    path = f"{type(value).__module__}.{type(value).__qualname__}"
    try:
        text = base64.b64encode(pickle.dumps(value)).decode("ascii")
    except Exception:
        return {"__nv_fallback_str__": path, "data": str(value)}
    return {"__nv_pickle__": path, "data": text}


def _remake_dataclass(name: Any, data: dict[str, Any]) -> object:
    of_class = _resolve_type(name)
    if of_class is None or not _is_dataclass(of_class):
        return data
    try:
        return _make_dataclass(of_class, data["data"])
    except Exception:
        return data


def _remake_model(name: Any, data: dict[str, Any]) -> object:
    of_class: Any = _resolve_type(name)
    if of_class is None or not _is_pydantic_model(of_class):
        return data
    try:
        return of_class.model_validate(data["data"])
    except Exception:
        return data


# --- Types by name ---

# Types that no path leads to, such as those in functions. Held weakly: a payload keeps none alive.
_runtime_types: weakref.WeakValueDictionary[str, type] = weakref.WeakValueDictionary()


def _type_name(of_class: type) -> str:
    path = f"{of_class.__module__}.{of_class.__qualname__}"
    return path if _resolve_importable_type(path) is of_class else _register_runtime_type(of_class)


def _register_runtime_type(of_class: type) -> str:
    """A token by which `_resolve_runtime_type` finds the type while it lives in this process."""
    for token, known in _runtime_types.items():
        if known is of_class:
            return token
    from os import urandom

    token = f"runtime:{urandom(8).hex()}:{of_class.__qualname__}"
    _runtime_types[token] = of_class
    return token


def _resolve_runtime_type(token: object) -> type | None:
    return _runtime_types.get(token) if isinstance(token, str) else None


def _resolve_importable_type(path: object) -> type | None:
    """The dataclass or pydantic model at a path such as `package.module.Class`, if the module is
    loaded. Nothing is imported and no code of a module runs: names are looked up as they stand."""
    if not isinstance(path, str) or "<locals>" in path:
        return None
    parts = path.split(".")
    for count in range(len(parts) - 1, 0, -1):
        found: Any = sys.modules.get(".".join(parts[:count]))
        if found is None:
            continue
        for name in parts[count:]:
            found = getattr(found, "__dict__", {}).get(name)
        is_known = isinstance(found, type) and (_is_dataclass(found) or _is_pydantic_model(found))
        return found if is_known else None
    return None


def _resolve_type(name: object) -> type | None:
    return _resolve_runtime_type(name) or _resolve_importable_type(name)


def _is_dataclass(of_class: object) -> bool:
    return isinstance(of_class, type) and hasattr(of_class, "__dataclass_fields__")


def _is_pydantic_model(of_class: object) -> bool:
    pydantic = sys.modules.get("pydantic")  # Without it nobody has such a class.
    model = getattr(pydantic, "BaseModel", None)
    return model is not None and isinstance(of_class, type) and issubclass(of_class, model)


# --- Dataclasses ---


def _serialize_value(value: Any) -> Any:
    """Dataclasses and pydantic models as objects, in lists and dicts too; all else as it is."""
    if isinstance(value, (list, tuple)):
        return [_serialize_value(element) for element in value]
    if isinstance(value, dict):
        return {key: _serialize_value(element) for key, element in value.items()}
    if _is_dataclass(type(value)):
        names = type(value).__dataclass_fields__
        return {name: _serialize_value(getattr(value, name)) for name in names}
    if _is_pydantic_model(type(value)):
        return value.model_dump(mode="json")
    return value


def _make_dataclass(of_class: type, data: Any) -> Any:
    if not isinstance(data, dict):
        raise TypeError(f"{of_class.__qualname__} is made of an object, not {type(data).__name__}")
    from typing import get_type_hints

    try:
        hints = get_type_hints(of_class)
    except Exception:  # A name that only a type checker sees.
        hints = {}
    return of_class(**{name: _made(hints.get(name), element) for name, element in data.items()})


def _made(hint: Any, value: Any) -> Any:
    """A value of an annotated field, of its JSON form."""
    from typing import get_args, get_origin

    if value is None or hint is None:
        return value
    if _is_dataclass(hint) and isinstance(value, dict):
        return _make_dataclass(hint, value)
    if _is_pydantic_model(hint) and isinstance(value, dict):
        return hint.model_validate(value)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (list, tuple, set, frozenset) and isinstance(value, list):
        if origin is tuple and arguments[1:] != (...,):
            return tuple(map(_made, arguments, value))
        return origin(_made(arguments[0], element) for element in value)
    if origin is dict and isinstance(value, dict):
        return {key: _made(arguments[1], element) for key, element in value.items()}
    chosen = [argument for argument in arguments if argument is not type(None)]
    if len(chosen) == 1 and len(arguments) == 2:  # Optional
        return _made(chosen[0], value)
    return value


# --- What stays the same object ---


class _Pair:
    """An object and its JSON form, while it may have to be told whether somebody changed that."""

    __slots__ = ("_as_it_was", "_codec", "json", "value")

    def __init__(self, codec: Codec[Any], value: Any, what: str) -> None:
        self._codec = codec
        self.value = value
        self.json = _encode(codec, value, what)
        self._as_it_was = _flat_copy(self.json)

    def is_still(self, data: Any) -> bool:
        """Whether it is the JSON form, and as it was. A flat one is compared with a copy, any other
        with what the codec makes of the object now."""
        if data is not self.json:
            return False
        if self._as_it_was is not None:
            return bool(data == self._as_it_was)
        return data is self.value or bool(data == self._codec.to_json(self.value))


_FLAT = (str, int, float, bool, type(None))


def _flat_copy(data: Any) -> Any:
    if type(data) is not dict:
        return None
    for element in data.values():
        if type(element) not in _FLAT:
            return None
    return data.copy()


def _encode(codec: Codec[Any], value: Any, what: str) -> Any:
    try:
        return codec.to_json(value)
    except BaseException as error:
        _note(error, f"to_json of the codec of {what} failed")
        raise


def _decode(codec: Codec[Any], data: Any, what: str) -> Any:
    try:
        return codec.from_json(data)
    except BaseException as error:
        _note(error, f"from_json of the codec of {what} failed")
        raise


def _note(error: BaseException, note: str) -> None:
    """PEP 678, also on Python 3.10."""
    error.__dict__.setdefault("__notes__", []).append(note)


class _Returned:
    """What a function returned last, for the caller."""

    __slots__ = ("_codec", "_last", "_what")

    def __init__(self, codec: Codec[Any], what: str) -> None:
        self._codec = codec
        self._what = what
        self._last: _Pair | None = None

    def encoded(self, value: Any) -> Any:
        self._last = _Pair(self._codec, value, self._what)
        return self._last.json

    def decoded(self, data: Any) -> Any:
        if self._last is not None and self._last.is_still(data):
            return self._last.value
        return _decode(self._codec, data, self._what)


def _wrapped(
    func: Callable[[Any], Any], taken: Callable[[Any], Any], returned: _Returned
) -> Callable[[Any], Any]:
    """The function as one from JSON to JSON, declared async where it is (S3.8)."""

    async def encoded(waiting: Awaitable[Any]) -> Any:
        return returned.encoded(await waiting)

    async def call_async(data: Any) -> Any:
        return returned.encoded(await func(taken(data)))

    def call(data: Any) -> Any:
        result = func(taken(data))
        if hasattr(result, "__await__"):
            return encoded(result)
        return returned.encoded(result)

    code = getattr(getattr(func, "__func__", func), "__code__", None)
    return call_async if getattr(code, "co_flags", 0) & _COROUTINE_CODE else call


_COROUTINE_CODE = 0x80  # inspect.CO_COROUTINE


def _as_it_is(data: Any) -> Any:
    return data


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
    """
    pair, returned, call = _prepared(name, args, func, args_codec, result_codec)
    given = await tools.execute(
        name,
        pair.json,
        call,
        handle=handle,
        attributes=attributes,
        data=data,
        metadata=metadata,
        tool_call_id=tool_call_id,
        timestamp=timestamp,
    )
    result: TResult = returned.decoded(given)
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
    """As `tool_execute`, at once, as `tools.execute_sync`."""
    pair, returned, call = _prepared(name, args, func, args_codec, result_codec)
    given = tools.execute_sync(
        name,
        pair.json,
        call,
        handle=handle,
        attributes=attributes,
        data=data,
        metadata=metadata,
        tool_call_id=tool_call_id,
        timestamp=timestamp,
    )
    result: TResult = returned.decoded(given)
    return result


def _prepared(
    name: str,
    args: Any,
    func: Callable[[Any], Any],
    args_codec: Codec[Any],
    result_codec: Codec[Any],
) -> tuple[_Pair, _Returned, Callable[[Any], Any]]:
    what = f"the arguments of '{name}'"
    pair = _Pair(args_codec, args, what)
    returned = _Returned(result_codec, f"the result of '{name}'")

    def taken(data: Any) -> Any:
        return args if pair.is_still(data) else _decode(args_codec, data, what)

    return pair, returned, _wrapped(func, taken, returned)


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
    codec: LlmCodec | None = None,
    response_codec: LlmResponseCodec | None = None,
    timestamp: datetime | int | None = None,
) -> TResponse:
    """Runs a call of a language model under management, as `llm.execute`, whose arguments and
    errors it has.

    func: The model, sync or async: `func(request)`.
    response_json_codec: The Codec of what `func` returns.
    """
    returned = _Returned(response_json_codec, f"the response of '{name}'")
    given = await llm.execute(
        name,
        request,
        _wrapped(func, _as_it_is, returned),
        handle=handle,
        attributes=attributes,
        data=data,
        metadata=metadata,
        model_name=model_name,
        codec=codec,
        response_codec=response_codec,
        timestamp=timestamp,
    )
    response: TResponse = returned.decoded(given)
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
    codec: LlmCodec | None = None,
    response_codec: LlmResponseCodec | None = None,
    timestamp: datetime | int | None = None,
) -> TResponse:
    """As `llm_execute`, at once, as `llm.execute_sync`."""
    returned = _Returned(response_json_codec, f"the response of '{name}'")
    given = llm.execute_sync(
        name,
        request,
        _wrapped(func, _as_it_is, returned),
        handle=handle,
        attributes=attributes,
        data=data,
        metadata=metadata,
        model_name=model_name,
        codec=codec,
        response_codec=response_codec,
        timestamp=timestamp,
    )
    response: TResponse = returned.decoded(given)
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
    codec: LlmCodec | None = None,
    response_codec: LlmResponseCodec | None = None,
    timestamp: datetime | int | None = None,
) -> LlmStream[Any]:
    """Runs a call that answers in chunks, as `llm.stream_execute`, whose arguments and errors it
    has. The stream gives the JSON forms of the chunks.

    func: The producer: `func(request)` gives an async iterator, or is awaited for one.
    collector: `collector(chunk)` gets each chunk as an object.
    finalizer: Gives the response as an object.
    chunk_json_codec: The Codec of the chunks.
    response_json_codec: The Codec of what `finalizer` returns.
    """
    chunks = _Returned(chunk_json_codec, f"the chunks of '{name}'")
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
    codec: LlmCodec | None = None,
    response_codec: LlmResponseCodec | None = None,
    timestamp: datetime | int | None = None,
) -> SyncLlmStream[Any]:
    """As `llm_stream_execute`, at once, as `llm.stream_execute_sync`; `func` gives an iterator."""
    chunks = _Returned(chunk_json_codec, f"the chunks of '{name}'")
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


def _producer(func: Callable[[LLMRequest], Any], chunks: _Returned) -> Callable[[LLMRequest], Any]:
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


async def _encoded_async(source: AsyncIterator[Any], chunks: _Returned) -> AsyncIterator[Any]:
    try:
        async for chunk in source:
            yield chunks.encoded(chunk)
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()


def _encoded_sync(source: Iterator[Any], chunks: _Returned) -> Iterator[Any]:
    try:
        for chunk in source:
            yield chunks.encoded(chunk)
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()


def _collector(
    collector: Callable[[Any], object] | None, chunks: _Returned
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
    return lambda: _encode(codec, given(), f"the response of '{name}'")


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
