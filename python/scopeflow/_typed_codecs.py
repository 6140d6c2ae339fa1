"""The codecs of `typed`: objects of the application's own types as JSON, and back.

Nothing that comes in is unpickled, and no module is imported for it (S7.4).
"""

from __future__ import annotations

import sys
import weakref
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Codec(Generic[T]):
    """What turns objects of one type into JSON and back. Subclasses write both methods.

    >>> class UpperCase(typed.Codec):
    ...     def to_json(self, value):
    ...         return value.upper()
    ...     def from_json(self, data):
    ...         return data.lower()
    >>> typed.tool_execute_sync("shout", "hi", str.title, UpperCase(), UpperCase())
    'Hi'
    """

    def to_json(self, value: T) -> Any:
        """The JSON form of an object.

        >>> typed.JsonPassthrough().to_json({"query": "x"})
        {'query': 'x'}
        """
        raise NotImplementedError(f"{type(self).__name__} has no method to_json")

    def from_json(self, data: Any) -> T:
        """The object of a JSON form.

        >>> typed.JsonPassthrough().from_json({"query": "x"})
        {'query': 'x'}
        """
        raise NotImplementedError(f"{type(self).__name__} has no method from_json")

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class JsonPassthrough(Codec[Any]):
    """For what is JSON already: both ways the very object that was given.

    >>> typed.JsonPassthrough().to_json({"query": "x"})
    {'query': 'x'}
    """

    def to_json(self, value: Any) -> Any:
        return value

    def from_json(self, data: Any) -> Any:
        return data


class PydanticCodec(Codec[T]):
    """For a pydantic model: `model_dump(mode="json")` and `model_validate`.

    model_cls: The class of the model.

    >>> import pydantic
    >>> class Query(pydantic.BaseModel):
    ...     text: str
    >>> codec = typed.PydanticCodec(Query)
    >>> codec.to_json(Query(text="x"))
    {'text': 'x'}
    >>> codec.from_json({"text": "x"})
    Query(text='x')
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

    def __repr__(self) -> str:
        return f"PydanticCodec({self._model_cls.__name__})"


class DataclassCodec(Codec[T]):
    """For a dataclass, with dataclasses in its fields, lists, tuples and dicts.

    dc_cls: The dataclass. Fields that are annotated with a dataclass, or with `list`, `dict` or
        `Optional` of one, are made of their JSON form again.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Query:
    ...     text: str
    >>> codec = typed.DataclassCodec(Query)
    >>> codec.to_json(Query("x"))
    {'text': 'x'}
    >>> codec.from_json({"text": "x"})
    Query(text='x')
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

    def __repr__(self) -> str:
        return f"DataclassCodec({self._dc_cls.__name__})"


class BestEffortAnyCodec(Codec[object]):
    """For whatever comes: JSON as it is; dataclasses, pydantic models and all else in an object
    that names the type.

    Only dataclasses and pydantic models are made again, and only of types that this program has
    loaded: nothing that a payload names is ever imported, called or unpickled. Whatever cannot be
    made again comes out as the JSON that it is.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Query:
    ...     text: str
    >>> codec = typed.BestEffortAnyCodec()
    >>> data = codec.to_json(Query("x"))
    >>> codec.from_json(data)
    Query(text='x')
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
