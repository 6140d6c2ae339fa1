"""Types of the compiled module. What the spec decides is in _generated.pyi."""

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
)
from contextvars import ContextVar
from datetime import datetime
from types import CodeType, TracebackType
from typing import Any, ClassVar, Generic, Literal, TypeVar, final, overload

from typing_extensions import Self, disjoint_base

from ._generated import *  # noqa: F403 - Everything in it belongs to this module.

# With `as`, for Pyright hides what a stub imports without it.
# isort: off
from ._generated import (
    AtofItem as AtofItem,
    AtofItemKind as AtofItemKind,
    AtofReader as AtofReader,
    CodecId as CodecId,
    CodecOutput as CodecOutput,
    CodecStream as CodecStream,
    EndStatus as EndStatus,
    LLMAttributes as LLMAttributes,
    RuntimeFlags as RuntimeFlags,
    RuntimeOperations as RuntimeOperations,
    RuntimeStats as RuntimeStats,
    ScopeAttributes as ScopeAttributes,
    ScopeType as ScopeType,
    ToolAttributes as ToolAttributes,
)

# isort: on
from .codecs import AnnotatedLLMRequest, AnnotatedLLMResponse, LlmCodec, LlmResponseCodec

_Args = TypeVar("_Args")
_Result = TypeVar("_Result")
_Chunk = TypeVar("_Chunk")

__version__: str
default_runtime: Runtime
functions: object

class EnumerationType(type):
    def __call__(cls, value: int) -> Any: ...
    def __iter__(cls) -> Iterator[Any]: ...
    def __len__(cls) -> int: ...

@disjoint_base
class Enumeration:
    @property
    def value(self) -> int: ...
    @property
    def name(self) -> str: ...
    def __int__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[int, Any], /) -> Self: ...

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
    def capsule(self) -> object: ...
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
    def attributes(self) -> ScopeAttributes | ToolAttributes | LLMAttributes: ...
    @property
    def tool_call_id(self) -> str | None: ...
    @property
    def model_name(self) -> str | None: ...
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

@final
class ScopeStack: ...

@final
class LLMRequest:
    headers: Any
    content: Any
    def __init__(self, headers: Any, content: Any) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class LogSeverity(Enumeration, metaclass=EnumerationType):
    Trace: ClassVar[LogSeverity]
    Debug: ClassVar[LogSeverity]
    Info: ClassVar[LogSeverity]
    Warn: ClassVar[LogSeverity]
    Error: ClassVar[LogSeverity]

@final
class PendingMarkSpec:
    def __init__(
        self,
        name: str,
        category: str | None = None,
        category_profile: object = None,
        data: object = None,
        metadata: object = None,
        data_schema: object = None,
        severity: LogSeverity | None = None,
    ) -> None: ...
    @property
    def severity(self) -> LogSeverity | None: ...
    @property
    def name(self) -> str: ...
    @property
    def category(self) -> str | None: ...
    @property
    def category_profile(self) -> Any: ...
    @property
    def data(self) -> Any: ...
    @property
    def metadata(self) -> Any: ...
    @property
    def data_schema(self) -> Any: ...

@final
class ToolExecutionResult(Generic[_Result]):
    def __init__(self, result: _Result, annotation: object = None) -> None: ...
    @property
    def result(self) -> _Result: ...
    @property
    def annotation(self) -> Any: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class InterceptOutcome:
    def __init__(
        self,
        result: object,
        pending_marks: Iterable[PendingMarkSpec] = (),
        *,
        annotation: object = None,
    ) -> None: ...
    @property
    def result(self) -> Any: ...
    @property
    def annotation(self) -> Any: ...
    @property
    def pending_marks(self) -> list[PendingMarkSpec]: ...

@final
class LLMRequestInterceptOutcome:
    def __init__(
        self,
        request: LLMRequest,
        annotated_request: object = None,
        pending_marks: Iterable[PendingMarkSpec] = (),
    ) -> None: ...
    @property
    def request(self) -> LLMRequest: ...
    @property
    def annotated_request(self) -> Any: ...
    @property
    def pending_marks(self) -> list[PendingMarkSpec]: ...

@final
class RegistrationInfo:
    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def priority(self) -> int: ...
    @property
    def breaks_chain(self) -> bool: ...
    @property
    def target(self) -> str | None: ...
    @property
    def target_kinds(self) -> frozenset[str]: ...

@disjoint_base
class TypedResult:
    def __init__(self, codec: Any, what: str, name: str) -> None: ...
    def encoded(self, value: Any) -> Any: ...
    def awaited(self, waiting: Awaitable[Any]) -> Coroutine[Any, Any, Any]: ...
    def decoded(self, data: Any) -> Any: ...

@disjoint_base
class TypedTarget(TypedResult):
    def __init__(
        self, function: Callable[[Any], Any], codec: Any, what: str, name: str
    ) -> None: ...
    @property
    def __code__(self) -> CodeType: ...
    def __call__(self, data: Any) -> Any: ...

