"""How the spec's names and types are spelled in Go and in the C of its glue."""

from __future__ import annotations

from spec.gen.model import Api, Argument, Field, Operation, Struct, Type
from spec.gen.names import camel, pascal

# What users of the package never see: the protocol between the core and this binding.
INTERNAL_TYPES = {
    "answer_kind", "atof_item", "atof_item_kind", "call_flag", "callable_flag", "event_info",
    "answer_flag", "codec_action", "decode_shape", "event_part", "log_level", "pop_flag",
    "propagation", "sse_item", "sse_item_kind", "step_flag", "step_kind", "token",
}  # fmt: skip

# Arguments that the binding itself gives.
MANAGED_ARGUMENTS = {"current", "emitter"}

# What is no option though it has a default: (operation, argument).
POSITIONAL = {("codec_stream_new", "codec")}

# Options that only the binding and its tests use: (operation, argument).
INTERNAL_OPTIONS = {
    ("scope_pop", "flags"), ("tool_execute", "flags"), ("tool_request_intercepts", "flags"),
    ("tool_conditional_execution", "flags"), ("llm_execute", "flags"),
    ("llm_stream_execute", "flags"), ("llm_request_intercepts", "flags"),
    ("llm_conditional_execution", "flags"), ("atof_sink_open", "mode"),
    ("atof_sink_open", "delivery"), ("atof_sink_open", "overflow"),
    ("atof_sink_open", "queue_limit"), ("atof_sink_open", "queue_event_limit"),
    ("atof_sink_open", "spill_limit"), ("atof_sink_open", "delay"),
    ("atof_sink_open", "exit_timeout"), ("atof_sink_open", "file_limit"),
    ("atof_sink_open", "kept_file_count"),
    ("registration_list_new", "owner"),
}  # fmt: skip

# Operations whose idiomatic form is written by hand, and what it is called.
GO_NAMES = {
    "runtime_new": "NewRuntime",
    "runtime_flush": "Runtime.Flush",
    "scope_push": "PushScope",
    "scope_pop": "PopScope",
    "scope_event": "EmitEvent",
    "runtime_close": "Runtime.Close",
    "tool_execute": "ToolCallExecute",
    "tool_call": "ToolCall",
    "tool_call_end": "ToolCallEnd",
    "tool_request_intercepts": "ToolRequestIntercepts",
    "tool_conditional_execution": "ToolConditionalExecution",
    "llm_execute": "LLMCallExecute",
    "llm_stream_execute": "LLMStreamCallExecute",
    "llm_call": "LLMCall",
    "llm_call_end": "LLMCallEnd",
    "llm_request_intercepts": "LLMRequestIntercepts",
    "llm_conditional_execution": "LLMConditionalExecution",
    "atof_sink_open": "NewAtofExporter",
    "scope_new_root": "WithNewRoot",
    "propagation_capture": "CapturePropagation",
    "propagation_adopt": "WithPropagation",
    "registration_list_new": "Runtime.Registrations",
    "codec_detect_request": "DetectRequest",
    "codec_detect_response": "DetectResponse",
    "codec_decode_request": "ProviderCodec.AnnotateRequest",
    "codec_edit_request": "ProviderCodec.Encode",
    "codec_decode_response": "ProviderCodec.AnnotateResponse",
    "codec_set_prices": "Runtime.UsePrices",
    "codec_stream_new": "ProviderCodec.NewStream",
    "sse_decoder_new": "NewSSEDecoder",
}

OPTION_TYPES = {
    "runtime_new": "RuntimeOption",
    "scope_push": "ScopeOption",
    "scope_pop": "ScopeEndOption",
    "scope_event": "EventOption",
    "tool_execute": "ToolCallOption",
    "tool_call": "ToolBeginOption",
    "tool_call_end": "ToolEndOption",
    "tool_request_intercepts": "toolRequestInterceptsOption",
    "tool_conditional_execution": "toolConditionalExecutionOption",
    "llm_execute": "LLMCallOption",
    "llm_stream_execute": "LLMStreamOption",
    "llm_call": "LLMBeginOption",
    "llm_call_end": "LLMEndOption",
    "llm_request_intercepts": "llmRequestInterceptsOption",
    "llm_conditional_execution": "llmConditionalExecutionOption",
    "atof_sink_open": "atofSinkOption",
    "atof_reader_new": "AtofReaderOption",
    "registration_list_new": "registrationListOption",
    "codec_stream_new": "CodecStreamOption",
    "sse_decoder_new": "SSEDecoderOption",
}

# Handles whose Go type is written by hand: the type and its receiver.
CLASSES = {"runtime": ("Runtime", "r"), "scope": ("Scope", "s")}

# Enums whose values are used like things of their own, and what their names end in.
_THINGS = {"codec_id": ("ProviderCodec", "Codec")}

_INITIALISMS = {
    "uuid": "UUID", "id": "ID", "json": "JSON", "llm": "LLM", "ns": "Ns", "ok": "OK",
    "openai": "OpenAI", "sse": "SSE", "api": "API", "url": "URL",
}  # fmt: skip

