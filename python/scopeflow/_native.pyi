"""Types of the compiled module. What the spec decides is in _generated.pyi."""

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, ClassVar, Literal, TypeVar, final, overload

from ._generated import *  # noqa: F403 - Everything in it belongs to this module.
from ._generated import (
    EndStatus,
    RuntimeFlags,
    RuntimeOperations,
    RuntimeStats,
    ScopeAttributes,
    ScopeType,
    ToolAttributes,
)

_Args = TypeVar("_Args")
_Result = TypeVar("_Result")

__version__: str
default_runtime: Runtime

class EnumerationType(type):
    def __iter__(cls) -> Iterator[Any]: ...
    def __len__(cls) -> int: ...

class Enumeration:
    @property
    def value(self) -> int: ...
    @property
    def name(self) -> str: ...
    def __int__(self) -> int: ...

class FlagSet(int):
    mask: ClassVar[int]
    def __new__(cls, value: int = 0) -> FlagSet: ...
    @property
    def value(self) -> int: ...

class ScopeflowError(RuntimeError):
    status: int
    code: str

class Refusal(ScopeflowError):
    reason: str
    def __init__(self, reason: str) -> None: ...

@final
class ScopeHandle:
    output: Any
    @property
    def uuid(self) -> str: ...
    @property
    def parent_uuid(self) -> str | None: ...
    @property
    def name(self) -> str: ...
    @property
    def scope_type(self) -> ScopeType: ...
    @property
    def subtype(self) -> str | None: ...
    @property
    def attributes(self) -> ScopeAttributes | ToolAttributes: ...
    @property
    def tool_call_id(self) -> str | None: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def started_at_ns(self) -> int: ...
    @property
    def is_open(self) -> bool: ...
    @property
    def data(self) -> Any: ...
    @property
    def metadata(self) -> Any: ...
    def close(
        self,
        *,
        output: object = None,
        metadata: object = None,
        error: BaseException | None = None,
        status: EndStatus | None = None,
        timestamp: datetime | int | None = None,
    ) -> None: ...
    def __enter__(self) -> ScopeHandle: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]: ...

@final
class ScopeManager:
    def __enter__(self) -> ScopeHandle: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]: ...

class Event:
    @property
    def kind(self) -> Literal["scope", "mark"]: ...
    @property
    def scope_category(self) -> Literal["start", "end"] | None: ...
    @property
    def atof_version(self) -> str: ...
    @property
    def uuid(self) -> str: ...
    @property
    def parent_uuid(self) -> str: ...
    @property
    def timestamp(self) -> str: ...
    @property
    def timestamp_ns(self) -> int: ...
    @property
    def time(self) -> datetime: ...
    @property
    def name(self) -> str: ...
    @property
    def category(self) -> str | None: ...
    @property
    def category_profile(self) -> dict[str, Any] | None: ...
    @property
    def data(self) -> Any: ...
    @property
    def data_schema(self) -> dict[str, Any] | None: ...
    @property
    def metadata(self) -> Any: ...
    def to_json(self) -> str: ...
    def to_dict(self) -> dict[str, Any]: ...

@final
class ScopeEvent(Event):
    @property
    def kind(self) -> Literal["scope"]: ...
    @property
    def scope_category(self) -> Literal["start", "end"]: ...
    @property
    def category(self) -> str: ...
    @property
    def attributes(self) -> list[str]: ...

@final
class MarkEvent(Event):
    @property
    def kind(self) -> Literal["mark"]: ...
    @property
    def scope_category(self) -> None: ...

@final
class Runtime(RuntimeOperations):
    def __init__(
        self,
        *,
        flags: RuntimeFlags | int | None = None,
        clock_start: int = 0,
        clock_step: int = 1000000,
        payload_budget: int = 1048576,
    ) -> None: ...
    def scope_push(
        self,
        name: str,
        scope_type: ScopeType,
        *,
        handle: ScopeHandle | None = None,
        attributes: ScopeAttributes | int | None = None,
        data: object = None,
        metadata: object = None,
        input: object = None,
        subtype: str | None = None,
        timestamp: datetime | int | None = None,
    ) -> ScopeHandle: ...
    def scope_pop(
        self,
        handle: ScopeHandle,
        *,
        output: object = None,
        metadata: object = None,
        error: BaseException | None = None,
        status: EndStatus | None = None,
        timestamp: datetime | int | None = None,
        flags: int | None = None,
    ) -> None: ...
    def scope_event(
        self,
        name: str,
        *,
        handle: ScopeHandle | None = None,
        data: object = None,
        metadata: object = None,
        timestamp: datetime | int | None = None,
    ) -> None: ...
    def scope(
        self,
        name: str,
        scope_type: ScopeType,
        *,
        handle: ScopeHandle | None = None,
        attributes: ScopeAttributes | int | None = None,
        data: object = None,
        metadata: object = None,
        input: object = None,
        subtype: str | None = None,
        timestamp: datetime | int | None = None,
        end_timestamp: datetime | int | None = None,
    ) -> ScopeManager: ...
    def get_handle(self) -> ScopeHandle: ...
    @overload
    def tool_execute(
        self,
        name: str,
        args: _Args,
        func: Callable[[_Args], Awaitable[_Result]],
        *,
        handle: ScopeHandle | None = None,
        attributes: ToolAttributes | int | None = None,
        data: object = None,
        metadata: object = None,
        tool_call_id: str | None = None,
        timestamp: datetime | int | None = None,
    ) -> Coroutine[Any, Any, _Result]: ...
    @overload
    def tool_execute(
        self,
        name: str,
        args: _Args,
        func: Callable[[_Args], _Result],
        *,
        handle: ScopeHandle | None = None,
        attributes: ToolAttributes | int | None = None,
        data: object = None,
        metadata: object = None,
        tool_call_id: str | None = None,
        timestamp: datetime | int | None = None,
    ) -> Coroutine[Any, Any, _Result]: ...
    def tool_execute_sync(
        self,
        name: str,
        args: _Args,
        func: Callable[[_Args], _Result],
        *,
        handle: ScopeHandle | None = None,
        attributes: ToolAttributes | int | None = None,
        data: object = None,
        metadata: object = None,
        tool_call_id: str | None = None,
        timestamp: datetime | int | None = None,
    ) -> _Result: ...
    def runtime_flush(self) -> None: ...
    def stats(self) -> RuntimeStats: ...