@final
class TypedTool(TypedTarget):
    def __init__(
        self,
        function: Callable[[Any], Any],
        arguments: Any,
        arguments_codec: Any,
        codec: Any,
        name: str,
    ) -> None: ...
    @property
    def json(self) -> Any: ...

@final
class CallContext:
    @property
    def target(self) -> str: ...
    @property
    def scope(self) -> ScopeHandle: ...
    @property
    def tool_call_id(self) -> str | None: ...
    @property
    def model_name(self) -> str | None: ...
    @property
    def codec(self) -> Any: ...
    @property
    def response_codec(self) -> Any: ...

@final
class LlmStream(AsyncIterator[_Chunk]):
    def __aiter__(self) -> LlmStream[_Chunk]: ...
    def __anext__(self) -> Coroutine[Any, Any, _Chunk]: ...
    def aclose(self) -> Awaitable[None]: ...
    def __aenter__(self) -> Awaitable[LlmStream[_Chunk]]: ...
    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Awaitable[None]: ...

@final
class StreamOpening(Coroutine[Any, Any, LlmStream[_Chunk]]):
    @property
    def __name__(self) -> str: ...  # pyright: ignore[reportIncompatibleVariableOverride]
    @property
    def __qualname__(self) -> str: ...  # pyright: ignore[reportIncompatibleVariableOverride]
    def __await__(self) -> Generator[Any, Any, LlmStream[_Chunk]]: ...
    def send(self, value: Any) -> Any: ...
    def throw(
        self, kind: Any, value: Any = None, traceback: TracebackType | None = None
    ) -> Any: ...
    def close(self) -> None: ...
    @property
    def cr_running(self) -> bool: ...
    @property
    def cr_suspended(self) -> bool: ...
    @property
    def cr_await(self) -> Any: ...
    @property
    def cr_frame(self) -> None: ...
    @property
    def cr_code(self) -> None: ...
    @property
    def cr_origin(self) -> None: ...

@final
class SyncLlmStream(Iterator[_Chunk]):
    def __iter__(self) -> SyncLlmStream[_Chunk]: ...
    def __next__(self) -> _Chunk: ...
    def close(self) -> None: ...
    def __enter__(self) -> SyncLlmStream[_Chunk]: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]: ...

@disjoint_base
class Event:
    @property
    def kind(self) -> Literal["scope", "mark"]: ...
    @property
    def scope_category(self) -> Literal["start", "end"] | None: ...
    @property
    def atof_version(self) -> str | None: ...
    @property
    def uuid(self) -> str: ...
    @property
    def parent_uuid(self) -> str | None: ...
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
    @property
    def annotated_request(self) -> AnnotatedLLMRequest | None: ...
    @property
    def annotated_response(self) -> AnnotatedLLMResponse | None: ...
    @property
    def line_number(self) -> int | None: ...
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
    @property
    def severity(self) -> LogSeverity | None: ...