_RESERVED = {
    "break", "case", "chan", "const", "continue", "default", "defer", "else", "fallthrough", "for",
    "func", "go", "goto", "if", "import", "interface", "map", "package", "range", "return",
    "select", "struct", "switch", "var", "len", "cap", "error", "string", "new", "nil", "self",
    "call", "ref", "token", "runtime", "status", "event",
}  # fmt: skip

_INTEGERS = {
    "i32": ("int32", "int32_t"),
    "u32": ("uint32", "uint32_t"),
    "i64": ("int64", "int64_t"),
    "u64": ("uint64", "uint64_t"),
    "f64": ("float64", "double"),
    "size": ("uintptr", "size_t"),
    "timestamp": ("int64", "int64_t"),
}


def exported(name: str) -> str:
    """`parent_uuid` -> `ParentUUID`; `tool_call_id` -> `ToolCallID`."""
    return "".join(_INITIALISMS.get(part, pascal(part)) for part in name.split("_"))


def unexported(name: str) -> str:
    """`parent_uuid` -> `parentUUID`."""
    first, *rest = name.split("_")
    return first + "".join(_INITIALISMS.get(part, pascal(part)) for part in rest)


def local(name: str) -> str:
    """A variable or field; `type` -> `typ`, other words of Go or of the package get `Value`."""
    if name == "type":
        return "typ"
    spelled = unexported(name)
    return spelled + "Value" if spelled in _RESERVED else spelled


def type_name(name: str) -> str:
    """An enum, a flag set or a struct."""
    if name in _THINGS:
        return _THINGS[name][0]
    return camel(name) if name in INTERNAL_TYPES else exported(name)


def reader(name: str) -> str:
    """The function that copies a struct of C."""
    own = type_name(name)
    return "read" + own[0].upper() + own[1:]


def constant(kind: str, name: str) -> str:
    """A member of an enum: `ScopeTypeAgent`, `tokenNull`, `AutoCodec`."""
    if kind in _THINGS:
        return exported(name) + _THINGS[kind][1]
    return type_name(kind) + exported(name)


def handle_type(name: str) -> str:
    return camel(name) + "Handle"


def class_of(api: Api, handle: str) -> tuple[str, str] | None:
    """The Go type around a handle and its receiver. Confined handles never leave the driver."""
    if handle in CLASSES:
        return CLASSES[handle]
    if api.handle(handle).thread == "confined":
        return None
    return camel(handle), camel(handle)[0]


def noun(operation: Operation, handle: str) -> str:
    """The name of an operation as a method of a handle: `sink_flush` of `atof_sink` -> `flush`."""
    prefix = handle.removeprefix(operation.module + "_") + "_"
    own = operation.name
    return own.removeprefix(prefix)


def go_type(kind: Type) -> str:
    """What the core's functions take and give back in Go."""
    if kind.is_reference:
        return "ref"
    if kind.kind in _INTEGERS:
        return _INTEGERS[kind.kind][0]
    if kind.kind in ("enum", "flags", "struct"):
        return type_name(kind.name)
    if kind.kind == "handle":
        return handle_type(kind.name)
    return {
        "string": "string", "chars": "string", "bytes": "[]byte", "bool": "bool", "uuid": "UUID",
        "status": "Status",
        "emitter": "emitterHandle", "host": "uintptr", "value": "callAddress",
    }[kind.kind]  # fmt: skip


def value_type(api: Api, item: Argument) -> str:
    """What an application gives for an argument."""
    kind = item.type
    if kind.kind == "callable":
        return _CODECS[item.name]
    if kind.kind == "payload" or kind.kind == "ref":
        return "any"
    if kind.kind == "error":
        return "error"
    if kind.kind == "handle":
        owner = class_of(api, kind.name)
        return "*" + owner[0] if owner else go_type(kind)
    if kind.kind == "string" and item.optional:
        return "*string"
    return go_type(kind)


# What the arguments are that are callables of a call and not of a registry.
_CODECS = {"codec": "RequestCodec", "response_codec": "ResponseCodec"}


def c_type(kind: Type) -> str:
    """A parameter of the glue's C, after texts have been taken apart."""
    if kind.is_reference:
        return "scopeflow_ref"
    if kind.kind in _INTEGERS:
        return _INTEGERS[kind.kind][1]
    return {"enum": "int32_t", "flags": "uint32_t", "bool": "uint32_t", "status": "int32_t"}[
        kind.kind
    ]


def field_name(item: Field | Argument) -> str:
    """An exported field with its unit: `StartedAtNs`."""
    unit = "_" + item.unit if item.unit else ""
    return exported(item.name + unit)


def documented(name: str, doc: str) -> str:
    """A doc that begins with the name, as Go's do: `Flush: …`, or `flush waits …` for a verb."""
    first = doc.split(" ", 1)[0]
    if first.endswith("s") and first[0].isupper():
        return f"{name} {doc[0].lower()}{doc[1:]}"
    return f"{name}: {doc}"


def structs_out(api: Api) -> list[Struct]:
    """The structs that an operation fills for its caller."""
    names = {op.out.type.name for op in api.operations if op.out and op.out.type.kind == "struct"}
    return [s for s in api.structs if s.name in names and s.name != "step"]