@final
class Runtime(RuntimeOperations):
    def __new__(
        cls,
        *,
        flags: RuntimeFlags | int | None = None,
        clock_start: int = 0,
        clock_step: int = 1000000,
        payload_budget: int = 1048576,
        credential_headers: str | None = None,
    ) -> Runtime: ...
    @property
    def capsule(self) -> object: ...
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
        category: str | None = None,
        category_profile: object = None,
        data_schema: object = None,
        severity: LogSeverity | None = None,
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
    @property
    def scope_stack_variable(self) -> ContextVar[object]: ...
    def get_scope_stack(self) -> ScopeStack: ...
    def create_scope_stack(self, propagation: str | None = None) -> ScopeStack: ...
    def set_scope_stack(self, stack: ScopeStack) -> None: ...
    def find_scope(self, uuid: str) -> ScopeHandle: ...
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
    def tool_call(
        self,
        name: str,
        args: object,
        *,
        handle: ScopeHandle | None = None,
        attributes: ToolAttributes | int | None = None,
        data: object = None,
        metadata: object = None,
        tool_call_id: str | None = None,
        timestamp: datetime | int | None = None,
    ) -> ScopeHandle: ...
    def tool_call_end(
        self,
        handle: ScopeHandle,
        result: object = ...,
        *,
        data: object = None,
        metadata: object = None,
        error: BaseException | None = None,
        status: EndStatus | None = None,
        timestamp: datetime | int | None = None,
    ) -> None: ...
    def tool_request_intercepts(self, name: str, args: Any) -> Coroutine[Any, Any, Any]: ...
    def tool_request_intercepts_sync(self, name: str, args: Any) -> Any: ...
    def tool_conditional_execution(self, name: str, args: object) -> Coroutine[Any, Any, None]: ...
    def tool_conditional_execution_sync(self, name: str, args: object) -> None: ...
    @overload
    def llm_execute(
        self,
        name: str,
        request: LLMRequest,
        func: Callable[[LLMRequest], Awaitable[_Result]],
        *,
        handle: ScopeHandle | None = None,
        attributes: LLMAttributes | int | None = None,
        data: object = None,
        metadata: object = None,
        model_name: str | None = None,
        codec: LlmCodec | str | None = None,
        response_codec: LlmResponseCodec | str | None = None,
        timestamp: datetime | int | None = None,
    ) -> Coroutine[Any, Any, _Result]: ...
    @overload
    def llm_execute(
        self,
        name: str,
        request: LLMRequest,
        func: Callable[[LLMRequest], _Result],
        *,
        handle: ScopeHandle | None = None,
        attributes: LLMAttributes | int | None = None,
        data: object = None,
        metadata: object = None,
        model_name: str | None = None,
        codec: LlmCodec | str | None = None,
        response_codec: LlmResponseCodec | str | None = None,
        timestamp: datetime | int | None = None,
    ) -> Coroutine[Any, Any, _Result]: ...
    def llm_execute_sync(
        self,
        name: str,
        request: LLMRequest,
        func: Callable[[LLMRequest], _Result],
        *,
        handle: ScopeHandle | None = None,
        attributes: LLMAttributes | int | None = None,
        data: object = None,
        metadata: object = None,
        model_name: str | None = None,
        codec: LlmCodec | str | None = None,
        response_codec: LlmResponseCodec | str | None = None,
        timestamp: datetime | int | None = None,
    ) -> _Result: ...
    def llm_stream_execute(
        self,
        name: str,
        request: LLMRequest,
        func: Callable[
            [LLMRequest],
            AsyncIterator[_Chunk] | Iterator[_Chunk] | Awaitable[AsyncIterator[_Chunk]],
        ],
        collector: Callable[[_Chunk], object] | None = None,
        finalizer: Callable[[], object] | None = None,
        *,
        handle: ScopeHandle | None = None,
        attributes: LLMAttributes | int | None = None,
        data: object = None,
        metadata: object = None,
        model_name: str | None = None,
        codec: LlmCodec | str | None = None,
        response_codec: LlmResponseCodec | str | None = None,
        chunk_marks: bool = False,
        timestamp: datetime | int | None = None,
    ) -> StreamOpening[_Chunk]: ...
    def llm_stream_execute_sync(
        self,
        name: str,
        request: LLMRequest,
        func: Callable[[LLMRequest], Iterator[_Chunk]],
        collector: Callable[[_Chunk], object] | None = None,
        finalizer: Callable[[], object] | None = None,
        *,
        handle: ScopeHandle | None = None,
        attributes: LLMAttributes | int | None = None,
        data: object = None,
        metadata: object = None,
        model_name: str | None = None,
        codec: LlmCodec | str | None = None,
        response_codec: LlmResponseCodec | str | None = None,
        chunk_marks: bool = False,
        timestamp: datetime | int | None = None,
    ) -> SyncLlmStream[_Chunk]: ...
    def llm_call(
        self,
        name: str,
        request: LLMRequest,
        *,
        handle: ScopeHandle | None = None,
        attributes: LLMAttributes | int | None = None,
        data: object = None,
        metadata: object = None,
        model_name: str | None = None,
        annotated_request: object = None,
        codec: LlmCodec | str | None = None,
        timestamp: datetime | int | None = None,
    ) -> ScopeHandle: ...
    def llm_call_end(
        self,
        handle: ScopeHandle,
        response: object = ...,
        *,
        data: object = None,
        metadata: object = None,
        annotated_response: object = None,
        response_codec: LlmResponseCodec | str | None = None,
        error: BaseException | None = None,
        status: EndStatus | None = None,
        timestamp: datetime | int | None = None,
    ) -> None: ...
    def llm_request_intercepts(
        self, name: str, request: LLMRequest
    ) -> Coroutine[Any, Any, LLMRequest]: ...
    def llm_request_intercepts_sync(self, name: str, request: LLMRequest) -> LLMRequest: ...
    def llm_conditional_execution(
        self, request: LLMRequest, *, name: str = ""
    ) -> Coroutine[Any, Any, None]: ...
    def llm_conditional_execution_sync(self, request: LLMRequest, *, name: str = "") -> None: ...
    def runtime_flush(self) -> None: ...
    def runtime_close(self) -> None: ...
    def close(self) -> None: ...
    def stats(self) -> RuntimeStats: ...
    def registrations(self, scope: ScopeHandle | None = None) -> list[RegistrationInfo]: ...
    def last_errors(self) -> list[str]: ...

def read_event(reader: AtofReader) -> ScopeEvent | MarkEvent | AtofItem: ...
def is_serving() -> bool: ...
def output_value(output: CodecOutput) -> Any: ...
def decode_request(codec: int, content: object) -> dict[str, Any]: ...
def decode_response(codec: int, response: object) -> dict[str, Any]: ...
def know_core_codec(of_class: type, codec: int) -> None: ...
def request_edits(codec: int, annotated: object, content: object) -> list[list[Any]]: ...
def changed_request_edits(
    codec: int, annotated: object, decoded: object, content: object
) -> list[list[Any]]: ...
